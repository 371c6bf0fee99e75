"""Correcting: what went out is held against what is known since."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.progress.domain.correction import (
    MOST_RECORDS,
    Corrected,
    Sent,
    find_corrected,
    read_sent,
    sent_of,
)
from services.progress.domain.sheet import KnownPlan, Moment, scope_of
from services.progress.handlers.ask import find_known
from services.progress.handlers.take import FOREVER
from services.progress.store import statements
from services.progress.store.statements import Differing
from shared.postgres.pool import Connection

Corrections = Mapping[UUID, Sequence[dict[str, Any]]]
"""Plan → what is otherwise than in a statement of it."""


async def correct_latest(
    connection: Connection,
    known: Mapping[UUID, KnownPlan],
    moment: Moment,
    unkept: Iterable[bytes] = (),
) -> Corrections:
    """What is otherwise than each plan's latest statement before a moment told.

    `unkept` are statements before it, in due order, that went out and are not kept yet.
    """
    kept = await statements.find_sent_before(connection, known, moment.at)
    latest = {one.plan_id: one for one in map(read_sent, [*kept, *unkept])}
    sent = [one for one in latest.values() if one.plan_id in known]
    return await correct(connection, sent, known, moment)


async def correct(
    connection: Connection,
    sent: Sequence[Sent],
    known: Mapping[UUID, KnownPlan],
    moment: Moment,
) -> Corrections:
    """What is otherwise than statements told, one for each plan, by what is known at a moment.

    `known` are the plans as known at that moment.
    """
    days = {one.plan_id: one.day(moment.zone) for one in sent}
    scope = scope_of([known[plan_id] for plan_id in days])
    known_at = moment.known_at or FOREVER
    figures = await statements.add_up_to_days(connection, scope, known_at, days)
    found: dict[datetime, dict[UUID, Sequence[Corrected]]] = {}
    for one in sent:
        corrected = find_corrected(one, known[one.plan_id], figures, days[one.plan_id])
        if corrected:
            found.setdefault(one.due_at, {})[one.plan_id] = corrected
    shown: dict[UUID, Sequence[dict[str, Any]]] = {}
    for due_at, some in found.items():
        shown |= await _explain(connection, some, due_at, known, moment)
    return shown


async def list_sent(
    connection: Connection,
    known: KnownPlan,
    moment: Moment,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """A plan's statements that went out, the latest first, with what is otherwise by now."""
    bodies = await statements.list_sent(connection, known.plan_id, after=after, limit=limit)
    shown = []
    for sent in map(read_sent, bodies):
        found = await correct(connection, [sent], {known.plan_id: known}, moment)
        shown.append(sent_of(sent, found.get(known.plan_id, [])))
    return shown


async def _explain(
    connection: Connection,
    found: Mapping[UUID, Sequence[Corrected]],
    told_at: datetime,
    known: Mapping[UUID, KnownPlan],
    moment: Moment,
) -> Corrections:
    """Corrections of plans' statements of one due time, with the records that made them."""
    then = await find_known(connection, found, Moment(told_at, told_at, told_at, moment.zone))
    rows = await statements.explain_corrections(
        connection,
        (scope_of([*then.values()]), told_at),
        (scope_of([known[plan_id] for plan_id in found]), moment.known_at or FOREVER),
        [_differing(plan_id, one) for plan_id, every in found.items() for one in every],
        MOST_RECORDS,
    )
    records = _by_figure(rows)
    return {
        plan_id: [one.shown(records.get((plan_id, one.goal.goal_id), [])) for one in every]
        for plan_id, every in found.items()
    }


def _differing(plan_id: UUID, one: Corrected) -> Differing:
    return Differing(plan_id, UUID(one.goal.goal_id), one.day, one.quarter)


def _by_figure(rows: Iterable[Any]) -> dict[tuple[UUID, str], list[Any]]:
    found: dict[tuple[UUID, str], list[Any]] = {}
    for row in rows:
        found.setdefault((row["plan_id"], str(row["goal_id"])), []).append(row)
    return found
