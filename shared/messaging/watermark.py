"""Watermarks: up to which moment everything that was accepted is in the figures.

Whoever accepts things (ingest, plans) tells at short intervals: all that I accepted before W lies
in Kafka below these positions. Whoever reads them (progress) is complete to W once it has dealt
with everything below these positions. A source that falls silent is vouched for by the broker's
own end offsets, read after the silence began.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from shared.events.envelope import Envelope
from shared.events.watermark import WATERMARK_ADVANCED, WatermarkAdvanced
from shared.kernel.clock import Clock, MonotoneClock
from shared.kernel.ids import new_id
from shared.messaging.message import Message
from shared.messaging.producer import Publisher, PublishFailedError
from shared.messaging.topics import WATERMARKS
from shared.postgres.pool import is_transient

INTERVAL_S: Final = 0.25
SILENT_AFTER_S: Final = 10.0
OBSERVE_EVERY_S: Final = 1.0
MOST_PENDING: Final = 4096
At = tuple[str, int]
Positions = Mapping[At, int]
Bound = tuple[datetime, Positions]
_log = structlog.get_logger(__name__)


class InFlight:
    """What has been accepted and is not yet in Kafka, by its moment of acceptance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = MonotoneClock(clock)
        self._moments: set[datetime] = set()

    @contextmanager
    def accept(self) -> Iterator[datetime]:
        """Stamp something as accepted now; it is in flight until the block ends."""
        moment = self._clock.now()
        self._moments.add(moment)
        try:
            yield moment
        finally:
            self._moments.discard(moment)

    def complete_to(self) -> datetime:
        """Everything accepted before this moment has left; later stamps lie at or after it."""
        return min(self._moments) if self._moments else self._clock.now()


class WatermarkPublisher:
    """Publishes a source's watermark a few times a second.

    `bound` gives the moment and the positions, or None when there is nothing new to say.
    """

    def __init__(
        self, publisher: Publisher, *, source: str, bound: Callable[[], Awaitable[Bound | None]]
    ) -> None:
        self._publisher = publisher
        self._source = source
        self._bound = bound
        self._instance = f"{source}/{new_id()}"

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                await self._tell(closed=False)
            except Exception as failure:  # noqa: BLE001 - it must go on telling
                if not (
                    is_transient(failure) or isinstance(failure, PublishFailedError | KafkaError)
                ):
                    _log.exception("watermark_failed")
                await asyncio.sleep(OBSERVE_EVERY_S)
            await asyncio.sleep(INTERVAL_S)

    async def close(self) -> None:
        """Say the last word: nothing is accepted here any more."""
        try:
            await asyncio.wait_for(self._tell(closed=True), 5)
        except Exception as failure:  # noqa: BLE001 - silence is understood too, only later
            _log.warning("watermark_not_closed", error=repr(failure))

    async def _tell(self, *, closed: bool) -> None:
        bound = await self._bound()
        if bound is None:
            return
        moment, positions = bound
        marker = WatermarkAdvanced(
            source=self._source,
            instance=self._instance,
            complete_to=moment,
            positions=_nested(positions),
            closed=closed,
        )
        envelope = Envelope(new_id(), WATERMARK_ADVANCED, f"milepost/{self._source}", moment)
        await self._publisher.publish(
            [Message(WATERMARKS, self._instance, marker.value(), envelope)]
        )


def _nested(positions: Positions) -> dict[str, dict[int, int]]:
    nested: dict[str, dict[int, int]] = {}
    for (topic, partition), offset in positions.items():
        nested.setdefault(topic, {})[partition] = offset
    return nested


@dataclass
class _Instance:
    source: str
    heard: float
    pending: deque[WatermarkAdvanced] = field(default_factory=deque)
    reached: datetime | None = None
    closed: bool = False

    def advance(self, consumed: Positions) -> None:
        while self.pending and _is_below(self.pending[0], consumed):
            self.reached = self.pending.popleft().complete_to

    @property
    def is_over(self) -> bool:
        return self.closed and not self.pending


def _is_below(marker: WatermarkAdvanced, consumed: Positions) -> bool:
    return all(
        consumed.get((topic, partition), 0) >= offset
        for topic, partitions in marker.positions.items()
        for partition, offset in partitions.items()
    )


class WatermarkTracker:
    """Brings the watermarks of all instances and what has been consumed together.

    `sources` are those that must have spoken, or been vouched for, before anything is complete.
    """

    def __init__(
        self, sources: tuple[str, ...], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sources = sources
        self._monotonic = monotonic
        self._instances: dict[str, _Instance] = {}
        self._complete: dict[str, datetime] = {}

    def hear(self, marker: WatermarkAdvanced) -> None:
        """Take note of a watermark."""
        found = self._instances.get(marker.instance)
        if found is None:
            found = self._instances[marker.instance] = _Instance(marker.source, self._monotonic())
        found.heard = self._monotonic()
        found.closed = marker.closed
        if len(found.pending) >= MOST_PENDING:
            del found.pending[-1]  # far behind: coarser steps will do
        found.pending.append(marker)

    def complete_to(self, consumed: Positions) -> dict[str, datetime | None]:
        """Source → the moment it is complete to, given what has been consumed; None = unknown.

        It never goes back: what was complete once stays so, whoever joins later.
        """
        for instance in self._instances.values():
            instance.advance(consumed)
        for source in self._sources:
            reached = [i.reached for i in self._instances.values() if i.source == source]
            known = [moment for moment in reached if moment is not None]
            if known and len(known) == len(reached):
                self._complete[source] = max(min(known), self._complete.get(source, min(known)))
        self._forget_finished()
        return {source: self._complete.get(source) for source in self._sources}

    def needs_vouching(self) -> list[tuple[str, str]]:
        """(source, instance) of those gone silent, and of sources that nobody speaks for."""
        now = self._monotonic()
        silent = [
            (instance.source, name)
            for name, instance in self._instances.items()
            if not instance.closed and now - instance.heard > SILENT_AFTER_S
        ]
        spoken_for = {i.source for i in self._instances.values() if not i.closed}
        return silent + [(s, f"{s}/observer") for s in self._sources if s not in spoken_for]

    def _forget_finished(self) -> None:
        """An instance that is over says nothing more; the last of a source stays till replaced."""
        for source in self._sources:
            of_source = {n: i for n, i in self._instances.items() if i.source == source}
            over = [name for name, instance in of_source.items() if instance.is_over]
            keep = 1 if len(over) == len(of_source) else 0
            over.sort(key=lambda name: of_source[name].heard)
            for name in over[: len(over) - keep]:
                del self._instances[name]


async def vouch_for_the_silent(
    tracker: WatermarkTracker,
    clock: Clock,
    ends: Callable[[], Awaitable[Positions]],
) -> None:
    """Until cancelled, stand in for instances and sources that have fallen silent.

    Nothing that a dead instance accepted can still arrive: once all that the broker holds now has
    been consumed, its part is complete to the moment before the broker was asked.
    """
    started = time.monotonic()
    while True:
        await asyncio.sleep(OBSERVE_EVERY_S)
        in_need = (
            tracker.needs_vouching() if time.monotonic() - started > SILENT_AFTER_S / 5 else []
        )
        if not in_need:
            continue
        moment = clock.now()
        try:
            positions = _nested(await ends())
        except (KafkaError, OSError, TimeoutError) as failure:
            _log.warning("cannot_vouch", error=repr(failure))
            continue
        for source, instance in in_need:
            tracker.hear(
                WatermarkAdvanced(
                    source=source,
                    instance=instance,
                    complete_to=moment,
                    positions=positions,
                    closed=True,
                )
            )
