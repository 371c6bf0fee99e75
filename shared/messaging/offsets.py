"""Where topics end and how far groups have come, asked of the broker."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

At = tuple[str, int]


class Offsets:
    """Asks the broker; connects at the first question. Raises KafkaError when it is away."""

    def __init__(self, bootstrap: str, *, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        with contextlib.suppress(KafkaError):
            if consumer is not None:
                await consumer.stop()
            if admin is not None:
                await admin.close()

    async def ends(self, topics: Iterable[str]) -> dict[At, int]:
        """Topic and partition → the offset that the next record there will get."""
        async with self._lock:
            consumer = await self._connected()
            wanted = [
                TopicPartition(topic, partition)
                for topic in topics
                for partition in consumer.partitions_for_topic(topic)
                or await self._look_up(consumer, topic)
            ]
            found = await consumer.end_offsets(wanted)
        return {(at.topic, at.partition): offset for at, offset in found.items()}

    async def committed(self, group: str, topic: str) -> dict[At, int]:
        """Topic and partition → the offset that a consumer group will go on from."""
        async with self._lock:
            if self._admin is None:
                admin = AIOKafkaAdminClient(
                    bootstrap_servers=self._bootstrap, client_id=self._client_id
                )
                await admin.start()
                self._admin = admin
            found = await self._admin.list_consumer_group_offsets(group)
        return {
            (at.topic, at.partition): meta.offset
            for at, meta in found.items()
            if at.topic == topic and meta.offset >= 0
        }

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, client_id=self._client_id, group_id=None
            )
            await consumer.start()
            self._consumer = consumer
        return self._consumer

    @staticmethod
    async def _look_up(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
        client: Any = consumer._client  # noqa: SLF001 - there is no public call for this
        await client.set_topics({*client.cluster.topics(), topic})
        found: set[int] | None = client.cluster.partitions_for_topic(topic)
        if not found:
            raise UnknownTopicOrPartitionError(topic)
        return found
