"""Publishing: whole record batches per partition, acknowledged by all replicas."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.structs import RecordMetadata

from shared.events.envelope import to_headers
from shared.messaging.message import Headers, Message, Position
from shared.messaging.topics import partition_for

BATCH_BYTES = 768 * 1024
REQUEST_TIMEOUT_MS = 10_000
_log = structlog.get_logger(__name__)

Entry = tuple[bytes, bytes | None, Headers]


class PublishFailedError(Exception):
    """Kafka did not acknowledge; what was to be published may or may not be there."""


class Publisher:
    """Sends messages with acks from all replicas, idempotently, one record batch per partition.

    aiokafka's own `send` makes a future per message; whole batches cost a tenth of that (field
    notes A3). After a failure the producer is made anew, since an idempotent one can be left
    unusable by a broker outage (aiokafka #1017).
    """

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._partitions: dict[str, int] = {}
        self.positions: dict[tuple[str, int], int] = {}
        """Topic, partition → the offset after the last acknowledged record of this publisher."""

    async def start(self) -> None:
        """Connect now; without it the first `publish` does."""
        await self._connected()

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def ping(self) -> None:
        """Raise unless the cluster answers."""
        producer = await self._connected()
        try:
            await asyncio.wait_for(producer.client.fetch_all_metadata(), 5)
        except (KafkaError, TimeoutError) as failure:
            raise PublishFailedError(str(failure)) from failure

    async def publish(self, messages: Iterable[Message]) -> list[Position]:
        """Publish messages, keeping their order within a partition.

        Returns the positions after them once Kafka has acknowledged all. Raises PublishFailedError.
        """
        return await self.publish_entries(
            (m.topic, m.key, m.value, to_headers(m.envelope)) for m in messages
        )

    async def publish_entries(
        self, entries: Iterable[tuple[str, str, bytes | None, Headers]]
    ) -> list[Position]:
        """Like `publish`, of (topic, key, value, headers) that are ready made (the hot path)."""
        producer = await self._connected()
        try:
            grouped = await self._by_partition(producer, entries)
            sent = [
                await self._send(producer, topic, partition, batch)
                for (topic, partition), batch in grouped.items()
            ]
            acknowledged = await _all_settled([future for futures in sent for future in futures])
        except (KafkaError, TimeoutError, OSError) as failure:
            await self._discard(producer)
            raise PublishFailedError(f"{type(failure).__name__}: {failure}") from failure
        return self._advance(acknowledged)

    def _advance(self, acknowledged: Sequence[tuple[RecordMetadata, int]]) -> list[Position]:
        moved: dict[tuple[str, int], int] = {}
        for metadata, count in acknowledged:
            at = (metadata.topic, metadata.partition)
            moved[at] = max(moved.get(at, 0), metadata.offset + count)
        for at, offset in moved.items():
            self.positions[at] = max(self.positions.get(at, 0), offset)
        return [Position(topic, partition, offset) for (topic, partition), offset in moved.items()]

    async def _by_partition(
        self,
        producer: AIOKafkaProducer,
        entries: Iterable[tuple[str, str, bytes | None, Headers]],
    ) -> dict[tuple[str, int], list[Entry]]:
        grouped: dict[tuple[str, int], list[Entry]] = defaultdict(list)
        for topic, key, value, headers in entries:
            partitions = self._partitions.get(topic) or await self._count_partitions(
                producer, topic
            )
            at = (topic, partition_for(key, partitions))
            grouped[at].append((key.encode(), value, headers))
        return grouped

    async def _count_partitions(self, producer: AIOKafkaProducer, topic: str) -> int:
        found = await producer.partitions_for(topic)
        if not found:
            raise UnknownTopicOrPartitionError(topic)
        self._partitions[topic] = len(found)
        return len(found)

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, partition: int, entries: list[Entry]
    ) -> list[asyncio.Future[tuple[RecordMetadata, int]]]:
        futures = []
        builder, count = producer.create_batch(), 0
        for key, value, headers in entries:
            if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
                futures.append(await self._hand_over(producer, builder, topic, partition, count))
                builder, count = producer.create_batch(), 0
                if builder.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    raise PublishFailedError("a message is larger than a record batch may be")
            count += 1
        futures.append(await self._hand_over(producer, builder, topic, partition, count))
        return futures

    @staticmethod
    async def _hand_over(
        producer: AIOKafkaProducer, builder: object, topic: str, partition: int, count: int
    ) -> asyncio.Future[tuple[RecordMetadata, int]]:
        sent = await producer.send_batch(builder, topic, partition=partition)

        async def settled() -> tuple[RecordMetadata, int]:
            return await sent, count

        return asyncio.ensure_future(settled())

    async def _connected(self) -> AIOKafkaProducer:
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

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            _log.warning("producer_discarded")
            self._closing = asyncio.create_task(_stop_quietly(producer))


async def _all_settled(
    futures: list[asyncio.Future[tuple[RecordMetadata, int]]],
) -> list[tuple[RecordMetadata, int]]:
    """Wait for every one before raising: after a failure nothing of ours is still on its way."""
    if futures:
        await asyncio.wait(futures)
    return [future.result() for future in futures]


async def _stop_quietly(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.stop(), REQUEST_TIMEOUT_MS / 1000)
