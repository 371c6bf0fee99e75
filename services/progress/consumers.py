"""What progress hears: partners' activity in lanes side by side, everything else in one."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from faststream.kafka import KafkaBroker
from prometheus_client import Counter

from services.progress.completeness import HEARD, Completeness
from services.progress.contract import SERVICE
from services.progress.domain.reading import Moments
from services.progress.handlers.batch import Batch
from services.progress.handlers.take import take_activity, take_references
from services.progress.lane import Lane
from services.progress.settings import ProgressSettings
from services.progress.store import ledger
from shared.kernel.clock import Clock
from shared.messaging import topics
from shared.messaging.consumer import Subscription
from shared.messaging.message import Record
from shared.postgres.pool import Pool

MOST_REFERENCES: Final = 5000
POLLED: Final = 10_000
REFERENCES: Final = tuple(topic for topic in HEARD if topic != topics.ACTIVITY)
_skipped = Counter("milepost_events_skipped_total", "Events of a type that is not known", ["topic"])
_broken = Counter("milepost_events_broken_total", "Events that cannot be read", ["topic"])


class Consumers:
    """The subscriptions of the service and the lanes that they feed."""

    def __init__(
        self, broker: KafkaBroker, pool: Pool, clock: Clock, settings: ProgressSettings
    ) -> None:
        self._pool = pool
        self._moments = Moments()
        self.activity = self._subscribe(broker, [topics.ACTIVITY], self.on_activity)
        self.references = self._subscribe(broker, REFERENCES, self.on_references)
        self._lanes = [
            Lane(
                f"activity {number}",
                pool,
                clock,
                take_activity,
                most=settings.activity_batch,
                done=self.activity.done,
            )
            for number in range(settings.activity_lanes)
        ]
        self._reference_lane = Lane(
            "references",
            pool,
            clock,
            take_references,
            most=MOST_REFERENCES,
            done=self.references.done,
        )

    def _subscribe(
        self,
        broker: KafkaBroker,
        heard: Iterable[str],
        handler: Callable[[list[Record]], Awaitable[None]],
    ) -> Subscription:
        heard = list(heard)
        group = "activity" if heard == [topics.ACTIVITY] else "references"
        return Subscription(
            broker,
            heard,
            group=f"milepost-{SERVICE}-{group}",
            handler=handler,
            starts_at=self.find_starts,
            deferred=True,
            max_records=POLLED,
            fetch_max_wait_ms=50,
        )

    @property
    def lanes(self) -> list[Lane]:
        return [*self._lanes, self._reference_lane]

    @property
    def subscriptions(self) -> list[Subscription]:
        return [self.activity, self.references]

    async def find_starts(self, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Where to begin: after what the database holds, whatever Kafka remembers."""
        async with self._pool.acquire() as connection:
            found = await ledger.find_positions(connection)
        return {at: found[at] for at in wanted if at in found}

    async def on_activity(self, records: list[Record]) -> None:
        """Partners' events; a partition always goes by the same lane, so that its order holds."""
        shares: list[list[Record]] = [[] for _ in self._lanes]
        for record in records:
            shares[record.partition % len(shares)].append(record)
        for lane, share in zip(self._lanes, shares, strict=True):
            if share:
                await lane.put(self._read(share))

    async def on_references(self, records: list[Record]) -> None:
        """Partners, campaigns, strategies, plans and ticks."""
        await self._reference_lane.put(self._read(records))

    def _read(self, records: list[Record]) -> Batch:
        batch = Batch.read(records, self._moments)
        if batch.skipped:
            _skipped.labels(records[0].topic).inc(batch.skipped)
        for record, _ in batch.broken:
            _broken.labels(record.topic).inc()
        return batch


def hear_watermarks(broker: KafkaBroker, completeness: Completeness) -> Subscription:
    """The subscription to what sources say about themselves: every replica hears all of it."""
    return Subscription(
        broker,
        [topics.WATERMARKS],
        group=None,
        handler=completeness.on_watermarks,
        from_latest=True,
        fetch_max_wait_ms=50,
    )
