"""How strategies, plans and imports are shown."""

from datetime import date, datetime
from typing import Any

import asyncpg

from services.plans.domain.goal import Goal
from services.plans.domain.plan import Plan
from services.plans.domain.strategy import Strategy
from services.plans.handlers.seller_plans import SellerPlanView
from shared.events.envelope import stamp


def strategy_answer(strategy: Strategy, today: date) -> dict[str, Any]:
    """A whole strategy; sent back by PUT it changes nothing."""
    return {
        "strategy_id": strategy.strategy_id,
        "version": strategy.revision,
        "name": strategy.name,
        "description": strategy.description,
        "status": strategy.status_on(today),
        "start_date": strategy.start_date.isoformat(),
        "end_date": strategy.end_date.isoformat(),
        "partner_groups": list(strategy.partner_groups),
        "goal_groups": [
            {
                "group_id": group.group_id,
                "name": group.name,
                "goals": [_goal(goal) for goal in group.goals],
            }
            for group in strategy.goal_groups
        ],
        "created": stamp(strategy.created_at),
        "changed": stamp(strategy.changed_at),
    }


def _goal(goal: Goal) -> dict[str, Any]:
    return {
        "goal_id": goal.goal_id,
        "type": goal.type,
        "name": goal.name,
        "unit": goal.unit,
        "options": dict(goal.options),
    }


def plan_answer(
    plan: Plan, strategy: Strategy, partner_name: str | None, *, today: date, now: datetime
) -> dict[str, Any]:
    """A plan with its targets; the partner's name is null while the partner is unknown."""
    goals = strategy.goals
    return {
        "plan_id": plan.plan_id,
        "version": plan.revision,
        "strategy_id": plan.strategy_id,
        "strategy_name": strategy.name,
        "partner_id": plan.partner_id,
        "partner_name": partner_name,
        "status": strategy.status_on(today),
        "start_date": strategy.start_date.isoformat(),
        "end_date": strategy.end_date.isoformat(),
        "created": stamp(plan.created_at),
        "label": plan.label_at(now),
        "targets": {
            goal_id: target.spelled(goals[goal_id].unit)
            for goal_id, target in plan.targets.items()
            if goal_id in goals
        },
    }


def history_answer(row: asyncpg.Record) -> dict[str, Any]:
    """One revision of a target."""
    return {
        "goal_id": str(row["goal_id"]),
        "who": row["who"],
        "when": stamp(row["changed_at"]),
        "old": row["old"],
        "new": row["new"],
        "reason": row["reason"],
    }


def counts_answer(found: asyncpg.Record) -> dict[str, Any]:
    """An import's counts, the same before and after it is committed."""
    names = ("new", "updates", "unchanged", "errors")
    return {"import_id": str(found["import_id"]), **{name: found[name] for name in names}}


def import_answer(found: asyncpg.Record) -> dict[str, Any]:
    """An import with what became of it."""
    committed = found["committed_at"]
    strategy_id = found["strategy_id"]
    return {
        **counts_answer(found),
        "strategy_id": None if strategy_id is None else str(strategy_id),
        "state": "previewed" if committed is None else "committed",
        "uploaded": stamp(found["uploaded_at"]),
        "uploaded_by": found["uploaded_by"],
        "committed": None if committed is None else stamp(committed),
    }


def seller_plan_answer(
    view: SellerPlanView, *, today: date, minimum_group_size: int
) -> dict[str, Any]:
    """A seller plan: how many take part, or have qualified for a draft; never who."""
    plan = view.plan
    return {
        "seller_plan_id": plan.seller_plan_id,
        "version": plan.revision,
        "name": plan.name,
        "cadence": plan.cadence,
        "status": plan.state_on(today),
        "start_date": plan.start_date.isoformat(),
        "end_date": plan.end_date.isoformat(),
        "participants": view.takers,
        "minimum_group_size": minimum_group_size,
        "created": stamp(plan.created_at),
        "scheduled": None if plan.scheduled_at is None else stamp(plan.scheduled_at),
        "stopped": None if plan.stopped_at is None else stamp(plan.stopped_at),
    }
