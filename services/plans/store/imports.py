"""Uploaded files of plans: their rows, what becomes of them, and the import itself."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import asyncpg

from services.plans.domain.import_row import Subject
from services.plans.domain.plan import Partner
from services.plans.domain.refusal import ConflictError
from services.plans.domain.target import Target
from services.plans.store import SQL
from shared.postgres.pool import Connection

AT_ONCE: Final = 1000


class JudgedRow(NamedTuple):
    """A row of a file with its judgement, as it is kept."""

    import_id: str
    row: int
    outcome: str
    cells: list[str]
    error: str | None
    partner_id: str | None
    plan_id: str | None
    plan_revision: int | None
    changes: list[dict[str, Any]] | None


async def forget_old_imports(connection: Connection, before: datetime) -> None:
    await connection.execute(SQL["forget_old_imports"], before)


async def add_import(
    connection: Connection,
    import_id: str,
    strategy: tuple[str, int] | None,
    header: Sequence[str],
    *,
    who: str,
    at: datetime,
) -> None:
    """Begin an import of one strategy (id and revision), or of none that is known."""
    strategy_id, revision = strategy or (None, None)
    await connection.execute(
        SQL["add_import"], import_id, strategy_id, revision, list(header), at, who
    )


async def add_rows(connection: Connection, rows: Sequence[JudgedRow]) -> None:
    await connection.copy_records_to_table(
        "import_row", records=rows, columns=list(JudgedRow._fields)
    )


async def find_subjects(
    connection: Connection, strategy_id: str, partner_ids: Iterable[str]
) -> dict[str, Subject]:
    """Partner id → what is known of the partner and of its plan of the strategy."""
    rows = await connection.fetch(SQL["find_rows_subjects"], strategy_id, list(set(partner_ids)))
    return {row["partner_id"]: _subject(row) for row in rows}


def _subject(row: asyncpg.Record) -> Subject:
    partner = None
    if row["name"] is not None:
        partner = Partner(row["partner_id"], row["name"], tuple(row["groups"]), row["active"])
    if row["plan_id"] is None:
        return Subject(partner)
    targets = read_targets(row["targets"])
    return Subject(partner, str(row["plan_id"]), row["plan_revision"], targets)


def read_targets(found: dict[str, list[str]] | None) -> dict[str, Target]:
    """Goal id → target, out of the quarters that a query gathered."""
    return {goal_id: Target(*map(Decimal, quarters)) for goal_id, quarters in (found or {}).items()}


async def learn_about_rows(connection: Connection) -> None:
    """Refresh the statistics that statements over rows are planned by."""
    await connection.execute(SQL["learn_about_rows"])


async def count_rows(connection: Connection, import_id: str) -> asyncpg.Record:
    """Count the rows by outcome and keep that; gives the import."""
    found = await connection.fetchrow(SQL["count_rows"], import_id)
    if found is None:
        raise LookupError(import_id)
    return found


async def find_import(connection: Connection, import_id: str) -> asyncpg.Record | None:
    return await connection.fetchrow(SQL["find_import"], import_id)


async def find_import_to_commit(connection: Connection, import_id: str) -> asyncpg.Record | None:
    return await connection.fetchrow(SQL["find_import_to_commit"], import_id)


async def list_rows(
    connection: Connection, import_id: str, outcome: str, after: int
) -> list[asyncpg.Record]:
    """The next rows of an outcome: row, cells, error."""
    return await connection.fetch(SQL["list_rows"], import_id, outcome, after, AT_ONCE)


async def lock_plans_to_update(connection: Connection, import_id: str) -> None:
    """Nobody else changes the plans that an import updates until the transaction ends."""
    await connection.execute(SQL["lock_plans_to_update"], import_id)


async def count_outdated_rows(
    connection: Connection, import_id: str, strategy_id: str, groups: Sequence[str]
) -> int:
    """How many rows would not do now what the preview said."""
    found: int = await connection.fetchval(
        SQL["count_outdated_rows"], import_id, strategy_id, list(groups)
    )
    return found


async def import_rows(
    connection: Connection, import_id: str, strategy_id: str, *, who: str, at: datetime
) -> None:
    """Make the new plans, change the others, and write the history of their targets.

    Raises ConflictError when somebody makes one of the new plans at the same time.
    """
    try:
        await connection.execute(SQL["import_new_plans"], import_id, strategy_id, at)
    except asyncpg.UniqueViolationError:
        raise ConflictError("Somebody has just made one of these plans") from None
    await connection.execute(SQL["import_plan_updates"], import_id, at)
    await connection.execute(SQL["clear_changed_targets"], import_id)
    await connection.execute(SQL["import_targets"], import_id)
    await connection.execute(SQL["write_import_history"], import_id, who, at)


async def imported_plans(
    connection: Connection, import_id: str
) -> AsyncIterator[list[asyncpg.Record]]:
    """The plans that an import made or changed, whole, some at a time."""
    after = 0
    while rows := await connection.fetch(SQL["list_imported_plans"], import_id, after, AT_ONCE):
        yield rows
        after = rows[-1]["row"]


async def note_commit(connection: Connection, import_id: str, at: datetime) -> None:
    await connection.execute(SQL["note_commit"], import_id, at)


async def list_template_partners(
    connection: Connection,
    strategy_id: str,
    groups: Sequence[str],
    asked: Sequence[str],
    after: Sequence[Any],
) -> list[asyncpg.Record]:
    """The next partners of a template: partner_id, name, name_order, targets."""
    return await connection.fetch(
        SQL["list_template_partners"], strategy_id, list(groups), list(asked), *after, AT_ONCE
    )
