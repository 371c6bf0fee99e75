"""Ingest's tables. Every function takes a connection or a pool; the SQL stands in `sql/`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import asyncpg

from shared.postgres.pool import Connection, Pool
from shared.postgres.queries import Queries

QUERIES: Final = Queries(Path(__file__).parent / "sql")
Mode = Literal["append", "replace"]
Reader: TypeAlias = "Connection | Pool"
"""One statement needs no transaction: a pool will do."""


@dataclass(frozen=True)
class Upload:
    """An uploaded file and how far it has been dealt with."""

    upload_id: str
    record: str
    mode: Mode
    state: str
    stage: str
    version: int
    day: date
    header: list[str] | None
    size: int
    rows_read: int
    accepted: int
    rejected: int
    retracted: int
    dealt_with: int
    received_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class RejectedRow:
    """One fault of one row."""

    row: int
    fault: int
    column: str
    error: str
    cells: list[str]


@dataclass(frozen=True)
class CheckedRow:
    """What a file that is checked as a whole needs to know of a row."""

    row: int
    key: str
    person: str | None
    manager: str | None
    day: date | None


@dataclass(frozen=True)
class Progress:
    """What a batch of rows adds to an upload's counts."""

    rows: int
    accepted: int
    rejected: int
    last_row: int


# --- receiving ---------------------------------------------------------------------------------


async def add_upload(
    reader: Reader, upload_id: str, record: str, mode: Mode, day: date, now: datetime
) -> None:
    """Begin to receive a file."""
    await reader.execute(QUERIES["add_upload"], upload_id, record, mode, day, now)


async def add_part(reader: Reader, upload_id: str, part: int, content: bytes) -> None:
    """Keep the next piece of a file."""
    await reader.execute(QUERIES["add_part"], upload_id, part, content)


async def set_received(
    reader: Reader, upload_id: str, size: int, now: datetime, version: int
) -> None:
    """The file is whole: from now on it will be dealt with, whatever happens."""
    while True:
        try:
            await reader.execute(QUERIES["set_received"], upload_id, size, now, version)
        except asyncpg.UniqueViolationError:
            continue  # another file of the record was received at the same moment
        return


async def forget_upload(reader: Reader, upload_id: str) -> None:
    """Forget a file that was not received whole."""
    await reader.execute(QUERIES["forget_upload"], upload_id)


async def forget_unfinished_uploads(reader: Reader, before: datetime) -> None:
    """Forget files that began to arrive before a moment and never did."""
    await reader.execute(QUERIES["forget_unfinished_uploads"], before)


# --- reading -----------------------------------------------------------------------------------


async def find_upload(reader: Reader, upload_id: str) -> Upload | None:
    """An upload, or None when there is no such one."""
    return _upload(await reader.fetchrow(QUERIES["find_upload"], upload_id))


async def list_uploads(
    reader: Reader, after: tuple[datetime, str] | None, limit: int
) -> list[Upload]:
    """Uploads, the newest first."""
    since, upload_id = after or (None, None)
    rows = await reader.fetch(QUERIES["list_uploads"], since, upload_id, limit)
    return [found for row in rows if (found := _upload(row))]


async def list_rejected_rows(
    reader: Reader, upload_id: str, after: tuple[int, int], limit: int
) -> list[RejectedRow]:
    """Faults of an upload's rows in order, from the one after (row, fault) on."""
    rows = await reader.fetch(QUERIES["list_rejected_rows"], upload_id, *after, limit)
    return [RejectedRow(**row) for row in rows]


async def measure_join_coverage(reader: Reader, upload_id: str) -> tuple[int, int]:
    """How many of an upload's rows name an account that an upload describes, and of how many."""
    found = await reader.fetchrow(QUERIES["measure_join_coverage"], upload_id)
    return (found["joined"], found["rows"]) if found else (0, 0)


async def read_part(reader: Reader, upload_id: str, part: int) -> bytes | None:
    """A piece of a file; None after the last one."""
    found: bytes | None = await reader.fetchval(QUERIES["read_part"], upload_id, part)
    return found


async def ping(reader: Reader) -> None:
    """Raise unless the database answers."""
    await reader.fetchval(QUERIES["ping"])


# --- processing --------------------------------------------------------------------------------


async def list_open_records(reader: Reader) -> list[str]:
    """The records that files wait for."""
    return [row["record"] for row in await reader.fetch(QUERIES["list_open_records"])]


async def try_lock_record(connection: Connection, record: str) -> bool:
    """Become the one that deals with a record's files, until the connection is given back."""
    return bool(await connection.fetchval(QUERIES["try_lock_record"], record))


async def oldest_open_upload(reader: Reader, record: str) -> Upload | None:
    """The file of a record that is next."""
    return _upload(await reader.fetchrow(QUERIES["oldest_open_upload"], record))


async def begin_check(connection: Connection, upload_id: str, header: Sequence[str]) -> None:
    """Check a file from its beginning; what an earlier attempt left is forgotten."""
    await connection.execute(QUERIES["forget_checked_rows"], upload_id)
    await connection.execute(QUERIES["forget_rejected_rows"], upload_id)
    await connection.execute(QUERIES["begin_check"], upload_id, list(header))


async def add_checked_rows(
    connection: Connection, upload_id: str, rows: Iterable[CheckedRow]
) -> None:
    """Keep what the check of the whole file needs."""
    await connection.copy_records_to_table(
        "checked_row",
        records=[(upload_id, r.row, r.key, r.person, r.manager, r.day) for r in rows],
        columns=["upload_id", "row", "key", "person", "manager", "day"],
    )


async def add_rejected_rows(
    connection: Connection, upload_id: str, rows: Iterable[RejectedRow]
) -> None:
    """Keep what is wrong with rows."""
    await connection.copy_records_to_table(
        "rejected_row",
        records=[(upload_id, r.row, r.fault, r.column, r.error, r.cells) for r in rows],
        columns=["upload_id", "row", "fault", "column", "error", "cells"],
    )


async def note_rows_read(connection: Connection, upload_id: str, rows: int) -> None:
    """Show how far the check of a file has come."""
    await connection.execute(QUERIES["note_rows_read"], upload_id, rows)


async def find_repeated_rows(
    connection: Connection, upload_id: str, limit: int
) -> list[tuple[int, int]]:
    """Rows of a checked file whose record an earlier row names, and that row."""
    rows = await connection.fetch(QUERIES["find_repeated_rows"], upload_id, limit)
    return [(row["row"], row["first"]) for row in rows]


async def find_manager_loops(connection: Connection, upload_id: str, limit: int) -> list[int]:
    """Rows of a checked file with which a person comes to be their own manager's manager."""
    rows = await connection.fetch(QUERIES["find_manager_loops"], upload_id, limit)
    return [row["row"] for row in rows]


async def pass_check(connection: Connection, upload_id: str) -> None:
    """A file is in order: its rows may be published."""
    await connection.execute(QUERIES["forget_checked_rows"], upload_id)
    await connection.execute(QUERIES["pass_check"], upload_id)


async def fail(connection: Connection, upload_id: str, now: datetime) -> None:
    """A file will not be taken (further)."""
    await connection.execute(QUERIES["forget_checked_rows"], upload_id)
    await connection.execute(QUERIES["fail"], upload_id, now)
    await connection.execute(QUERIES["forget_parts"], upload_id)


async def find_keys_of_upload(
    connection: Connection, upload: Upload, keys: Sequence[str]
) -> set[str]:
    """Which of some keys the upload has named before."""
    rows = await connection.fetch(
        QUERIES["find_keys_of_upload"], upload.record, upload.upload_id, list(keys)
    )
    return {row["key"] for row in rows}


async def keep_keys(connection: Connection, upload: Upload, keys: dict[str, int]) -> None:
    """Remember that an upload named these records, with these versions."""
    await connection.execute(
        QUERIES["keep_keys"], upload.record, upload.upload_id, list(keys), list(keys.values())
    )


async def spare_keys(connection: Connection, upload: Upload, keys: Sequence[str]) -> None:
    """Remember that an upload named these records, though not how they are."""
    await connection.execute(QUERIES["spare_keys"], upload.record, upload.upload_id, list(keys))


async def add_account_references(
    connection: Connection, upload_id: str, accounts: Sequence[str]
) -> None:
    """Count the accounts that rows name."""
    await connection.execute(QUERIES["add_account_references"], upload_id, list(accounts))


async def advance(connection: Connection, upload_id: str, by: Progress) -> None:
    """A batch of rows has been dealt with."""
    await connection.execute(
        QUERIES["advance"], upload_id, by.rows, by.accepted, by.rejected, by.last_row
    )


async def begin_retracting(reader: Reader, upload_id: str) -> None:
    """All rows are published; what a replacing file does not name goes next."""
    await reader.execute(QUERIES["begin_retracting"], upload_id)


async def next_keys_to_retract(
    connection: Connection, upload: Upload, limit: int
) -> list[tuple[str, int]]:
    """Records that earlier uploads named and this one does not, with their versions."""
    rows = await connection.fetch(
        QUERIES["next_keys_to_retract"], upload.record, upload.upload_id, limit
    )
    return [(row["key"], row["version"]) for row in rows]


async def forget_keys(connection: Connection, upload: Upload, keys: Sequence[str]) -> None:
    """Records that have been retracted."""
    await connection.execute(QUERIES["forget_keys"], upload.record, list(keys))
    await connection.execute(QUERIES["note_retracted"], upload.upload_id, len(keys))


async def finish(connection: Connection, upload_id: str, now: datetime) -> None:
    """A file has been dealt with; itself it is not needed any more."""
    await connection.execute(QUERIES["finish"], upload_id, now)
    await connection.execute(QUERIES["forget_parts"], upload_id)


def _upload(row: Any) -> Upload | None:
    return None if row is None else Upload(**{**row, "upload_id": str(row["upload_id"])})
