"""What progress hears: partners' activity in lanes side by side, everything else in one."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

from faststream.kafka import KafkaBroker
from prometheus_client import Counter

from services.progress.completeness import HEARD, Completeness
from services.progress.contract import SERVICE
from services.progress.domain.reading import Moments
from services.progress.handlers.batch import Batch, CollaborationBatch
from services.progress.handlers.take import take_activity, take_collaboration, take_references
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
REFERENCES: Final = tuple(
    topic for topic in HEARD if topic not in (topics.ACTIVITY, topics.COLLABORATION)
)
_GROUPS: Final[dict[tuple[str, ...], str]] = {
    (topics.ACTIVITY,): "activity",
    (topics.COLLABORATION,): "collaboration",
}
_skipped = Counter("milepost_events_skipped_total", "Events of a type that is not known", ["topic"])
_broken = Counter("milepost_events_broken_total", "Events that cannot be read", ["topic"])


class Consumers:
    """The subscriptions of the service and the lanes that they feed."""

    def __init__(
        self, broker: KafkaBroker, pool: Pool, clock: Clock, settings: ProgressSettings
    ) -> None:
        self._pool = pool
        self._moments = Moments()
        self._place = settings.group_place or None
        self._session_s = settings.group_session_s
        self.activity = self._subscribe(broker, [topics.ACTIVITY], self.on_activity)
        self.references = self._subscribe(broker, REFERENCES, self.on_references)
        self.collaboration = self._subscribe(broker, [topics.COLLABORATION], self.on_collaboration)
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
        bounds = settings.interaction_bounds
        self._empty_collaboration = partial(CollaborationBatch, bounds=bounds)
        self._collaboration_lane = Lane(
            "collaboration",
            pool,
            clock,
            take_collaboration,
            most=settings.collaboration_batch,
            done=self.collaboration.done,
            empty=self._empty_collaboration,
        )

    def _subscribe(
        self,
        broker: KafkaBroker,
        heard: Iterable[str],
        handler: Callable[[list[Record]], Awaitable[None]],
    ) -> Subscription:
        heard = list(heard)
        group = _GROUPS.get(tuple(heard), "references")
        return Subscription(
            broker,
            heard,
            group=f"milepost-{SERVICE}-{group}",
            handler=handler,
            starts_at=self.find_starts,
            deferred=True,
            place=self._place,
            session_s=self._session_s,
            max_records=POLLED,
            fetch_max_wait_ms=50,
        )

    @property
    def lanes(self) -> list[Lane]:
        return [*self._lanes, self._reference_lane, self._collaboration_lane]

    @property
    def subscriptions(self) -> list[Subscription]:
        return [self.activity, self.references, self.collaboration]

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
        """Partners, campaigns, people, CRM data, strategies, plans of both kinds and ticks."""
        await self._reference_lane.put(self._read(records))

    async def on_collaboration(self, records: list[Record]) -> None:
        """Interactions."""
        batch = self._empty_collaboration()
        batch.take_all(records, self._moments)
        await self._collaboration_lane.put(_counted(batch, records))

    def _read(self, records: list[Record]) -> Batch:
        return _counted(Batch.read(records, self._moments), records)


def _counted(batch: Batch, records: list[Record]) -> Batch:
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
