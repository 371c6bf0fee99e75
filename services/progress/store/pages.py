"""What only pages ask the ledger for."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.progress.domain.goal import Scope
from services.progress.store import SQL
from shared.postgres.pool import Connection


async def list_partners(
    connection: Connection, search: str, after: Sequence[str | None], limit: int
) -> list[dict[str, Any]]:
    """Partners by name, with how many plans each has; `after` is a name and an id, or Nones."""
    rows = await connection.fetch(SQL["list_partners"], search, *after, limit)
    return [dict(row) for row in rows]


async def name_partner(connection: Connection, partner_id: str) -> str | None:
    """A partner's name; None for one that is not known."""
    name: str | None = await connection.fetchval(SQL["name_partner"], partner_id)
    return name


async def list_records(
    connection: Connection,
    scope: Scope,
    known_at: datetime,
    day: date,
    *,
    after: Sequence[Any],
    limit: int,
) -> list[dict[str, Any]]:
    """A partner's records held against a goal: counted or why not, the latest first.

    `after` is the day (date.min for a record without one) and the id of a record, or Nones.
    """
    rows = await connection.fetch(
        SQL["list_records"], scope.plans, scope.goals, known_at, day, *after, limit
    )
    return [dict(row) for row in rows]
