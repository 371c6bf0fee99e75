"""The ledger: taking batches of versions, and looking up what is kept of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.progress.domain.folding import Staged
from services.progress.domain.version import Version
from services.progress.store import LONGEST_S, SQL
from shared.messaging.message import Position
from shared.postgres.pool import Connection

COLUMNS: Final = [*Version._fields, "newest", "contested"]


class Changed(NamedTuple):
    """A record that is not counted by differences and has another newest version now."""

    kind: str
    record_id: str
    partner_id: str | None
    partner_before: str | None
    matters: bool
    """Whether it came or went, or its labels changed."""


@dataclass(frozen=True)
class Taken:
    """What became of a batch."""

    added: int = 0
    changed: int = 0
    superseded: int = 0
    conflicts: int = 0
    others: list[Changed] = field(default_factory=list)


class KnownRecord(NamedTuple):
    """A record as known at a moment."""

    version: int
    deleted: bool
    partner_id: str | None


async def prepare_batches(connection: Connection) -> None:
    """Make the session's staging table, once."""
    if not await connection.fetchval(SQL["has_staging"]):
        await connection.execute(SQL["give_staging_memory"])
        await connection.execute(SQL["make_staging"])


async def share_ledger(connection: Connection) -> None:
    """Until the transaction ends, no goal changes; other batches of events may go on."""
    await connection.execute(SQL["set_for_batches"])
    await connection.execute(SQL["share_ledger"])


async def take_ledger(connection: Connection) -> None:
    """Until the transaction ends, nobody else changes anything that figures depend on."""
    await connection.execute(SQL["set_for_batches"])
    await connection.execute(SQL["take_ledger"], timeout=LONGEST_S)


async def take_recompute(connection: Connection) -> None:
    """Until the transaction ends, no other batch recomputes."""
    await connection.execute(SQL["take_recompute"])


async def take_batch(
    connection: Connection, staged: Sequence[Staged], positions: Iterable[Position]
) -> Taken:
    """Bring versions into the ledger and, where they count by differences, into the cells."""
    if staged:
        await connection.copy_records_to_table("staging", records=staged, columns=COLUMNS)
    at = list(zip(*positions, strict=True)) or [(), (), ()]
    [row] = await connection.fetch(SQL["take_batch"], *at, timeout=LONGEST_S)
    others = [Changed(*one) for one in row["others"] or ()]
    return Taken(row["added"], row["changed"], row["superseded"], row["conflicts"], others)


async def find_positions(connection: Connection) -> dict[tuple[str, int], int]:
    """Topic and partition → the offset after what has been dealt with."""
    rows = await connection.fetch(SQL["find_positions"])
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def find_record(
    connection: Connection, kind: str, record_id: str, known_at: datetime
) -> KnownRecord | None:
    """A record as known at a moment; of a deleted one the partner it was last told about."""
    row = await connection.fetchrow(SQL["find_record"], kind, record_id, known_at)
    return KnownRecord(**row) if row else None


async def list_conflicts(
    connection: Connection, after: Sequence[Any] | None, limit: int
) -> list[dict[str, Any]]:
    """Versions of which there are two bodies, by record; both bodies, the one that counts first."""
    rows = await connection.fetch(SQL["list_conflicts"], *(after or (None, None, None)), limit)
    return [dict(row) for row in rows]
