"""Beside the ledger: what the topics tell, in tables of the session's own."""

from collections.abc import Iterable, Sequence

from services.progress.domain.version import Version
from services.progress.store import LONGEST_S, SQL
from shared.postgres.pool import Connection

Key = tuple[str, str]
"""A record's id and kind."""


async def make_beside(connection: Connection) -> None:
    """Make the session's tables; what another rebuild left in them is not there.

    The session has been prepared for batches.
    """
    await connection.execute(SQL["make_beside"])
    await connection.execute(SQL["make_suspects"])


async def set_for_comparing(connection: Connection) -> None:
    """Until the transaction ends, plan for statements that read all of both sides."""
    await connection.execute(SQL["set_for_comparing"])


async def put_beside(connection: Connection, versions: Sequence[Version]) -> None:
    """Keep versions as topics tell them, repeats too."""
    await connection.copy_records_to_table("beside", records=versions, columns=Version._fields)


async def note_suspects(connection: Connection) -> None:
    """Hold both sides against each other, in the snapshot of the caller's transaction."""
    await connection.execute(SQL["note_suspects"], timeout=LONGEST_S)


async def count_told(connection: Connection) -> int:
    found: int = await connection.fetchval(SQL["count_told"], timeout=LONGEST_S)
    return found


async def list_suspects(connection: Connection, *, lacking: bool) -> list[Key]:
    """Records that only lack versions, or those that are wrong in some other way."""
    rows = await connection.fetch(SQL["list_suspects"], lacking)
    return [(row["record_id"], row["kind"]) for row in rows]


async def find_told(connection: Connection, keys: Iterable[Key]) -> list[Version]:
    """Every version that the topics tell of records."""
    await connection.execute(SQL["index_beside"], timeout=LONGEST_S)
    rows = await connection.fetch(SQL["find_told"], *_split(keys), timeout=LONGEST_S)
    return [Version(*row) for row in rows]


async def forget_records(connection: Connection, keys: Iterable[Key]) -> list[str]:
    """Take records out of the ledger with all their versions; gives the partners concerned."""
    rows = await connection.fetch(SQL["forget_records"], *_split(keys), timeout=LONGEST_S)
    return [row["partner_id"] for row in rows]


async def list_strategies(connection: Connection) -> list[str]:
    """The ids of all strategies that there are records or goals of."""
    rows = await connection.fetch(SQL["list_strategies"], timeout=LONGEST_S)
    return [row["record_id"] for row in rows]


def _split(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    keys = list(keys)
    return [record_id for record_id, _ in keys], [kind for _, kind in keys]
