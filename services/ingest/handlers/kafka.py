"""The way to Kafka: what is accepted is stamped, published and acknowledged here, nowhere else."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final

import structlog

from services.ingest.domain.cloud_event import Event
from shared.events.envelope import Headers, stamp
from shared.messaging.producer import Publisher, PublishFailedError
from shared.messaging.watermark import Bound, InFlight
from shared.runtime.tracing import HEADER, traceparent

LOOK_EVERY_S: Final = 1.0
LOOK_AGAIN_S: Final = 0.25
Entry = tuple[str, str, bytes | None, Headers]
_log = structlog.get_logger(__name__)


class KafkaAwayError(Exception):
    """Kafka does not acknowledge: nothing was accepted, and all of it may be sent again."""


class Kafka:
    """Accepts events: they are known from the moment they are stamped here.

    Whoever waits is told after `timeout_s` that Kafka is away. What is on its way then goes on, and
    stays in flight (so that no watermark passes it) until its fate is known.
    """

    def __init__(self, publisher: Publisher, in_flight: InFlight, *, timeout_s: float) -> None:
        self._publisher = publisher
        self._in_flight = in_flight
        self._timeout_s = timeout_s
        self._under_way: set[asyncio.Task[None]] = set()
        self._missing: str | None = None

    async def accept(self, entries: Callable[[datetime], Iterable[Entry]]) -> None:
        """Publish what `entries` gives for the moment of acceptance; returns when acknowledged.

        Raises KafkaAwayError.
        """
        if self._missing:
            raise KafkaAwayError(self._missing)
        task = asyncio.create_task(self._bring(entries))
        self._under_way.add(task)
        task.add_done_callback(self._arrived)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if not done:
            self._miss("Kafka does not acknowledge")
            raise KafkaAwayError("Kafka does not acknowledge in time")
        failure = task.exception()
        if failure is not None:
            self._miss(str(failure))
            raise KafkaAwayError(str(failure)) from failure

    async def accept_events(self, events: list[Event]) -> None:
        """Publish events. Raises KafkaAwayError."""
        if events:
            await self.accept(lambda moment: entries_of(events, moment))

    async def _bring(self, entries: Callable[[datetime], Iterable[Entry]]) -> None:
        with self._in_flight.accept() as moment:
            await self._publisher.publish_entries(entries(moment))

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and isinstance(task.exception(), PublishFailedError):
            self._miss(str(task.exception()))

    def _miss(self, why: str) -> None:
        if self._missing is None:
            _log.warning("kafka_away", error=why)
        self._missing = why

    async def check(self) -> None:
        """Raise unless Kafka takes what is published."""
        await self._publisher.ping()

    async def watch(self) -> None:
        """Until cancelled, notice when Kafka goes and when it is back, with or without traffic."""
        while True:
            try:
                await self._publisher.ping()
            except Exception as failure:  # noqa: BLE001 - whatever it is, the next look may differ
                self._miss(str(failure) or repr(failure))
            else:
                if self._missing:
                    _log.info("kafka_back")
                self._missing = None
            await asyncio.sleep(LOOK_AGAIN_S if self._missing else LOOK_EVERY_S)

    async def finish(self) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._timeout_s)

    async def bound(self) -> Bound:
        """Up to when everything accepted is in Kafka, and below which positions."""
        moment = self._in_flight.complete_to()
        return moment, dict(self._publisher.positions)


_FIXED: Final[Headers] = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]


@lru_cache(maxsize=4096)
def _header(name: str, value: str) -> tuple[str, bytes]:
    """A header that is the same for many events."""
    return name, value.encode()


def entries_of(events: Iterable[Event], moment: datetime) -> Iterable[Entry]:
    """Events as Kafka's binary mode has them (the same as `shared.events.envelope.to_headers`).

    One that brings no context of its own goes on in that of the request.
    """
    accepted = ("ce_acceptedat", stamp(moment).encode())
    here = traceparent()
    carried = [(HEADER, here.encode())] if here else []
    for event in events:
        headers = [
            *_FIXED,
            ("ce_id", event.id.encode()),
            _header("ce_type", event.type),
            _header("ce_source", event.source),
            accepted,
        ]
        if event.time:
            headers.append(("ce_time", event.time.encode()))
        if event.traceparent:
            headers.append((HEADER, event.traceparent.encode()))
        else:
            headers += carried
        yield event.topic, event.key, event.value, headers
