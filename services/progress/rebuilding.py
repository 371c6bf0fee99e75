"""Rebuilding the figures, or the ledger too, while the service goes on: an operator's tool.

It works beside the service, as a process of its own with the service's rights. What it finds
different is told; it is changed only when asked to.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.progress.domain.reading import Moments
from services.progress.domain.version import Version
from services.progress.handlers import rebuild as verbs
from services.progress.handlers.ask import Compared
from services.progress.handlers.batch import Batch
from services.progress.settings import ProgressSettings
from services.progress.store import ledger, rebuild
from services.progress.store.ledger import prepare_batches
from services.progress.store.rebuild import Key
from shared.messaging import topics
from shared.messaging.consumer import as_records
from shared.messaging.message import Record
from shared.postgres.pool import Connection, create_pool

TOLD: Final = (
    topics.PARTNERS,
    topics.CAMPAIGNS,
    topics.PLANS,
    topics.SELLER_PLANS,
    topics.PEOPLE,
    topics.CRM,
    topics.ACTIVITY,
)
"""The topics whose events are records of the ledger."""
READ_AT_ONCE: Final = 10_000
LONGEST_S: Final = 1800
Positions = dict[tuple[str, int], int]
Tell = Callable[[str, int, int], None]
"""Is told a stage, how much of it is done, and how much there is; 0 = that is not known."""


@dataclass
class Outcome:
    """What was found and what was changed."""

    events_read: int = 0
    events_gone: int = 0
    """That topics held once and hold no more, since they were compacted or cut short."""
    unreadable: int = 0
    records_lacking: int = 0
    records_wrong: int = 0
    plans: int = 0
    goals: int = 0
    plans_differing: int = 0
    figures_differing: int = 0
    swapped_in: bool = False


class Rebuilding:
    """One rebuild, in a session of its own."""

    def __init__(self, settings: ProgressSettings, connection: Connection, tell: Tell) -> None:
        self._settings = settings
        self._clock = settings.clock()
        self._connection = connection
        self._tell = tell
        self._moments = Moments()
        self._read_to: Positions = {}
        self.outcome = Outcome()

    # --- figures --------------------------------------------------------------------------------

    async def compare_figures(self) -> verbs.Stale:
        """Add all figures up anew, in one snapshot; gives what stands otherwise."""
        stale = verbs.Stale([], [])
        self.outcome.plans = self.outcome.goals = self.outcome.figures_differing = 0
        async with self._connection.transaction(isolation="repeatable_read"):
            async for found in verbs.find_stale(self._connection):
                if isinstance(found, Compared):
                    self._note(found)
                else:
                    stale = found
        self.outcome.plans_differing = len(stale.plans)
        return stale

    def _note(self, compared: Compared) -> None:
        self.outcome.plans += compared.plans
        self.outcome.goals += compared.goals
        self.outcome.figures_differing += sum(compared.differing.values())
        self._tell("figures added up, plans", self.outcome.plans, 0)

    async def swap_in_figures(self, stale: verbs.Stale) -> None:
        """Put the new figures in the place of those that differ."""
        for begin in range(0, max(len(stale.plans), 1), verbs.MENDED_AT_ONCE):
            part = stale.plans[begin : begin + verbs.MENDED_AT_ONCE]
            async with self._connection.transaction():
                await verbs.swap_in(self._connection, verbs.Stale(stale.strategies, part))
            self._tell("plans swapped in", begin + len(part), len(stale.plans))

    # --- the ledger -----------------------------------------------------------------------------

    async def compare_ledger(self) -> tuple[list[Key], list[Key]]:
        """Read the topics again; gives the records that lack versions, and those that are wrong."""
        await prepare_batches(self._connection)
        await rebuild.make_beside(self._connection)
        await self._read_on(await ledger.find_positions(self._connection))
        async with self._connection.transaction(isolation="repeatable_read"):
            await rebuild.set_for_comparing(self._connection)
            # As far as the snapshot is, and no further: both sides say the same then.
            await self._read_on(await ledger.find_positions(self._connection))
            self._tell("ledger compared", 0, 0)
            await rebuild.note_suspects(self._connection)
            lacking = await rebuild.list_suspects(self._connection, lacking=True)
            wrong = await rebuild.list_suspects(self._connection, lacking=False)
        self.outcome.records_lacking, self.outcome.records_wrong = len(lacking), len(wrong)
        return lacking, wrong

    async def swap_in_records(self, lacking: list[Key], wrong: list[Key]) -> None:
        """Bring what is lacking, then make what is wrong right."""
        for begin in range(0, len(lacking), verbs.MENDED_AT_ONCE):
            part = lacking[begin : begin + verbs.MENDED_AT_ONCE]
            versions = await rebuild.find_told(self._connection, part)
            async with self._connection.transaction():
                await verbs.bring_in(self._connection, versions, self._clock)
            self._tell("lacking records brought in", begin + len(part), len(lacking))
        for begin in range(0, len(wrong), verbs.MENDED_AT_ONCE):
            part = wrong[begin : begin + verbs.MENDED_AT_ONCE]
            async with self._connection.transaction():
                await ledger.take_ledger(self._connection)
                # What came in since the comparison has to be there, too.
                await self._read_on(await ledger.find_positions(self._connection))
                versions = await rebuild.find_told(self._connection, part)
                await verbs.put_right(self._connection, part, versions, self._clock)
            self._tell("wrong records put right", begin + len(part), len(wrong))

    async def _read_on(self, to: Mapping[tuple[str, int], int]) -> None:
        """Bring what topics tell from where it was read to up to these positions beside."""
        wanted = {at: end for at, end in to.items() if at[0] in TOLD}
        behind = {at: end for at, end in wanted.items() if end > self._read_to.get(at, 0)}
        total = sum(wanted.values())
        before = self.outcome.events_read
        async for records in read_topics(self._settings.kafka, self._read_to, behind):
            batch = Batch.read(records, self._moments)
            self.outcome.events_read += len(records)
            self.outcome.unreadable += len(batch.broken)
            await self._put_beside(batch.versions)
            self._tell("events read", self.outcome.events_read, total)
        held = sum(end - self._read_to.get(at, 0) for at, end in behind.items())
        self.outcome.events_gone += held - (self.outcome.events_read - before)
        self._read_to |= behind

    async def _put_beside(self, versions: list[Version]) -> None:
        try:
            async with self._connection.transaction():
                await rebuild.put_beside(self._connection, versions)
        except (ValueError, asyncpg.DataError):
            # What the database refuses is a dead letter and no record of the ledger.
            if len(versions) <= 1:
                self.outcome.unreadable += len(versions)
                return
            middle = len(versions) // 2
            await self._put_beside(versions[:middle])
            await self._put_beside(versions[middle:])


async def rebuild_figures(settings: ProgressSettings, tell: Tell, *, swap_in: bool) -> Outcome:
    """Add every figure up anew from the ledger; swap in what differs when asked to."""
    async with _working(settings, tell) as work:
        await _figures(work, swap_in=swap_in)
        return work.outcome


async def rebuild_ledger(settings: ProgressSettings, tell: Tell, *, swap_in: bool) -> Outcome:
    """Read everything from the topics again, hold the ledger and then the figures against it."""
    async with _working(settings, tell) as work:
        lacking, wrong = await work.compare_ledger()
        if work.outcome.events_gone:
            # The ledger knows more than the topics: what only it knows is no error.
            wrong = []
        if swap_in and (lacking or wrong):
            await work.swap_in_records(lacking, wrong)
            work.outcome.swapped_in = True
        await _figures(work, swap_in=swap_in)
        return work.outcome


async def _figures(work: Rebuilding, *, swap_in: bool) -> None:
    stale = await work.compare_figures()
    if swap_in and (stale.strategies or stale.plans):
        await work.swap_in_figures(stale)
        work.outcome.swapped_in = True


@asynccontextmanager
async def _working(settings: ProgressSettings, tell: Tell) -> AsyncIterator[Rebuilding]:
    url = settings.database_url.get_secret_value()
    async with (
        await create_pool(url, size=1, statement_timeout_s=LONGEST_S) as pool,
        pool.acquire() as connection,
    ):
        yield Rebuilding(settings, connection, tell)


async def read_topics(
    bootstrap: str, start: Mapping[tuple[str, int], int], to: Mapping[tuple[str, int], int]
) -> AsyncIterator[list[Record]]:
    """What partitions hold from some positions on up to others, in no consumer group."""
    left = {TopicPartition(*at): end for at, end in to.items()}
    if not left:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        consumer.assign(list(left))
        # A topic may end before what was once read of it, when Kafka itself was restored.
        ends = await consumer.end_offsets(list(left))
        left = {at: min(end, ends[at]) for at, end in left.items()}
        for at in left:
            consumer.seek(at, start.get((at.topic, at.partition), 0))
        # By position, not by record: the last of a partition need not be a record.
        while left := {a: end for a, end in left.items() if await consumer.position(a) < end}:
            found = await consumer.getmany(*left, timeout_ms=1000, max_records=READ_AT_ONCE)
            for at, some in found.items():
                yield as_records(one for one in some if one.offset < left[at])
    finally:
        await consumer.stop()
