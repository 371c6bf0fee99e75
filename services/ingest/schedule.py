"""What ingest does by itself: it deals with uploaded files, one of each record at a time."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import structlog

from services.ingest import store
from services.ingest.handlers.kafka import KafkaAwayError
from services.ingest.handlers.uploads import UploadProcessor
from services.ingest.store import Upload
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection, Pool, is_transient
from shared.web.app import cancel

LOOK_EVERY_S: Final = 1.0
AT_ONCE: Final = 3
"""Records whose files are dealt with side by side."""
UNFINISHED_AFTER: Final = timedelta(days=1)
_log = structlog.get_logger(__name__)


class UploadWorker:
    """Deals with waiting files in the order of their arrival; of several replicas, one a record."""

    def __init__(self, pool: Pool, processor: UploadProcessor, clock: Clock) -> None:
        self._pool = pool
        self._processor = processor
        self._clock = clock
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at once: a file has been received."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled, whatever goes away and comes back meanwhile."""
        try:
            while True:
                self._woken.clear()
                await self._look()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY_S)
        finally:
            await cancel(self._busy.values())

    async def _look(self) -> None:
        try:
            await store.forget_unfinished_uploads(self._pool, self._clock.now() - UNFINISHED_AFTER)
            waiting = await store.list_open_records(self._pool)
        except Exception as failure:  # noqa: BLE001 - it must go on looking
            _note("uploads_wait", failure)
            return
        self._busy = {record: task for record, task in self._busy.items() if not task.done()}
        for record in waiting:
            if record not in self._busy and len(self._busy) < AT_ONCE:
                self._busy[record] = asyncio.create_task(self._deal_with(record))

    async def _deal_with(self, record: str) -> None:
        """Deal with all waiting files of a record, unless another replica does."""
        try:
            async with self._pool.acquire() as connection:
                if await store.try_lock_record(connection, record):
                    await self._deal_in_order(connection, record)
        except Exception as failure:  # noqa: BLE001 - the file waits, and its turn comes again
            _note("upload_waits", failure)

    async def _deal_in_order(self, connection: Connection, record: str) -> None:
        while (upload := await store.oldest_open_upload(connection, record)) is not None:
            try:
                await self._processor.process(upload)
            except Exception as failure:
                if isinstance(failure, KafkaAwayError) or is_transient(failure):
                    raise
                await self._give_up(upload)

    async def _give_up(self, upload: Upload) -> None:
        """A fault of ours must not stop the files behind; the log has what happened."""
        _log.exception("upload_failed", upload_id=upload.upload_id, record=upload.record)
        await self._processor.fail(upload, [("", "the file could not be dealt with: our fault")])


def _note(event: str, failure: Exception) -> None:
    if isinstance(failure, KafkaAwayError) or is_transient(failure):
        _log.warning(event, error=repr(failure))
    else:
        _log.exception(event)
