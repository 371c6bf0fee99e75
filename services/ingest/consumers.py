"""The Kafka door: raw events on `milepost.inbound.v1`.

Good events go on, broken ones become dead letters, unknown types are counted and skipped. Offsets
move on only after Kafka has acknowledged the ones and the database the others.
"""

import asyncio
from typing import Any, Final
from zoneinfo import ZoneInfo

from faststream.kafka import KafkaBroker

from services.ingest import metrics
from services.ingest.contract import CONSUMES
from services.ingest.domain.cloud_event import Event, Rejection
from services.ingest.domain.inbound import read_record
from services.ingest.handlers.events import AT_A_TIME, Outcome, count
from services.ingest.handlers.kafka import Kafka, KafkaAwayError
from shared.kernel.clock import Clock
from shared.messaging import dead_letter
from shared.messaging.consumer import RetryLaterError, Subscription
from shared.messaging.message import Record
from shared.postgres.pool import Pool

GROUP: Final = "ingest-inbound"
LOOK_EVERY_S: Final = 5.0


class Inbound:
    """Consumes the inbound topic."""

    def __init__(self, kafka: Kafka, pool: Pool, clock: Clock, zone: ZoneInfo) -> None:
        self._kafka = kafka
        self._pool = pool
        self._clock = clock
        self._zone = zone

    def subscribe(self, broker: KafkaBroker) -> Subscription:
        """Hear the inbound topic on a broker."""
        return Subscription(
            broker, list(CONSUMES), group=GROUP, handler=self.on_records, poison=self.on_poison
        )

    async def on_records(self, records: list[Record]) -> None:
        """Deal with the records of a poll. Raises RetryLaterError while Kafka is away."""
        outcome = Outcome()
        broken: list[tuple[Record, Rejection]] = []
        for at, record in enumerate(records):
            found = read_record(record, self._zone)
            if isinstance(found, Event):
                outcome.accepted.append(found)
            else:
                outcome.rejected.append((at, found))
                if not found.is_of_unknown_type:
                    broken.append((record, found))
            if at % AT_A_TIME == AT_A_TIME - 1:
                await asyncio.sleep(0)
        try:
            await self._kafka.accept_events(outcome.accepted)
        except KafkaAwayError as failure:
            raise RetryLaterError(str(failure)) from failure
        await self._keep(broken)
        count("inbound", outcome)

    async def _keep(self, broken: list[tuple[Record, Rejection]]) -> None:
        if not broken:
            return
        now = self._clock.now()
        async with self._pool.acquire() as connection, connection.transaction():
            for record, rejection in broken:
                await dead_letter.put(
                    connection,
                    record,
                    rejection.errors,
                    now,
                    event_id=rejection.id,
                    event_type=rejection.type,
                )

    async def on_poison(self, record: Record, failure: Exception) -> None:
        """Keep a record that nothing could be made of, for a reason nobody foresaw."""
        await self._keep([(record, Rejection([{"pointer": "", "detail": repr(failure)}]))])


async def watch_lag(subscription: Subscription) -> None:
    """Until cancelled, measure how much of the inbound topic is waiting."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        consumer: Any = subscription.subscriber.consumer
        if consumer is None:
            continue
        for at in consumer.assignment():
            end = consumer.highwater(at)
            if end is not None:
                lag = max(0, end - await consumer.position(at))
                metrics.inbound_lag.labels(at.partition).set(lag)
