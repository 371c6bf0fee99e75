"""Answering: what plans stand at, why, and whether the kept figures are those of the ledger."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.progress.domain import explanation
from services.progress.domain.goal import Scope
from services.progress.domain.sheet import Figures, KnownPlan, Moment, head_of, scope_of, sheet_of
from services.progress.handlers.take import FOREVER
from services.progress.store import figures, ledger, plans
from services.progress.store.plans import Snapshot
from shared.events.plans import Goal, PlanSnapshot, StrategySnapshot
from shared.postgres.pool import Connection

COMPARED_AT_ONCE: Final = 1000
_FIRST: Final = UUID(int=0)


async def find_known(
    connection: Connection, plan_ids: Iterable[UUID], moment: Moment
) -> dict[UUID, KnownPlan]:
    """Plans with their strategies as known at a moment; those that were not there are left out."""
    known_at = moment.known_at or FOREVER
    ids = [str(one) for one in plan_ids]
    found = await plans.find_snapshots(connection, "plan", ids, known_at)
    snapshots = [PlanSnapshot.model_validate_json(one.body) for one in found.values()]
    strategies = await _strategies(connection, snapshots, known_at)
    partners = await _partners(connection, snapshots, known_at)
    known = [
        KnownPlan(one, strategies[one.strategy_id], one.partner_id in partners)
        for one in snapshots
        if one.strategy_id in strategies
    ]
    return {one.plan_id: one for one in known}


async def _strategies(
    connection: Connection, found: Sequence[PlanSnapshot], known_at: datetime
) -> dict[str, StrategySnapshot]:
    ids = (one.strategy_id for one in found)
    rows = await plans.find_snapshots(connection, "strategy", ids, known_at)
    return {key: StrategySnapshot.model_validate_json(row.body) for key, row in rows.items()}


async def _partners(
    connection: Connection, found: Sequence[PlanSnapshot], known_at: datetime
) -> dict[str, Snapshot]:
    ids = (one.partner_id for one in found)
    return await plans.find_snapshots(connection, "partner", ids, known_at)


async def find_figures(
    connection: Connection, known: Sequence[KnownPlan], moment: Moment
) -> Figures:
    """What plans stand at: from the cells where they say it all, else from the ledger."""
    if moment.known_at is not None:
        return await figures.add_up(connection, scope_of([*known]), moment.known_at, moment.day)
    kept, reach = await figures.find_cells(connection, [one.plan_id for one in known])
    beyond = [one for one in known if one.plan_id in reach and reach[one.plan_id] > moment.day]
    if not beyond:
        return kept
    counted = await figures.add_up(connection, scope_of(beyond), FOREVER, moment.day)
    late = {one.plan_id for one in beyond}
    return {**{key: value for key, value in kept.items() if key[0] not in late}, **counted}


async def show_sheets(
    connection: Connection,
    plan_ids: Sequence[UUID],
    moment: Moment,
    complete_to: datetime | None,
) -> list[dict[str, Any]]:
    """The progress of plans, in the order of their ids as given."""
    known = await find_known(connection, plan_ids, moment)
    shown = [known[one] for one in plan_ids if one in known]
    found = await find_figures(connection, shown, moment)
    return [sheet_of(one, found, moment, complete_to) for one in shown]


async def list_contributions(
    connection: Connection,
    known: KnownPlan,
    goal: Goal,
    moment: Moment,
    *,
    after: Sequence[Any] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """What makes up the value of a goal, by day and record."""
    scope = scope_of([known])
    goals = [one for one in scope.goals if str(one.goal_id) == goal.goal_id]
    rows = await figures.list_contributions(
        connection,
        Scope(scope.plans, goals),
        moment.known_at or FOREVER,
        moment.day,
        after=(after[0], after[1]) if after else (None, None),
        limit=limit,
    )
    return [explanation.contribution(row, goal.unit) for row in rows]


async def judge(
    connection: Connection, known: KnownPlan, record: str, moment: Moment
) -> list[dict[str, Any]] | None:
    """What every goal of a plan says to a record; None when it is no record of the partner's."""
    partner_id = known.plan.partner_id
    key = explanation.record_key(record, partner_id)
    if key is None:
        return None
    known_at = moment.known_at or FOREVER
    found = await ledger.find_record(connection, *key, known_at)
    if found is None or found.partner_id != partner_id:
        return None
    appraised = await figures.judge(connection, scope_of([known]), known_at, *key)
    return explanation.verdicts(
        known.strategy, key[0], appraised, until=moment.day, deleted=found.deleted
    )


def show_heads(known: Iterable[KnownPlan], moment: Moment) -> list[dict[str, Any]]:
    """What plans are, without their figures."""
    return [head_of(one, moment.day) for one in known]


async def verify(connection: Connection) -> dict[str, int]:
    """Hold every kept figure against the ledger, in the snapshot of the caller's transaction."""
    await figures.set_for_recomputing(connection)
    count = {"plans": 0, "goals": 0, "cells": 0, "differences": 0}
    async for compared in compare_all(connection):
        count["plans"] += compared.plans
        count["goals"] += compared.goals
        count["cells"] += 4 * compared.goals
        count["differences"] += sum(compared.differing.values())
    count["differences"] += len(await figures.list_stale_plans(connection))
    count["differences"] += await figures.count_misplaced_versions(connection)
    return count


@dataclass(frozen=True)
class Compared:
    """Some plans, their goals, and which of the plans have how many figures that differ."""

    plans: int
    goals: int
    differing: dict[UUID, int]


async def compare_all(connection: Connection) -> AsyncIterator[Compared]:
    """Hold the kept figures of all plans against the ledger, some plans at a time."""
    after = _FIRST
    while ids := await plans.list_plans(connection, after, COMPARED_AT_ONCE):
        yield await _compare(connection, ids)
        after = ids[-1]


async def _compare(connection: Connection, ids: Sequence[UUID]) -> Compared:
    rows = await plans.find_plans(connection, ids)
    goals = await plans.find_goals(connection, {row.strategy_id for row in rows})
    per_strategy = Counter(goal.strategy_id for goal in goals)
    here = sum(per_strategy[row.strategy_id] for row in rows)
    return Compared(len(rows), here, await figures.compare(connection, Scope(rows, goals)))
