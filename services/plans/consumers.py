"""What the plans service hears: partners and campaigns, into the directory."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from prometheus_client import Counter
from pydantic import ValidationError

from services.plans.contract import CONSUMES, SERVICE
from services.plans.store import directory
from services.plans.store.directory import HeardCampaign, HeardPartner
from shared.events import records as upstream
from shared.kernel.clock import Clock
from shared.messaging import dead_letter
from shared.messaging.consumer import Subscription, positions_after
from shared.messaging.message import Record
from shared.messaging.offsets import Offsets
from shared.messaging.topics import PARTNERS
from shared.postgres.pool import Pool

PATIENCE_S: Final = 2.0
LOOK_EVERY_S: Final = 0.02
_skipped = Counter("milepost_plans_skipped_events_total", "Events of types not known here")
_log = structlog.get_logger(__name__)


class Directory:
    """Keeps the copies of partners and campaigns up to date."""

    def __init__(self, broker: KafkaBroker, pool: Pool, clock: Clock, offsets: Offsets) -> None:
        self._pool = pool
        self._clock = clock
        self._offsets = offsets
        self.subscription = Subscription(
            broker,
            list(CONSUMES),
            group=f"milepost-{SERVICE}",
            handler=self.on_records,
            poison=self.on_poison,
        )

    async def on_records(self, records: list[Record]) -> None:
        """One transaction: versions that were heard, what cannot be read, and how far we are."""
        heard, broken = sort_out(records)
        async with self._pool.acquire() as connection, connection.transaction():
            await directory.note_partners(connection, heard.partners)
            await directory.note_campaigns(connection, heard.campaigns)
            for record, errors in broken:
                await dead_letter.put(connection, record, errors, self._clock.now())
            await directory.note_positions(connection, positions_after(records))

    async def on_poison(self, record: Record, failure: Exception) -> None:
        """Keep a record that fails by itself."""
        errors = [{"pointer": "", "detail": f"{type(failure).__name__}: {failure}"}]
        async with self._pool.acquire() as connection:
            await dead_letter.put(connection, record, errors, self._clock.now())

    async def catch_up(self) -> None:
        """Wait, not for long, until everything told about partners before now has been heard."""
        try:
            ends = await asyncio.wait_for(self._offsets.ends([PARTNERS]), PATIENCE_S)
        except (KafkaError, TimeoutError, OSError) as failure:
            _log.warning("directory_cannot_catch_up", error=repr(failure))
            return
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            async with self._pool.acquire() as connection:
                reached = await directory.find_positions(connection)
            if all(reached.get(at, 0) >= end for at, end in ends.items()):
                return
            await asyncio.sleep(LOOK_EVERY_S)


@dataclass
class Heard:
    """What a batch of records says."""

    partners: list[HeardPartner] = field(default_factory=list)
    campaigns: list[HeardCampaign] = field(default_factory=list)


Broken = list[tuple[Record, list[dict[str, str]]]]
"""Records that cannot be read, and why."""


def sort_out(records: Iterable[Record]) -> tuple[Heard, Broken]:
    """Read records; of types that are not known here nothing is taken."""
    heard, broken = Heard(), Broken()
    for record in records:
        try:
            _hear(record, heard)
        except ValidationError as failure:
            broken.append((record, upstream.describe(failure)))
        except ValueError as failure:
            broken.append((record, [{"pointer": "", "detail": str(failure)}]))
    return heard, broken


def _hear(record: Record, heard: Heard) -> None:
    event_type = dict(record.headers).get("ce_type", b"").decode()
    model = upstream.model_of(event_type)
    if model is None or event_type not in CONSUMES[record.topic]:
        _skipped.inc()
        return
    values: Any = model.model_validate_json(record.value or b"")
    body = upstream.canonical(values).decode()
    _, deleted = upstream.EVENT_TYPES[event_type]
    if record.topic == PARTNERS:
        heard.partners.append(_partner(values, body, deleted=deleted))
    else:
        heard.campaigns.append(_campaign(values, body, deleted=deleted))


def _partner(values: Any, body: str, *, deleted: bool) -> HeardPartner:
    if deleted:
        return HeardPartner(values.partner_id, values.version, body, deleted)
    return HeardPartner(
        partner_id=values.partner_id,
        version=values.version,
        body=body,
        deleted=deleted,
        name=values.name,
        groups=tuple(values.groups or ()),
        active=values.active is not False,
    )


def _campaign(values: Any, body: str, *, deleted: bool) -> HeardCampaign:
    tags = () if deleted else tuple(values.tags or ())
    return HeardCampaign(values.campaign_id, values.version, body, deleted, tags)
