"""Dues of seller plans and the log of their ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from services.plans.store import SQL
from shared.kernel.period import Due
from shared.postgres.pool import Connection


@dataclass(frozen=True)
class OpenSellerDue:
    """A due that some participants have not been looked at for; `reached` is the last that was."""

    seller_plan_id: str
    period: str
    due_at: datetime
    reached: str | None


async def add_seller_dues(connection: Connection, seller_plan_id: str, dues: Sequence[Due]) -> None:
    periods, moments = [due.period for due in dues], [due.at for due in dues]
    await connection.execute(SQL["add_seller_dues"], seller_plan_id, periods, moments)


async def forget_open_seller_dues(connection: Connection, seller_plan_id: str) -> None:
    await connection.execute(SQL["forget_open_seller_dues"], seller_plan_id)


async def forget_seller_dues_ahead(
    connection: Connection, seller_plan_id: str, after: datetime
) -> None:
    await connection.execute(SQL["forget_seller_dues_ahead"], seller_plan_id, after)


async def is_any_seller_due(connection: Connection, now: datetime) -> bool:
    return bool(await connection.fetchval(SQL["is_any_seller_due"], now))


async def next_seller_due(connection: Connection, before: datetime) -> OpenSellerDue | None:
    """The earliest open due before a moment."""
    row = await connection.fetchrow(SQL["next_seller_due"], before)
    return None if row is None else _due(row)


async def seller_dues_of_plan(
    connection: Connection, seller_plan_id: str, before: datetime
) -> list[OpenSellerDue]:
    rows = await connection.fetch(SQL["seller_dues_of_plan"], seller_plan_id, before)
    return [_due(row) for row in rows]


async def participants_due(
    connection: Connection, due: OpenSellerDue, limit: int, today: date
) -> list[tuple[str, bool]]:
    """The next participants of a due, and whether each is to have a mail."""
    rows = await connection.fetch(
        SQL["participants_due"], due.seller_plan_id, due.reached, due.due_at, limit, today
    )
    return [(str(row["participant_id"]), row["entitled"]) for row in rows]


async def add_seller_ticks(
    connection: Connection, due: OpenSellerDue, tick_ids: dict[str, str], at: datetime
) -> set[str]:
    """Log ticks by participant id; gives the participants that had none for the period yet."""
    rows = await connection.fetch(
        SQL["add_seller_ticks"],
        list(tick_ids),
        due.period,
        list(tick_ids.values()),
        due.due_at,
        at,
    )
    return {str(row["participant_id"]) for row in rows}


async def note_seller_reached(
    connection: Connection, due: OpenSellerDue, reached: str | None, issued_at: datetime | None
) -> None:
    """How far a due has come; `issued_at` ends it."""
    await connection.execute(
        SQL["note_seller_reached"], due.seller_plan_id, due.due_at, reached, issued_at
    )


async def list_plans_with_seller_dues(
    connection: Connection, after: datetime
) -> list[tuple[str, list[datetime]]]:
    """Seller plans with dues ahead: id and due times."""
    rows = await connection.fetch(SQL["list_plans_with_seller_dues"], after)
    return [(str(row["seller_plan_id"]), row["dues"]) for row in rows]


def _due(row: asyncpg.Record) -> OpenSellerDue:
    reached = row["reached"]
    return OpenSellerDue(
        seller_plan_id=str(row["seller_plan_id"]),
        period=row["period"],
        due_at=row["due_at"],
        reached=None if reached is None else str(reached),
    )
