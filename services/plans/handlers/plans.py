"""Making and deleting plans, and revising their targets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from services.plans.domain.plan import Plan, ineligibility
from services.plans.domain.refusal import ConflictError, Flaw, InvalidError, NotFoundError
from services.plans.domain.strategy import Strategy
from services.plans.domain.target import TargetChange, Targets, revise_targets
from services.plans.handlers.desk import Change, Desk, Expected, change, check_expected
from services.plans.handlers.tell import plan_defined, plan_deleted
from services.plans.handlers.ticks import issue_overdue
from services.plans.store import directory, plans, strategies
from shared.kernel.ids import parse_id
from shared.messaging import outbox
from shared.postgres.pool import Connection

PARTNER: Final = "/partner_id"


@dataclass(frozen=True)
class PlanDraft:
    """A plan as a client sends it."""

    strategy_id: str
    partner_id: str
    targets: Mapping[str, Any]


@dataclass(frozen=True)
class PlanView:
    """A plan with what it is shown beside."""

    plan: Plan
    strategy: Strategy
    partner_name: str | None


async def create_plan(desk: Desk, draft: PlanDraft) -> PlanView:
    """Make a plan. Raises InvalidError, and ConflictError when the partner has one already.

    A partner that was told of a moment ago may not have been heard of: before it is refused, the
    directory catches up.
    """
    try:
        return await _create(desk, draft)
    except InvalidError as refused:
        if PARTNER not in {flaw.pointer for flaw in refused.flaws}:
            raise
    await desk.catch_up()
    return await _create(desk, draft)


async def _create(desk: Desk, draft: PlanDraft) -> PlanView:
    async with change(desk) as under_way:
        connection = under_way.connection
        strategy = await _strategy_named(connection, draft.strategy_id)
        if await plans.has_plan(connection, strategy.strategy_id, draft.partner_id):
            raise ConflictError("The partner has a plan of this strategy")
        partner = await directory.find_partner(connection, draft.partner_id)
        refused = ineligibility(partner, strategy.partner_groups)
        changes = _first_targets(strategy, draft, [Flaw(PARTNER, refused)] if refused else [])
        plan = Plan(
            plan_id=desk.new_id(),
            strategy_id=strategy.strategy_id,
            partner_id=draft.partner_id,
            revision=1,
            created_at=under_way.at,
            targets=_after({}, changes),
        )
        await plans.add_plan(connection, plan)
        await plans.put_targets(connection, plan.plan_id, changes)
        await outbox.put(connection, [plan_defined(plan, under_way.at)])
        return PlanView(plan, strategy, partner.name if partner else None)


async def _strategy_named(connection: Connection, given: str) -> Strategy:
    strategy_id = parse_id(given)
    found = (
        await strategies.find_strategy_to_rely_on(connection, strategy_id) if strategy_id else None
    )
    if found is None:
        raise InvalidError([Flaw("/strategy_id", "no strategy has this id")])
    return found


def _first_targets(strategy: Strategy, draft: PlanDraft, flaws: list[Flaw]) -> list[TargetChange]:
    """The targets of a new plan; every flaw of the request is told at once."""
    try:
        changes = revise_targets(strategy.goals, {}, draft.targets)
    except InvalidError as refused:
        raise InvalidError(flaws + refused.flaws) from None
    if flaws:
        raise InvalidError(flaws)
    return changes


async def revise_plan(
    desk: Desk,
    who: str,
    plan_id: str,
    targets: Mapping[str, Any],
    *,
    reason: str | None,
    expected: Expected,
) -> PlanView:
    """Revise targets of a plan; each revision keeps who, when, what it was and why.

    Raises NotFoundError, ConflictError when it has ended, StaleError, InvalidError.
    """
    async with change(desk) as under_way:
        plan, strategy = await _to_change(under_way, plan_id, expected)
        changes = revise_targets(strategy.goals, plan.targets, targets)
        if changes:
            plan = await _save(under_way, plan, changes)
            await plans.add_history(
                under_way.connection, plan_id, changes, who=who, at=under_way.at, reason=reason
            )
        shown = await plans.find_plan(under_way.connection, plan_id)
        return PlanView(plan, strategy, shown[1] if shown else None)


async def _save(under_way: Change, plan: Plan, changes: list[TargetChange]) -> Plan:
    revised = replace(plan, revision=plan.revision + 1, targets=_after(plan.targets, changes))
    await plans.put_targets(under_way.connection, plan.plan_id, changes)
    await plans.advance_plan(under_way.connection, plan.plan_id, revised.revision)
    await outbox.put(under_way.connection, [plan_defined(revised, under_way.at)])
    return revised


def _after(targets: Targets, changes: list[TargetChange]) -> Targets:
    merged = {**targets, **{change.goal.goal_id: change.new for change in changes}}
    return {goal_id: target for goal_id, target in merged.items() if target is not None}


async def delete_plan(desk: Desk, plan_id: str, expected: Expected) -> None:
    """Delete a plan. Raises NotFoundError, ConflictError when it has ended, StaleError."""
    async with change(desk) as under_way:
        plan, strategy = await _to_change(under_way, plan_id, expected)
        await issue_overdue(under_way, strategy.strategy_id)
        await plans.delete_plan(under_way.connection, plan_id)
        await outbox.put(under_way.connection, [plan_deleted(plan, under_way.at)])


async def _to_change(under_way: Change, plan_id: str, expected: Expected) -> tuple[Plan, Strategy]:
    """A plan and its strategy, in the order in which everybody locks them."""
    connection = under_way.connection
    strategy_id = await plans.find_strategy_of_plan(connection, plan_id)
    strategy = (
        await strategies.find_strategy_to_rely_on(connection, strategy_id) if strategy_id else None
    )
    plan = await plans.find_plan_to_change(connection, plan_id) if strategy else None
    if plan is None or strategy is None:
        raise NotFoundError("No such plan")
    if strategy.has_ended(under_way.day):
        raise ConflictError("The plan has ended; it is kept as it is")
    check_expected(plan.revision, expected)
    return plan, strategy


async def open_plan(desk: Desk, plan_id: str) -> PlanView:
    """A plan as it stands; opening it takes an import's label away. Raises NotFoundError."""
    async with desk.pool.acquire() as connection:
        found = await plans.find_plan(connection, plan_id)
        strategy = (
            await strategies.find_strategy(connection, found[0].strategy_id) if found else None
        )
        if found is None or strategy is None:
            raise NotFoundError("No such plan")
        if found[0].label is not None:
            await plans.open_plan(connection, plan_id)
        return PlanView(found[0], strategy, found[1])
