"""Registering a lead on behalf of a partner."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.ingest import metrics
from services.ingest.domain.cloud_event import Event
from services.ingest.handlers.kafka import Kafka
from shared.events.records import RECORDS, Lead, canonical, message_key
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.kernel.period import local_day

SOURCE: Final = "milepost/ingest/leads"
_LEAD: Final = RECORDS["lead"]


@dataclass(frozen=True)
class Registration:
    """A lead as a partner tells it."""

    partner_id: str
    name: str
    email: str
    captured_on: date | None
    """None means today."""


async def register_lead(
    registration: Registration, kafka: Kafka, clock: Clock, zone: ZoneInfo
) -> dict[str, Any]:
    """Publish a lead without a campaign and give it as it was recorded. Raises KafkaAwayError."""
    now = clock.now()
    lead = Lead(
        lead_id=new_id(),
        version=epoch_ms(now.timestamp()),
        partner_id=registration.partner_id,
        name=registration.name,
        email=registration.email,
        captured_on=registration.captured_on or local_day(now, zone),
    )
    event = Event(
        id=lead.lead_id,
        type=_LEAD.recorded,
        source=SOURCE,
        time=None,
        traceparent=None,
        topic=_LEAD.topic,
        key=message_key(_LEAD.recorded, lead),
        value=canonical(lead),
    )
    await kafka.accept_events([event])
    metrics.events.labels("lead", _LEAD.recorded, "accepted").inc()
    return {
        "lead_id": lead.lead_id,
        "partner_id": lead.partner_id,
        "name": lead.name,
        "email": lead.email,
        "captured_on": lead.captured_on.isoformat(),
    }


def epoch_ms(timestamp: float) -> int:
    """A version for what has none of its own: the milliseconds since 1970."""
    return int(timestamp * 1000)
