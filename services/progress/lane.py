"""A lane brings batches into the database, one transaction after another, in their order.

While a transaction runs the next batch gathers, up to a bound; then whoever brings more waits.
What fails for a reason that may pass is tried until it succeeds. What the database refuses is
narrowed down to the version at fault, which becomes a dead letter; the rest goes in.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import asyncpg
import structlog
from prometheus_client import Counter, Histogram

from services.progress.handlers.batch import Batch
from services.progress.store.ledger import Taken, prepare_batches
from shared.kernel.clock import Clock
from shared.messaging.message import Position
from shared.postgres.pool import Connection, Pool, is_transient
from shared.runtime.tracing import MOST_LINKS, Links, batch_links, trace_ids, working

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 5.0
MANY_ATTEMPTS: Final = 10
_records = Counter("milepost_records_total", "Versions by what became of them", ["outcome"])
_conflicts = Counter("milepost_conflicts_total", "Versions that came with another body")
_versions = Histogram(
    "milepost_batch_versions",
    "Versions of a batch's transaction",
    ["lane"],
    buckets=(1, 10, 100, 1000, 5000, 10_000, 25_000, 50_000, 100_000),
)
_seconds = Histogram(
    "milepost_batch_seconds",
    "Seconds of a batch's transaction",
    ["lane"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_log = structlog.get_logger(__name__)

Take = Callable[[Connection, Batch, Clock], Awaitable[Taken]]


class Lane:
    """One after another, batches of at most about `most` versions."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        clock: Clock,
        take: Take,
        *,
        most: int,
        done: Callable[[Iterable[Position]], None],
        empty: Callable[[], Batch] = Batch,
    ) -> None:
        self.paused_since: float | None = None
        """Since when nothing has gone in; None while all is well."""
        self._name = name
        self._pool = pool
        self._clock = clock
        self._take = take
        self._most = most
        self._done = done
        self._empty = empty
        self._waiting = empty()
        self._links: Links = ()
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, batch: Batch) -> None:
        """Hand a batch over; waits while there is no room."""
        await self._room.wait()
        self._waiting.add(batch)
        self._links = (self._links + batch_links())[:MOST_LINKS]
        if len(self._waiting.versions) >= self._most:
            self._room.clear()
        self._work.set()

    async def run(self) -> None:
        """Bring in what is handed over, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, self._empty()
            links, self._links = self._links, ()
            self._room.set()
            with working(f"commit {self._name}", links, versions=len(batch.versions)):
                await self._bring_in(batch)
                if links:
                    _log.info("batch_committed", lane=self._name, traces=trace_ids(links))
            self._done(batch.moves())

    async def _bring_in(self, batch: Batch) -> None:
        try:
            await self._until_taken(batch)
        except (asyncpg.PostgresError, ValueError) as refusal:
            _log.warning("batch_refused", lane=self._name, error=repr(refusal))
            await self._narrow_down(batch, refusal)

    async def _narrow_down(self, batch: Batch, refusal: Exception) -> None:
        if len(batch.versions) <= 1:
            await self._until_taken(batch.set_aside(refusal))
            return
        for half in batch.halves():
            await self._bring_in(half)

    async def _until_taken(self, batch: Batch) -> None:
        pause, attempts = FIRST_PAUSE_S, 0
        while True:
            try:
                await self._take_once(batch)
            except Exception as failure:
                attempts += 1
                if is_refusal(failure) and attempts < MANY_ATTEMPTS:
                    raise
                self._complain(failure)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.paused_since = None
                return

    def _complain(self, failure: Exception) -> None:
        self.paused_since = self.paused_since or time.monotonic()
        if is_transient(failure) or isinstance(failure, asyncpg.UniqueViolationError):
            _log.warning("batch_waits", lane=self._name, error=repr(failure))
        else:
            _log.error("batch_fails", lane=self._name, exc_info=failure)

    async def _take_once(self, batch: Batch) -> None:
        began = time.perf_counter()
        async with self._pool.acquire() as connection:
            await prepare_batches(connection)
            async with connection.transaction():
                taken = await self._take(connection, batch, self._clock)
        _seconds.labels(self._name).observe(time.perf_counter() - began)
        _versions.labels(self._name).observe(len(batch.versions))
        _count(batch, taken)


def is_refusal(failure: Exception) -> bool:
    """Whether the database will never take this, however often it is tried."""
    if isinstance(failure, asyncpg.UniqueViolationError):
        return False  # two batches brought the same new record: the next attempt finds it there
    return isinstance(
        failure,
        (
            ValueError,  # the driver cannot even send it
            asyncpg.DataError,
            asyncpg.IntegrityConstraintViolationError,
            asyncpg.ProgramLimitExceededError,
        ),
    )


def _count(batch: Batch, taken: Taken) -> None:
    _records.labels("added").inc(taken.added)
    _records.labels("changed").inc(taken.changed)
    _records.labels("superseded").inc(taken.superseded)
    rest = len(batch.versions) - taken.added - taken.changed
    _records.labels("known_or_late").inc(max(rest, 0))
    if taken.conflicts:
        _conflicts.inc(taken.conflicts)
        _log.warning("conflicting_versions", count=taken.conflicts)
