"""Due ticks and their statements."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.progress.domain.goal import Scope
from services.progress.domain.notice import Rendered
from services.progress.domain.sheet import Figures
from services.progress.domain.told import Tick
from services.progress.store import LONGEST_S, SQL
from services.progress.store.figures import figures_of
from shared.postgres.pool import Connection


async def note_ticks(connection: Connection, ticks: Sequence[Tick]) -> None:
    """Keep ticks that were heard; those known already stay as they are."""
    if ticks:
        columns = zip(*((t.tick_id, t.plan_id, t.period, t.due_at) for t in ticks), strict=True)
        await connection.execute(SQL["note_ticks"], *columns)


async def find_ticks(
    connection: Connection, tick_ids: Iterable[UUID]
) -> tuple[dict[UUID, Tick], dict[UUID, bytes]]:
    """Ticks that were heard, and the statements that were already given for them, by tick id."""
    rows = await connection.fetch(SQL["find_ticks"], list(tick_ids))
    ticks = {row["tick_id"]: Tick(*list(row)[:4]) for row in rows}
    return ticks, {row["tick_id"]: row["body"] for row in rows if row["body"] is not None}


async def freeze_statements(connection: Connection, statements: Mapping[UUID, Rendered]) -> None:
    """Keep statements for ever; of two renderings of one the first stays."""
    if statements:
        columns = zip(*statements.values(), strict=True)
        await connection.execute(SQL["freeze_statements"], list(statements), *columns)


async def find_sent_before(
    connection: Connection, plan_ids: Iterable[UUID], moment: datetime
) -> list[bytes]:
    """Of each plan the latest statement before a moment that went out; none where none did."""
    rows = await connection.fetch(SQL["find_sent_before"], list(plan_ids), moment)
    return [row["body"] for row in rows]


async def list_sent(
    connection: Connection, plan_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[bytes]:
    """A plan's statements that went out, the latest first; `after` is the due and id of a tick."""
    rows = await connection.fetch(SQL["list_sent"], plan_id, *(after or (None, None)), limit)
    return [row["body"] for row in rows]


async def add_up_to_days(
    connection: Connection, scope: Scope, known_at: datetime, until: Mapping[UUID, date]
) -> Figures:
    """Figures from the ledger as known at a moment, each plan's up to a day of its own."""
    if not scope.plans or not scope.goals:
        return {}
    rows = await connection.fetch(
        SQL["add_up_to_days"],
        scope.plans,
        scope.goals,
        known_at,
        list(until),
        list(until.values()),
        timeout=LONGEST_S,
    )
    return figures_of(rows)


class Differing(NamedTuple):
    """A figure that is another than it was: up to which day, and in one quarter or the year."""

    plan_id: UUID
    goal_id: UUID
    until: date
    quarter: int | None


async def explain_corrections(
    connection: Connection,
    then: tuple[Scope, datetime],
    now: tuple[Scope, datetime],
    differing: Sequence[Differing],
    most: int,
) -> Sequence[Any]:
    """Which records make figures others than they were: `most` of each figure.

    `then` and `now` are what is looked at and as known when.
    """
    found: Sequence[Any] = await connection.fetch(
        SQL["explain_corrections"],
        then[0].plans,
        then[0].goals,
        then[1],
        now[0].plans,
        now[0].goals,
        now[1],
        *zip(*differing, strict=True),
        most,
        timeout=LONGEST_S,
    )
    return found
