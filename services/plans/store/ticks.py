"""Dues of strategies and the log of ticks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zlib import crc32

import asyncpg

from services.plans.store import SQL
from shared.kernel.period import Due
from shared.postgres.pool import Connection

SCHEDULE_LOCK: Final = crc32(b"milepost.plans.schedule")


@dataclass(frozen=True)
class OpenDue:
    """A due whose plans have not all had their tick; `reached` is the last that has."""

    strategy_id: str
    period: str
    due_at: datetime
    reached: str | None


async def add_dues(connection: Connection, strategy_id: str, dues: Sequence[Due]) -> None:
    periods, moments = [due.period for due in dues], [due.at for due in dues]
    await connection.execute(SQL["add_dues"], strategy_id, periods, moments)


async def forget_open_dues(connection: Connection, strategy_id: str) -> None:
    await connection.execute(SQL["forget_open_dues"], strategy_id)


async def is_anything_due(connection: Connection, now: datetime) -> bool:
    return bool(await connection.fetchval(SQL["is_anything_due"], now))


async def take_the_schedule(connection: Connection) -> bool:
    """Whether this replica may issue ticks until the transaction ends."""
    return bool(await connection.fetchval(SQL["take_the_schedule"], SCHEDULE_LOCK))


async def next_due(connection: Connection, before: datetime) -> OpenDue | None:
    """The earliest open due before a moment."""
    row = await connection.fetchrow(SQL["next_due"], before)
    return None if row is None else _due(row)


async def dues_of_strategy(
    connection: Connection, strategy_id: str, before: datetime
) -> list[OpenDue]:
    rows = await connection.fetch(SQL["dues_of_strategy"], strategy_id, before)
    return [_due(row) for row in rows]


async def plans_due(connection: Connection, due: OpenDue, limit: int) -> list[tuple[str, str]]:
    """Plan and partner ids of the next plans that are due."""
    rows = await connection.fetch(SQL["plans_due"], due.strategy_id, due.reached, due.due_at, limit)
    return [(str(row["plan_id"]), row["partner_id"]) for row in rows]


async def add_ticks(
    connection: Connection, due: OpenDue, tick_ids: dict[str, str], at: datetime
) -> set[str]:
    """Log ticks by plan id; gives the plans that had none for the period yet."""
    rows = await connection.fetch(
        SQL["add_ticks"],
        list(tick_ids),
        due.period,
        list(tick_ids.values()),
        due.due_at,
        at,
    )
    return {str(row["plan_id"]) for row in rows}


async def note_reached(
    connection: Connection, due: OpenDue, reached: str | None, issued_at: datetime | None
) -> None:
    """How far a due has come; `issued_at` ends it."""
    await connection.execute(SQL["note_reached"], due.strategy_id, due.due_at, reached, issued_at)


async def starts_with_open_dues(
    connection: Connection, after: datetime
) -> Iterable[tuple[str, date, list[datetime]]]:
    """Strategies with dues ahead: id, start date, the due times."""
    rows = await connection.fetch(SQL["starts_with_open_dues"], after)
    return [(str(row["strategy_id"]), row["start_date"], row["dues"]) for row in rows]


async def forget_dues_ahead(connection: Connection, strategy_id: str, after: datetime) -> None:
    await connection.execute(SQL["forget_dues_ahead"], strategy_id, after)


def _due(row: asyncpg.Record) -> OpenDue:
    reached = row["reached"]
    return OpenDue(
        strategy_id=str(row["strategy_id"]),
        period=row["period"],
        due_at=row["due_at"],
        reached=None if reached is None else str(reached),
    )
