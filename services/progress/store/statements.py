"""Due ticks and their statements."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.progress.domain.told import Tick
from services.progress.store import SQL
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


async def freeze_statements(connection: Connection, statements: Mapping[UUID, bytes]) -> None:
    """Keep statements for ever; of two renderings of one the first stays."""
    if statements:
        await connection.execute(
            SQL["freeze_statements"], list(statements), list(statements.values())
        )
