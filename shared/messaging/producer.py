"""Publishing: whole record batches per partition, acknowledged by all replicas."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.events.envelope import to_headers
from shared.messaging.message import Headers, Message, Position
from shared.messaging.topics import partition_for

BATCH_BYTES = 768 * 1024
REQUEST_TIMEOUT_MS = 10_000
_log = structlog.get_logger(__name__)

Entry = tuple[bytes, bytes | None, Headers]
At = tuple[str, int]


class PublishFailedError(Exception):
    """Kafka did not acknowledge; what was to be published may or may not be there."""


class Publisher:
    """Sends messages with acks from all replicas, idempotently, in record batches per partition.

    aiokafka's own `send` makes a future per message, which costs ten times as much (field notes
    A3), and its `send_batch` takes one waiting batch a partition. So each partition has a lane:
    whatever is handed over while a batch is on its way makes up the next one. After a failure
    the producer is made anew, since an idempotent one can be left unusable by a broker outage
    (aiokafka #1017).
    """

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._partitions: dict[str, int] = {}
        self._lanes: dict[At, _Lane] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.positions: dict[At, int] = {}
        """Topic, partition → the offset after the last acknowledged record of this publisher."""

    async def start(self) -> None:
        """Connect now; without it the first `publish` does."""
        await self.connected()

    async def stop(self) -> None:
        """Let go of Kafka; what was handed over before is settled first."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def ping(self) -> None:
        """Raise unless the cluster answers."""
        producer = await self.connected()
        try:
            await asyncio.wait_for(producer.client.fetch_all_metadata(), 5)
        except (KafkaError, TimeoutError) as failure:
            raise PublishFailedError(str(failure)) from failure

    async def publish(self, messages: Iterable[Message]) -> list[Position]:
        """Publish messages, keeping their order within a partition.

        Returns the positions after them once Kafka has acknowledged all. Raises
        PublishFailedError when it did not; by then none of them is on its way any more.
        """
        return await self.publish_entries(
            (m.topic, m.key, m.value, to_headers(m.envelope)) for m in messages
        )

    async def publish_entries(
        self, entries: Iterable[tuple[str, str, bytes | None, Headers]]
    ) -> list[Position]:
        """Like `publish`, of (topic, key, value, headers) that are ready made (the hot path)."""
        producer = await self.connected()
        grouped: dict[At, list[Entry]] = defaultdict(list)
        for topic, key, value, headers in entries:
            partitions = self._partitions.get(topic) or await self._count(producer, topic)
            grouped[topic, partition_for(key, partitions)].append((key.encode(), value, headers))
        parcels = {at: self._lane(at).hand_over(parcel) for at, parcel in grouped.items()}
        await asyncio.gather(*parcels.values(), return_exceptions=True)
        return [Position(*at, settled.result()) for at, settled in parcels.items()]

    def _lane(self, at: At) -> "_Lane":
        lane = self._lanes.get(at)
        if lane is None:
            lane = self._lanes[at] = _Lane(self, at)
        return lane

    async def _count(self, producer: AIOKafkaProducer, topic: str) -> int:
        try:
            found = await producer.partitions_for(topic)
        except (KafkaError, TimeoutError, OSError) as failure:
            raise PublishFailedError(f"{type(failure).__name__}: {failure}") from failure
        self._partitions[topic] = len(found)
        return len(found)

    async def connected(self) -> AIOKafkaProducer:
        """The producer, connected. Raises PublishFailedError while Kafka is away."""
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start_one()
            return self._producer

    async def _start_one(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as failure:
            with contextlib.suppress(Exception):
                await producer.stop()
            raise PublishFailedError(f"{type(failure).__name__}: {failure}") from failure
        return producer

    def discard(self, producer: AIOKafkaProducer) -> None:
        """Give up a producer that failed; the next use makes a new one."""
        if self._producer is producer:
            self._producer = None
            _log.warning("producer_discarded")
            closing = asyncio.create_task(_stop_quietly(producer))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


@dataclass(eq=False)
class _Parcel:
    entries: list[Entry]
    settled: asyncio.Future[int]


class _Lane:
    """One partition's way to Kafka: a batch at a time, in the order of handing over."""

    def __init__(self, publisher: Publisher, at: At) -> None:
        self._publisher = publisher
        self._at = at
        self._waiting: list[_Parcel] = []
        self._working: asyncio.Task[None] | None = None

    def hand_over(self, entries: list[Entry]) -> asyncio.Future[int]:
        """Send entries; the future holds the offset after the last, or why they failed."""
        settled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Parcel(entries, settled))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return settled

    async def _work(self) -> None:
        try:
            while self._waiting:
                parcels, self._waiting = self._waiting, []
                await self._send_all(parcels)
        finally:
            self._working = None

    async def _send_all(self, parcels: list[_Parcel]) -> None:
        producer = None
        try:
            producer = await self._publisher.connected()
            await self._send_parcels(producer, parcels)
        except (KafkaError, TimeoutError, OSError, PublishFailedError) as failure:
            if producer is not None and not isinstance(failure, PublishFailedError):
                self._publisher.discard(producer)
            error = PublishFailedError(f"{type(failure).__name__}: {failure}")
            for parcel in parcels:
                if not parcel.settled.done():
                    parcel.settled.set_exception(error)

    async def _send_parcels(self, producer: AIOKafkaProducer, parcels: list[_Parcel]) -> None:
        builder, count = producer.create_batch(), 0
        finished: list[_Parcel] = []
        for parcel in parcels:
            for key, value, headers in parcel.entries:
                entry = {"key": key, "value": value, "timestamp": None, "headers": headers}
                if builder.append(**entry) is None:
                    await self._send_batch(producer, builder, count, finished)
                    builder, count, finished = producer.create_batch(), 0, []
                    if builder.append(**entry) is None:
                        raise PublishFailedError("a message is larger than a batch may be")
                count += 1
            finished.append(parcel)
        await self._send_batch(producer, builder, count, finished)

    async def _send_batch(
        self, producer: AIOKafkaProducer, builder: Any, count: int, finished: list[_Parcel]
    ) -> None:
        """Send one batch; `finished` are the parcels whose last entry is in it."""
        topic, partition = self._at
        sent = await producer.send_batch(builder, topic, partition=partition)
        end = (await sent).offset + count
        self._publisher.positions[self._at] = end
        for parcel in finished:
            if not parcel.settled.done():
                parcel.settled.set_result(end)


async def _stop_quietly(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.stop(), REQUEST_TIMEOUT_MS / 1000)
