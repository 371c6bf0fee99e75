"""What the plans service hears, into the directory: partners, campaigns, people, CRM records."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from prometheus_client import Counter
from pydantic import ValidationError

from services.plans.contract import CONSUMES, SERVICE
from services.plans.handlers.desk import Change, Desk
from services.plans.handlers.leaving import end_opted_out
from services.plans.store import directory, participants, people, strategies
from services.plans.store.directory import HeardCampaign, HeardPartner
from services.plans.store.people import HeardCrm, HeardPerson
from shared.events import records as upstream
from shared.events.envelope import from_headers
from shared.kernel.clock import Clock
from shared.messaging import dead_letter
from shared.messaging.consumer import Subscription, positions_after
from shared.messaging.message import Record
from shared.messaging.offsets import Offsets
from shared.messaging.topics import CAMPAIGNS, CRM, PARTNERS, PEOPLE
from shared.postgres.pool import Connection, Pool

PATIENCE_S: Final = 2.0
LOOK_EVERY_S: Final = 0.02
_skipped = Counter("milepost_plans_skipped_events_total", "Events of types not known here")
_log = structlog.get_logger(__name__)


class Directory:
    """Keeps the copies of what others tell up to date."""

    desk: Desk
    """Set where the service is put together; the desk itself waits for the directory."""

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
            starts_at=self._where_we_are,
        )

    async def on_records(self, records: list[Record]) -> None:
        """One transaction: versions that were heard, what cannot be read, and how far we are."""
        heard, broken = sort_out(records)
        out = heard.opted_out
        async with self._pool.acquire() as connection, connection.transaction():
            if out:
                await strategies.take_write_lock(connection)
                await participants.take_the_lists(connection)
            await heard.note(connection)
            if out:
                under_way = Change(connection, self.desk.stamps, self.desk.zone)
                by_now = [one for one in out if one.effective_on <= under_way.day]
                await end_opted_out(under_way, [(one.person, one.accepted_at) for one in by_now])
            for record, errors in broken:
                await dead_letter.put(connection, record, errors, self._clock.now())
            await directory.note_positions(connection, positions_after(records))
        if out:
            self.desk.wake()

    async def on_poison(self, record: Record, failure: Exception) -> None:
        """Keep a record that fails by itself."""
        errors = [{"pointer": "", "detail": f"{type(failure).__name__}: {failure}"}]
        async with self._pool.acquire() as connection:
            await dead_letter.put(connection, record, errors, self._clock.now())

    async def _where_we_are(self, _: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Our tables' word and not Kafka's: they may have been restored to an earlier moment."""
        async with self._pool.acquire() as connection:
            return await directory.find_positions(connection)

    async def catch_up(self) -> None:
        """Wait, not for long, until everything told about partners before now has been heard."""
        await self._catch_up_with(PARTNERS)

    async def catch_up_people(self) -> None:
        """The same of people and CRM records."""
        await self._catch_up_with(PEOPLE, CRM)

    async def _catch_up_with(self, *topics: str) -> None:
        try:
            ends = await asyncio.wait_for(self._offsets.ends(topics), PATIENCE_S)
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
    people: list[HeardPerson] = field(default_factory=list)
    crm: list[HeardCrm] = field(default_factory=list)

    @property
    def opted_out(self) -> list[HeardPerson]:
        """Rows that say somebody has opted out, superseded ones too: the order does not matter."""
        return [one for one in self.people if one.opted_out]

    async def note(self, connection: Connection) -> None:
        """Take everything into the directory."""
        await directory.note_partners(connection, self.partners)
        await directory.note_campaigns(connection, self.campaigns)
        await people.note_people(connection, self.people)
        await people.note_crm_records(connection, self.crm)


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
    kind, deleted = upstream.EVENT_TYPES[event_type]
    if record.topic == PARTNERS:
        heard.partners.append(_partner(values, body, deleted=deleted))
    elif record.topic == CAMPAIGNS:
        heard.campaigns.append(_campaign(values, body, deleted=deleted))
    elif record.topic == PEOPLE:
        accepted_at = from_headers(record.headers).accepted_at
        heard.people.append(_person(values, body, accepted_at, deleted=deleted))
    else:
        heard.crm.append(HeardCrm(kind.name, kind.record_id(values), values.version, deleted))


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


def _person(values: Any, body: str, accepted_at: datetime, *, deleted: bool) -> HeardPerson:
    key = values.person_id, values.effective_on, values.version
    if deleted:
        return HeardPerson(*key, body, deleted, accepted_at)
    return HeardPerson(
        *key,
        body,
        deleted,
        accepted_at,
        manager=values.manager_id,
        organization=values.organization,
        level=values.level,
        function=values.function,
        time_zone=values.time_zone,
        attributes=values.attributes or {},
        licensed=values.licensed,
        opted_out=values.opted_out,
    )
