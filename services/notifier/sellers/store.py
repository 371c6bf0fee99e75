"""Sellers' rows among the notifier's tables."""

from collections.abc import Collection
from datetime import datetime

from services.notifier.domain.delivery import SELLER_INSIGHTS
from services.notifier.store import QUERIES, Reader, Told, as_told
from shared.postgres.pool import Connection


async def forget_statements(connection: Connection, tick_ids: Collection[str]) -> None:
    """Delete what mails said that have ended: of a private stream nothing is kept."""
    if tick_ids:
        await connection.execute(QUERIES["forget_statements"], list(tick_ids), SELLER_INSIGHTS)


async def list_unfinished(connection: Reader, most: int) -> list[str]:
    """Ticks that are dealt with, and progress has not been told so."""
    rows = await connection.fetch(QUERIES["list_unfinished"], SELLER_INSIGHTS, most)
    return [row["tick_id"] for row in rows]


async def mark_finished(connection: Reader, tick_ids: Collection[str], at: datetime) -> None:
    """Progress has been told that ticks are dealt with."""
    await connection.execute(QUERIES["mark_finished"], list(tick_ids), at)


async def find_participants(connection: Reader, recipient: str) -> list[str]:
    """The random ids under which a recipient has had mails."""
    rows = await connection.fetch(QUERIES["find_participants"], SELLER_INSIGHTS, recipient)
    return [row["partner_id"] for row in rows]


async def find_former(connection: Connection, participants: Collection[str]) -> list[str]:
    """Those of the participants that have left."""
    rows = await connection.fetch(QUERIES["find_former_participants"], list(participants))
    return [row["participant_id"] for row in rows]


async def find_former_of_ticks(connection: Connection, tick_ids: Collection[str]) -> list[str]:
    """The participants of ticks that have left."""
    rows = await connection.fetch(QUERIES["find_former_of_ticks"], SELLER_INSIGHTS, list(tick_ids))
    return [row["participant_id"] for row in rows]


async def forget_participants(
    connection: Connection, participants: Collection[str], at: datetime
) -> list[Told]:
    """Hold back the mails of who has left, and delete the address wherever it stands.

    Gives the deliveries that were held back. Again changes nothing.
    """
    ids = list(participants)
    await connection.execute(QUERIES["note_former_participants"], ids, at)
    rows = await connection.fetch(QUERIES["find_addresses"], SELLER_INSIGHTS, ids)
    addresses = [row["recipient"] for row in rows]
    known_by = [row["participant_id"] for row in rows]
    held = as_told(await connection.fetch(QUERIES["hold_back_participants"], SELLER_INSIGHTS, ids))
    await connection.execute(QUERIES["skip_participants"], SELLER_INSIGHTS, ids, at)
    await forget_statements(connection, {one.tick_id for one in held})
    await connection.execute(QUERIES["forget_recipients"], SELLER_INSIGHTS, ids)
    await connection.execute(QUERIES["forget_links"], SELLER_INSIGHTS, addresses, known_by)
    await connection.execute(QUERIES["forget_suppressions"], SELLER_INSIGHTS, addresses)
    return held
