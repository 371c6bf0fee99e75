"""How far the figures are complete: what the sources say, held against what was consumed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from services.progress.contract import CONSUMES
from services.progress.store import ledger
from shared.events.envelope import stamp
from shared.events.watermark import WatermarkAdvanced
from shared.messaging import topics
from shared.messaging.message import Record
from shared.messaging.offsets import Offsets
from shared.messaging.topics import INBOUND
from shared.messaging.watermark import Positions, WatermarkTracker
from shared.postgres.pool import Pool

SOURCES: Final = {
    "ingest": (
        topics.ACTIVITY,
        topics.PARTNERS,
        topics.CAMPAIGNS,
        topics.COLLABORATION,
        topics.PEOPLE,
        topics.CRM,
    ),
    "plans": (topics.PLANS, topics.SELLER_PLANS, topics.TICKS),
}
"""Who accepts things, and the topics that figures hear from each."""

HEARD: Final = tuple(topic for topic in CONSUMES if topic != topics.WATERMARKS)
INBOUND_GROUP: Final = "ingest-inbound"
"""The group in which ingest reads what upstream systems write to Kafka directly."""
_log = structlog.get_logger(__name__)


class Completeness:
    """Knows up to which moment everything that was accepted is in the figures."""

    def __init__(self, pool: Pool, tracker: WatermarkTracker, offsets: Offsets) -> None:
        self._pool = pool
        self._tracker = tracker
        self._offsets = offsets
        self._reached: dict[str, datetime] = {}

    async def on_watermarks(self, records: list[Record]) -> None:
        """Take note of what sources say about the topics that are heard here."""
        for record in records:
            try:
                marker = WatermarkAdvanced.model_validate_json(record.value or b"")
            except ValidationError:
                _log.warning("broken_watermark", offset=record.offset)
                continue
            heard = {topic: at for topic, at in marker.positions.items() if topic in HEARD}
            self._tracker.hear(marker.model_copy(update={"positions": heard}))

    async def ends(self) -> Positions:
        """Where the topics end that figures hear. Raises KafkaError."""
        return await self._offsets.ends(HEARD)

    async def by_source(self) -> dict[str, datetime | None]:
        """Source → the moment it is complete to; never goes back. None = nothing is known yet."""
        async with self._pool.acquire() as connection:
            consumed = await ledger.find_positions(connection)
        return self._advance(consumed)

    def _advance(self, consumed: Positions) -> dict[str, datetime | None]:
        for source, moment in self._tracker.complete_to(consumed).items():
            known = self._reached.get(source)
            if moment is not None and (known is None or moment > known):
                self._reached[source] = moment
        return {source: self._reached.get(source) for source in SOURCES}

    async def complete_to(self) -> datetime | None:
        """The moment before which everything accepted is in the figures; None = not known yet."""
        found = [*(await self.by_source()).values()]
        known = [moment for moment in found if moment is not None]
        return min(known) if len(known) == len(found) else None

    async def describe(self) -> list[dict[str, Any]]:
        """For each source how far it is consumed, and how many events are not."""
        inbound = await self._asked(self._inbound_backlog)
        ends = await self._asked(self.ends)
        async with self._pool.acquire() as connection:
            consumed = await ledger.find_positions(connection)
        reached = self._advance(consumed)
        lags = {source: _lag(source, ends, consumed) for source in SOURCES}
        if lags["ingest"] is not None:
            lags["ingest"] = lags["ingest"] + inbound if inbound is not None else None
        return [
            {"source": source, "consumed_to": stamp(to) if to else None, "lag": lags[source]}
            for source, to in reached.items()
        ]

    async def _inbound_backlog(self) -> int:
        committed = await self._offsets.committed(INBOUND_GROUP, INBOUND)
        ends = await self._offsets.ends([INBOUND])
        return sum(max(end - committed.get(at, 0), 0) for at, end in ends.items())

    async def _asked(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """The broker's answer; None while it is away."""
        try:
            return await question()
        except (KafkaError, OSError, TimeoutError) as failure:
            _log.warning("kafka_away", error=repr(failure))
            return None


def _lag(
    source: str, ends: Mapping[tuple[str, int], int] | None, consumed: Positions
) -> int | None:
    if ends is None:
        return None
    own = SOURCES[source]
    return sum(max(end - consumed.get(at, 0), 0) for at, end in ends.items() if at[0] in own)
