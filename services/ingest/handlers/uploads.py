"""Dealing with uploaded files: check, publish, retract; each step goes on where it was cut off."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from services.ingest import metrics, store
from services.ingest.domain.columns import WHOLE_FILES, Columns, columns_of, known_names
from services.ingest.domain.coverage import Coverage
from services.ingest.domain.rows import Outcome, read_row, retraction
from services.ingest.domain.table import FileFaultError, Row, TableReader, header_of, separator_of
from services.ingest.handlers.kafka import Kafka
from services.ingest.store import CheckedRow, Progress, RejectedRow, Upload
from shared.events.values import MAX_VERSION
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection, Pool

AT_A_TIME: Final = 250
"""After so many rows others get their turn."""
MOST_FOUND: Final = 1000
"""How many rows with faults that only the whole file shows are named."""
RETRACTED_AT_ONCE: Final = 1000
JOINED: Final = frozenset({"crm_contact", "seller_assignment"})
"""Records whose rows name an account."""


class UploadProcessor:
    """Deals with one file at a time. What it raises (Kafka or the database away) loses nothing."""

    def __init__(self, pool: Pool, kafka: Kafka, clock: Clock, zone: ZoneInfo) -> None:
        self._pool = pool
        self._kafka = kafka
        self._clock = clock
        self._zone = zone

    async def process(self, upload: Upload) -> None:
        """Bring a file to its end, from wherever an earlier attempt left it."""
        try:
            columns = await self._begin(upload)
            if upload.stage == "check":
                await self._check(upload, columns)
            if upload.stage != "retract":
                await self._publish(upload, columns)
            if upload.mode == "replace":
                await self._retract(upload)
        except FileFaultError as failure:
            await self.fail(upload, failure.faults)
        else:
            await self._finish(upload)

    async def fail(self, upload: Upload, faults: Sequence[tuple[str, str]]) -> None:
        """Give a file up; what is wrong with it as a whole is told of its header, row 1."""
        found = await store.find_upload(self._pool, upload.upload_id)
        header = list(found.header or []) if found else []
        rows = [
            RejectedRow(1, number, column, error, header)
            for number, (column, error) in enumerate(faults)
        ]
        async with self._pool.acquire() as connection, connection.transaction():
            await store.add_rejected_rows(connection, upload.upload_id, rows)
            await store.fail(connection, upload.upload_id, self._clock.now())
        metrics.uploads.labels(upload.record, "failed").inc()

    async def _finish(self, upload: Upload) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await store.finish(connection, upload.upload_id, self._clock.now())
        metrics.uploads.labels(upload.record, "processed").inc()

    # --- reading ------------------------------------------------------------------------------

    async def _begin(self, upload: Upload) -> Columns:
        header = await self._first_row(upload)
        names = header_of(header)
        if upload.stage == "check":
            async with self._pool.acquire() as connection, connection.transaction():
                await store.begin_check(connection, upload.upload_id, names)
        return columns_of(upload.record, names, version=upload.version, day=upload.day)

    async def _first_row(self, upload: Upload) -> Row:
        async for rows in self._rows(upload):
            if rows:
                return rows[0]
        raise FileFaultError("the file is empty")

    async def _rows(self, upload: Upload) -> AsyncIterator[list[Row]]:
        """The rows of the file, as many at a time as its stored pieces hold."""
        known = known_names(upload.record)
        reader = TableReader(lambda header: separator_of(header, known))
        part = 0
        while (content := await store.read_part(self._pool, upload.upload_id, part)) is not None:
            yield list(reader.feed(content))
            part += 1
        yield list(reader.finish())

    async def _outcomes(self, upload: Upload, columns: Columns) -> AsyncIterator[list[Outcome]]:
        """What the rows behind the header say."""
        header = True
        async for rows in self._rows(upload):
            outcomes = []
            for at, row in enumerate(rows):
                if header:
                    header = False
                    continue
                outcomes.append(read_row(row, columns, upload.upload_id, self._zone))
                if at % AT_A_TIME == AT_A_TIME - 1:
                    await asyncio.sleep(0)
            if outcomes:
                yield outcomes

    # --- checking the file as a whole ---------------------------------------------------------

    async def _check(self, upload: Upload, columns: Columns) -> None:
        """Raises FileFaultError for a file that will not be taken at all."""
        if upload.record in WHOLE_FILES:
            await self._check_rows(upload, columns)
        async with self._pool.acquire() as connection, connection.transaction():
            await store.pass_check(connection, upload.upload_id)

    async def _check_rows(self, upload: Upload, columns: Columns) -> None:
        coverage, rejected = Coverage(columns), 0
        async for outcomes in self._outcomes(upload, columns):
            for outcome in outcomes:
                coverage.add(outcome.row)
            bad = [outcome for outcome in outcomes if outcome.event is None]
            rejected += len(bad)
            async with self._pool.acquire() as connection, connection.transaction():
                await store.add_checked_rows(connection, upload.upload_id, _checked(outcomes))
                await store.add_rejected_rows(connection, upload.upload_id, _rejected(bad))
                await store.note_rows_read(connection, upload.upload_id, coverage.rows)
        rejected += await self._find_what_only_the_whole_shows(upload, columns)
        faults = coverage.faults()
        if faults or rejected:
            raise FileFaultError.of(faults)

    async def _find_what_only_the_whole_shows(self, upload: Upload, columns: Columns) -> int:
        """Tell of repeated rows and loops of managers; gives how many rows have such faults."""
        found: dict[int, list[tuple[str, str]]] = {}
        async with self._pool.acquire() as connection:
            for row, first in await store.find_repeated_rows(
                connection, upload.upload_id, MOST_FOUND
            ):
                fault = (columns.name_of(columns.kind.keys[0]), f"row {first} is about the same")
                found.setdefault(row, []).append(fault)
            if upload.record == "person":
                for row in await store.find_manager_loops(connection, upload.upload_id, MOST_FOUND):
                    fault = (columns.name_of("manager_id"), "leads back to the person: a loop")
                    found.setdefault(row, []).append(fault)
        if found:
            await self._tell(upload, found)
        return len(found)

    async def _tell(self, upload: Upload, found: dict[int, list[tuple[str, str]]]) -> None:
        async for rows in self._rows(upload):
            bad = [Outcome(row, faults=found[row.number]) for row in rows if row.number in found]
            if bad:
                async with self._pool.acquire() as connection:
                    await store.add_rejected_rows(connection, upload.upload_id, _rejected(bad))

    # --- publishing ---------------------------------------------------------------------------

    async def _publish(self, upload: Upload, columns: Columns) -> None:
        """Publish every good row, from the first on that has not been dealt with."""
        last = upload.dealt_with if upload.stage == "publish" else 0
        async for outcomes in self._outcomes(upload, columns):
            fresh = [outcome for outcome in outcomes if outcome.row.number > last]
            if fresh:
                await self._publish_batch(upload, columns, fresh)
        if upload.mode == "replace":
            await self._refuse_to_replace_by_nothing(upload)
            await store.begin_retracting(self._pool, upload.upload_id)

    async def _publish_batch(
        self, upload: Upload, columns: Columns, outcomes: list[Outcome]
    ) -> None:
        """Rows, their keys, faults and counts are committed after Kafka has acknowledged."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not columns.has_version and upload.record not in WHOLE_FILES:
                outcomes = await _without_repeats(connection, upload, columns, outcomes)
            good = [outcome for outcome in outcomes if outcome.event is not None]
            bad = [outcome for outcome in outcomes if outcome.event is None]
            await self._kafka.accept_events([one.event for one in good if one.event])
            await _write_down(connection, upload, good, bad)
            by = Progress(len(outcomes), len(good), len(bad), outcomes[-1].row.number)
            await store.advance(connection, upload.upload_id, by)
        metrics.upload_rows.labels(upload.record, "accepted").inc(len(good))
        metrics.upload_rows.labels(upload.record, "rejected").inc(len(bad))

    async def _refuse_to_replace_by_nothing(self, upload: Upload) -> None:
        found = await store.find_upload(self._pool, upload.upload_id)
        if found is not None and found.accepted == 0:
            raise FileFaultError("no row is acceptable, so nothing is replaced")

    async def _retract(self, upload: Upload) -> None:
        """Delete what earlier files named and this one does not."""
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                found = await store.next_keys_to_retract(connection, upload, RETRACTED_AT_ONCE)
                if not found:
                    return
                events = [
                    retraction(
                        upload.record,
                        key,
                        min(max(upload.version, version + 1), MAX_VERSION),
                        upload.upload_id,
                    )
                    for key, version in found
                ]
                await self._kafka.accept_events(events)
                await store.forget_keys(connection, upload, [key for key, _ in found])


def _checked(outcomes: Sequence[Outcome]) -> list[CheckedRow]:
    rows = []
    for outcome in outcomes:
        if outcome.event is None or outcome.key is None:
            continue
        data = outcome.data
        day = date.fromisoformat(data["effective_on"]) if "effective_on" in data else None
        person, manager = data.get("person_id"), data.get("manager_id")
        rows.append(CheckedRow(outcome.row.number, outcome.key, person, manager, day))
    return rows


def _rejected(outcomes: Sequence[Outcome]) -> list[RejectedRow]:
    return [
        RejectedRow(
            outcome.row.number,
            number,
            _storable(column),
            _storable(error),
            [_storable(cell) for cell in outcome.row.cells],
        )
        for outcome in outcomes
        for number, (column, error) in enumerate(outcome.faults)
    ]


def _storable(text: str) -> str:
    """The text with what PostgreSQL cannot keep (null bytes, bytes that are no UTF-8) replaced."""
    text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def _without_repeats(
    connection: Connection, upload: Upload, columns: Columns, outcomes: list[Outcome]
) -> list[Outcome]:
    """Without versions of their own only the first of several rows about a record can count."""
    keys = [outcome.key for outcome in outcomes if outcome.event and outcome.key]
    seen = await store.find_keys_of_upload(connection, upload, keys)
    told = []
    for outcome in outcomes:
        if outcome.event is None or outcome.key is None:
            told.append(outcome)
        elif outcome.key in seen:
            fault = (columns.name_of(columns.kind.keys[0]), "an earlier row is about the same")
            told.append(Outcome(outcome.row, None, outcome.key, [fault]))
        else:
            seen.add(outcome.key)
            told.append(outcome)
    return told


async def _write_down(
    connection: Connection, upload: Upload, good: list[Outcome], bad: list[Outcome]
) -> None:
    versions: dict[str, int] = {}
    accounts = []
    for outcome in good:
        data = outcome.data
        key = outcome.key or ""
        versions[key] = max(versions.get(key, 0), data["version"])
        accounts.append(data.get("account_id", ""))
    await store.keep_keys(connection, upload, versions)
    if upload.mode == "replace":
        spared = [outcome.key for outcome in bad if outcome.key]
        await store.spare_keys(connection, upload, spared)
    if upload.record in JOINED:
        await store.add_account_references(connection, upload.upload_id, accounts)
    await store.add_rejected_rows(connection, upload.upload_id, _rejected(bad))
