"""A member of a group that has a place in it: its restart is a halt for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import SecretStr

from services.progress.consumers import Consumers
from services.progress.settings import ProgressSettings
from shared.kernel.clock import SystemClock
from shared.messaging.consumer import Subscription, make_broker
from shared.messaging.message import Record
from shared.postgres.pool import create_pool

pytestmark = pytest.mark.flow
PARTITIONS = 4
PATIENCE_S = 30.0


class Member(Subscription):
    """Counts how often its partitions are taken away."""

    halts = 0

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        if revoked:
            self.halts += 1
        await super().on_partitions_revoked(revoked)

    @property
    def held(self) -> int:
        consumer = self.subscriber.consumer
        return len(consumer.assignment()) if consumer else 0


async def _ignore(_records: list[Record]) -> None:
    return None


@asynccontextmanager
async def member(kafka: str, topic: str, place: str | None) -> AsyncIterator[Member]:
    broker = make_broker(kafka, client_id="test")
    made = Member(broker, [topic], group=topic, handler=_ignore, place=place, session_s=20)
    await broker.start()
    try:
        yield made
    finally:
        await made.stop()
        await broker.stop()


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not found():  # noqa: ASYNC110 - an assignment wakes nobody
            await asyncio.sleep(0.05)


@pytest.fixture
async def topic(kafka: str) -> str:
    name = f"places.{uuid4()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    await admin.close()
    return name


async def halts_of_the_other(kafka: str, topic: str, *, named: bool) -> int:
    """How often one member is stopped by a restart of the other, and that both hold a half."""
    first, second = ("first", "second") if named else (None, None)
    half = PARTITIONS // 2
    async with AsyncExitStack() as standing:
        other = await standing.enter_async_context(member(kafka, topic, first))
        async with member(kafka, topic, second) as restarted:
            await until(lambda: (other.held, restarted.held) == (half, half))
            before = other.halts
        async with member(kafka, topic, second) as restarted:
            await until(lambda: (other.held, restarted.held) == (half, half))
            await asyncio.sleep(4)  # longer than a heartbeat, by which a halt is heard of
            assert (other.held, restarted.held) == (half, half)
            return other.halts - before


async def test_a_member_that_comes_back_to_its_place_stops_nobody(kafka: str, topic: str) -> None:
    assert await halts_of_the_other(kafka, topic, named=True) == 0


async def test_a_member_without_a_place_stops_the_others(kafka: str, topic: str) -> None:
    assert await halts_of_the_other(kafka, topic, named=False) > 0


async def test_progress_takes_its_place_in_each_of_its_groups() -> None:
    settings = ProgressSettings(
        environment="local",
        database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"),
        oidc_issuer="test",
        oidc_jwks="/nowhere",
        group_place="progress-1",
        group_session_s=30,
    )
    pool = await create_pool(settings.database_url.get_secret_value())
    broker = make_broker(settings.kafka, client_id="test")
    Consumers(broker, pool, SystemClock(), settings)
    told: list[dict[str, Any]] = [
        getattr(made, "_connection_args")  # noqa: B009
        for made in broker.subscribers
    ]
    assert {(one["group_instance_id"], one["session_timeout_ms"]) for one in told} == {
        ("progress-1", 30_000)
    }
    assert len(told) == 3
    await pool.close()
