"""A plan's progress as it is shown: goals in their groups, values against targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from services.progress.domain.goal import GoalRow, PlanRow, Scope, plan_row, rules_of
from shared.events.envelope import stamp
from shared.events.plans import Goal, PlanSnapshot, StrategySnapshot, Target
from shared.kernel.money import percent, plain
from shared.kernel.period import local_day, status_on

Quarters = tuple[Decimal, Decimal, Decimal, Decimal]
Figures = Mapping[tuple[UUID, UUID], Quarters]
"""Plan and goal → what the four quarters hold."""

NOTHING: Final[Quarters] = (Decimal(0), Decimal(0), Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Moment:
    """What a figure is asked for: the day it is told at, and what is known by when.

    `known_at` None means all that is known now.
    """

    at: datetime
    known_at: datetime | None
    now: datetime
    zone: ZoneInfo

    @property
    def day(self) -> date:
        """The last day that counts."""
        return local_day(self.at, self.zone)

    @property
    def today(self) -> date:
        return local_day(self.now, self.zone)


@dataclass(frozen=True)
class KnownPlan:
    """A plan with its strategy, both as known at some moment."""

    plan: PlanSnapshot
    strategy: StrategySnapshot
    partner_is_known: bool

    @property
    def plan_id(self) -> UUID:
        return UUID(self.plan.plan_id)

    @property
    def row(self) -> PlanRow:
        return plan_row(self.plan, self.strategy, partner_is_known=self.partner_is_known)

    def goal(self, goal_id: str) -> Goal | None:
        """A goal of the plan's strategy; None when it has no such goal."""
        goals = (goal for group in self.strategy.goal_groups for goal in group.goals)
        return next((goal for goal in goals if goal.goal_id == goal_id), None)


def scope_of(plans: list[KnownPlan]) -> Scope:
    """What to ask for the figures of plans; goals of a strategy that several share, once."""
    strategies = {known.strategy.strategy_id: known.strategy for known in plans}
    goals: list[GoalRow] = [goal for one in strategies.values() for goal in rules_of(one)]
    return Scope([known.row for known in plans], goals)


def sheet_of(
    known: KnownPlan, figures: Figures, moment: Moment, complete_to: datetime | None
) -> dict[str, Any]:
    """The progress answer of a plan (contract, "Progress")."""
    strategy = known.strategy
    groups = [
        {
            "group_id": group.group_id,
            "name": group.name,
            "goals": [_goal(known, goal, figures) for goal in group.goals],
        }
        for group in strategy.goal_groups
    ]
    return {
        **head_of(known, moment.day),
        "at": stamp(moment.at),
        "known_at": stamp(moment.known_at or moment.now),
        "complete_to": stamp(complete_to) if complete_to else None,
        "goal_groups": groups,
    }


def head_of(known: KnownPlan, day: date) -> dict[str, Any]:
    """What a plan is, without its figures."""
    strategy = known.strategy
    return {
        "plan_id": known.plan.plan_id,
        "strategy_id": strategy.strategy_id,
        "strategy_name": strategy.name,
        "partner_id": known.plan.partner_id,
        "start_date": strategy.start_date.isoformat(),
        "end_date": strategy.end_date.isoformat(),
        "status": status_on(day, strategy.start_date, strategy.end_date),
    }


def _goal(known: KnownPlan, goal: Goal, figures: Figures) -> dict[str, Any]:
    quarters = figures.get((known.plan_id, UUID(goal.goal_id)), NOTHING)
    target = known.plan.targets.get(goal.goal_id)
    return {
        "goal_id": goal.goal_id,
        "name": goal.name,
        "type": goal.type,
        "unit": goal.unit,
        **_against(sum(quarters, Decimal(0)), target.annual if target else None, goal.unit),
        "quarters": _quarters(known.strategy, quarters, target, goal.unit),
    }


def _quarters(
    strategy: StrategySnapshot, quarters: Quarters, target: Target | None, unit: str
) -> list[dict[str, Any]]:
    starts = strategy.quarter_starts
    ends = [*starts[1:], strategy.end_date]
    targets = (target.q1, target.q2, target.q3, target.q4) if target else (None,) * 4
    return [
        {
            "quarter": number + 1,
            "starts": starts[number].isoformat(),
            "ends": ends[number].isoformat(),
            **_against(quarters[number], targets[number], unit),
        }
        for number in range(4)
    ]


def _against(value: Decimal, target: Decimal | None, unit: str) -> dict[str, str | None]:
    return {
        "target": None if target is None else plain(target, unit),
        "value": plain(value, unit),
        "percent": percent(value, target),
    }
