"""Consuming at least once, in batches, with nothing lost and nothing blocked.

FastStream's own acknowledgement policies lose or spin on a batch that fails (field notes A1), so
every subscriber is made here: manual acknowledgement, a parser that never touches headers, a
handler that is tried until it succeeds, and explicit offsets committed in the background.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextvars import Context
from typing import Any, TypeVar

import structlog
from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from prometheus_client import Histogram

from shared.messaging.lag import Reached, lag
from shared.messaging.message import Position, Record
from shared.postgres.pool import is_transient
from shared.runtime.tracing import consuming, links_of

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Handler = Callable[[list[Record]], Awaitable[None]]
Poison = Callable[[Record, Exception], Awaitable[None]]
StartingPoints = Callable[[list[tuple[str, int]]], Awaitable[dict[tuple[str, int], int]]]

FIRST_PAUSE_S = 0.1
SESSION_S = 10.0
LONGEST_PAUSE_S = 5.0
COMMIT_EVERY_S = 1.0
MAX_POLL_INTERVAL_MS = 3_600_000
_records = Histogram(
    "milepost_consumer_batch_records",
    "Records of a poll, by the first topic of the consumer",
    ["topic"],
    buckets=(1, 2, 5, 10, 50, 100, 500, 1000, 2000, 5000),
)
_seconds = Histogram(
    "milepost_consumer_batch_seconds",
    "Seconds until a poll's records were dealt with, or taken over by a lane",
    ["topic"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_log = structlog.get_logger(__name__)


def make_broker(bootstrap: str, *, client_id: str) -> KafkaBroker:
    """The FastStream broker of a service; topics are declared as code, never made by use."""
    return KafkaBroker(
        bootstrap,
        client_id=client_id,
        allow_auto_create_topics=False,
        apply_types=False,
        graceful_timeout=10.0,
        logger=None,
    )


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]
    """One batch subscriber of a service's broker.

    `handler` gets the records of a poll, in order within each partition. While it raises a
    transient failure the batch is tried again, with pauses; another failure sends the batch
    through one record at a time and the record that fails alone to `poison`. With
    `starts_at` the offsets of a database, not Kafka's, decide where an assignment begins. With
    `deferred` the handler only takes the records over: whoever finishes them calls `done`. A
    member with a `place` of its own in the group finds its partitions again when it comes back
    within `session_s`, and nobody else notices that it was gone.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        topics: Sequence[str],
        *,
        group: str | None,
        handler: Handler,
        poison: Poison | None = None,
        starts_at: StartingPoints | None = None,
        deferred: bool = False,
        place: str | None = None,
        session_s: float = SESSION_S,
        max_records: int = 2000,
        from_latest: bool = False,
        fetch_min_bytes: int = 1,
        fetch_max_wait_ms: int = 100,
        max_partition_fetch_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self.topics, self.group = tuple(topics), group
        self.beat = time.monotonic()
        """When the last poll was handed over, for liveness."""
        self.paused_since: float | None = None
        """Since when the handler has been failing; None while it succeeds."""
        self._handler = handler
        self._poison = poison
        self._starts_at = starts_at
        self._deferred = deferred
        self._finished: dict[TopicPartition, int] = {}
        self._last: dict[tuple[str, int], Record] = {}
        self._committing: asyncio.Task[None] | None = None
        self.subscriber = broker.subscriber(
            *topics,
            group_id=group,
            group_instance_id=place,
            session_timeout_ms=round(session_s * 1000),
            batch=True,
            max_records=max_records,
            auto_offset_reset="latest" if from_latest else "earliest",
            ack_policy=AckPolicy.MANUAL,
            parser=self._parse,
            decoder=_as_records,
            listener=self,
            fetch_min_bytes=fetch_min_bytes,
            fetch_max_wait_ms=fetch_max_wait_ms,
            max_partition_fetch_bytes=max_partition_fetch_bytes,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            batch_timeout_ms=50,
        )
        self.subscriber(self._on_batch)
        lag.watch(self)

    @property
    def assigned(self) -> bool:
        """Whether the consumer holds any partition now."""
        consumer = self.subscriber.consumer
        return consumer is not None and bool(consumer.assignment())

    def partitions(self) -> Counter[str]:
        """How many partitions of each topic it holds."""
        consumer: Any = self.subscriber.consumer
        return Counter(at.topic for at in consumer.assignment()) if consumer else Counter()

    def reached(self) -> Iterator[Reached]:
        """How far it is behind in each partition that it holds and has read from."""
        consumer: Any = self.subscriber.consumer
        held = consumer.assignment() if consumer is not None else ()
        for at in held:
            last = self._last.get((at.topic, at.partition))
            end = consumer.highwater(at)
            if last is not None and end is not None:
                behind = max(end - last.offset - 1, 0)
                yield Reached(at.topic, at.partition, behind, last.timestamp)

    def done(self, positions: Iterable[Position]) -> None:
        """Everything below these positions is dealt with and may be committed."""
        for topic, partition, offset in positions:
            at = TopicPartition(topic, partition)
            self._finished[at] = max(self._finished.get(at, 0), offset)
        if self.group is not None and self._committing is None:
            # In no trace: it outlives the batch that begins it.
            self._committing = asyncio.create_task(self._commit_regularly(), context=Context())

    async def stop(self) -> None:
        """Commit what is done and end the background task; call it before the broker stops."""
        if self._committing is not None:
            self._committing.cancel()
            self._committing = None
        await self._commit()

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        await self._commit()
        for at in revoked:
            self._finished.pop(at, None)

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        if self._starts_at is None or not assigned:
            return
        wanted = [(at.topic, at.partition) for at in assigned]
        starts = await self._until_it_works(self._starts_at, wanted)
        consumer: Any = self.subscriber.consumer
        for at in assigned:
            # Without a row of its own a partition begins at its beginning, whatever Kafka thinks.
            consumer.seek(at, starts.get((at.topic, at.partition), 0))

    async def _on_batch(self, records: list[Record]) -> None:
        began = self.beat = time.monotonic()
        topic = self.topics[0]
        with consuming(topic, len(records), links_of(record.headers for record in records)):
            await self._deal_with(records)
        _records.labels(topic).observe(len(records))
        _seconds.labels(topic).observe(time.monotonic() - began)
        self._last.update({(one.topic, one.partition): one for one in records})
        if not self._deferred:
            self.done(positions_after(records))
        await asyncio.sleep(0)  # a full prefetch buffer must not starve timers and HTTP

    async def _deal_with(self, records: list[Record]) -> None:
        try:
            await self._until_it_works(self._handler, records)
        except Exception:
            if self._poison is None:
                raise
            _log.exception("batch_failed", topics=self.topics, records=len(records))
            await self._one_by_one(records, self._poison)

    async def _one_by_one(self, records: list[Record], poison: Poison) -> None:
        for record in records:
            try:
                await self._until_it_works(self._handler, [record])
            except Exception as failure:  # noqa: BLE001 - whatever it is, it is kept and shown
                await self._until_it_works(_failing_with(poison, failure), record)

    async def _until_it_works(
        self, step: Callable[[Argument], Awaitable[Result]], argument: Argument
    ) -> Result:
        pause = FIRST_PAUSE_S
        while True:
            try:
                result = await step(argument)
            except Exception as failure:
                if not (is_transient(failure) or isinstance(failure, KafkaError | RetryLaterError)):
                    raise
                self.paused_since = self.paused_since or time.monotonic()
                _log.warning(
                    "consumer_retries", topics=self.topics, error=repr(failure), pause=pause
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.paused_since = None
                return result

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self._commit()

    async def _commit(self) -> None:
        consumer = self.subscriber.consumer
        if consumer is None or self.group is None:
            return
        held = consumer.assignment()
        due = {at: offset for at, offset in self._finished.items() if at in held}
        if not due:
            return
        try:
            await consumer.commit(due)
        except KafkaError as failure:
            # Committed offsets only say where to begin after a restart; effects are idempotent.
            _log.warning("commit_failed", topics=self.topics, error=repr(failure))
            return
        for at, offset in due.items():
            if self._finished.get(at) == offset:
                del self._finished[at]

    async def _parse(self, raw: tuple[ConsumerRecord, ...]) -> KafkaMessage:
        consumer: Any = self.subscriber.consumer
        return KafkaMessage(body=b"", headers={}, raw_message=raw, consumer=consumer)


class RetryLaterError(Exception):
    """Raised by a handler when something outside is not ready and the batch must wait."""


def _failing_with(poison: Poison, failure: Exception) -> Callable[[Record], Awaitable[None]]:
    async def keep(record: Record) -> None:
        await poison(record, failure)

    return keep


async def _as_records(message: KafkaMessage) -> list[Record]:
    raw: Any = message.raw_message
    return as_records(raw)


def as_records(raw: Iterable[ConsumerRecord]) -> list[Record]:
    """What the client gives, as handlers take it."""
    return [
        Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, r.timestamp) for r in raw
    ]


def positions_after(records: Iterable[Record]) -> list[Position]:
    """The position after the last of the records in each partition."""
    last: dict[tuple[str, int], int] = {}
    for record in records:
        last[record.topic, record.partition] = record.offset + 1
    return [Position(topic, partition, offset) for (topic, partition), offset in last.items()]
