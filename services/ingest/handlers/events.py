"""Taking events: each one by itself, all good ones together."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from services.ingest import metrics
from services.ingest.domain.cloud_event import Event, Rejection
from services.ingest.domain.intake import take_in
from services.ingest.handlers.kafka import Kafka

AT_A_TIME: Final = 500
"""After so many events others get their turn: a few milliseconds."""


@dataclass
class Outcome:
    """What became of the events of a body."""

    accepted: list[Event] = field(default_factory=list)
    rejected: list[tuple[int, Rejection]] = field(default_factory=list)
    """The place in the body, counted from 0, and why."""


async def sort_out(raws: Sequence[bytes], zone: ZoneInfo) -> Outcome:
    """Which of some events can be published, and what is wrong with the others."""
    outcome = Outcome()
    accepted, rejected = outcome.accepted, outcome.rejected
    for start in range(0, len(raws), AT_A_TIME):
        for at, raw in enumerate(raws[start : start + AT_A_TIME], start):
            found = take_in(raw, zone)
            if isinstance(found, Event):
                accepted.append(found)
            else:
                rejected.append((at, found))
        await asyncio.sleep(0)
    return outcome


async def receive_events(raws: Sequence[bytes], zone: ZoneInfo, kafka: Kafka) -> Outcome:
    """Publish the good ones of some events; returns when Kafka has acknowledged them.

    Raises KafkaAwayError, and then nothing counts as accepted.
    """
    outcome = await sort_out(raws, zone)
    await kafka.accept_events(outcome.accepted)
    count("http", outcome)
    return outcome


def count(door: str, outcome: Outcome) -> None:
    """Add an outcome to the metrics, by type; types that are not known all count as one."""
    for kind, number in Counter(event.type for event in outcome.accepted).items():
        metrics.events.labels(door, kind, "accepted").inc(number)
    for _, rejection in outcome.rejected:
        known = rejection.type is not None and not rejection.is_of_unknown_type
        what = "unknown_type" if rejection.is_of_unknown_type else "rejected"
        metrics.events.labels(door, rejection.type if known else "", what).inc()
