"""Whose rows may be read in a transaction: the database shows no others (migration 0005)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.progress.store import SQL
from shared.postgres.pool import Connection


async def read_as(connection: Connection, person: str) -> None:
    """Until the transaction ends, show the rows of one person that takes part in a plan.

    Nobody shown leaves before that: leaving waits, and forgets what was noted meanwhile.
    """
    await connection.execute(SQL["set_person"], person)
    await connection.execute(SQL["hold_participants"])


async def read_for_ticks(connection: Connection, ticks: Iterable[UUID], now: datetime) -> None:
    """Until the transaction ends, show the people whose ticks were heard, are due and not done.

    As in `read_as`, nobody shown leaves before that.
    """
    await connection.execute(SQL["set_ticks"], list(ticks), now)
    await connection.execute(SQL["hold_participants"])


async def read_peers(connection: Connection, tick: UUID, now: datetime) -> None:
    """Until the transaction ends, show all who take part in the plan of an open tick."""
    await connection.execute(SQL["set_peers"], tick, now)
