"""Events on the inbound topic: both modes, and what becomes of the others."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.ingest.consumers import Inbound
from services.ingest.domain.cloud_event import Event, Rejection
from services.ingest.domain.inbound import read_record
from shared.messaging.consumer import RetryLaterError
from shared.messaging.message import Record
from tests.store.ingest_parts import Data, Ingest

ZONE = ZoneInfo("Europe/Berlin")
DEAL: Data = {"deal_id": "d1", "version": 1, "partner_id": "p1", "status": "draft"}
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "e1",
    "source": "crm",
    "type": "milepost.deal.recorded.v1",
}


def record(value: bytes | None, *headers: tuple[str, Any], offset: int = 0) -> Record:
    stored: tuple[Any, ...] = tuple(
        (name, text.encode() if isinstance(text, str) else text) for name, text in headers
    )
    return Record("milepost.inbound.v1", 0, offset, None, value, stored, 0)


def binary(data: Any = None, **changes: Any) -> Record:
    attributes = {**ATTRIBUTES, **changes}
    headers = [(f"ce_{name}", value) for name, value in attributes.items() if value is not None]
    value = data if isinstance(data, bytes) else json.dumps(DEAL if data is None else data).encode()
    return record(value, *headers)


def structured(data: Any = None, **changes: Any) -> bytes:
    told = {**ATTRIBUTES, "data": DEAL if data is None else data, **changes}
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "given",
    [
        binary(),
        binary(time="2026-01-01T00:00:00Z"),
        record(structured()),
        record(structured(), ("content-type", "application/cloudevents+json; charset=utf-8")),
        record(structured(), ("Content-Type", "application/cloudevents+json"), ("ce_id", "other")),
        record(structured(), ("x", "y")),
        record(binary().value, *binary().headers, ("content-type", "application/json")),
        record(binary().value, *binary().headers, ("empty", None), ("odd", b"\xff")),
    ],
)
def test_both_modes_say_the_same(given: Record) -> None:
    found = read_record(given, ZONE)
    assert isinstance(found, Event), found
    assert found.value == b'{"deal_id":"d1","partner_id":"p1","status":"draft","version":1}'
    assert (found.id, found.source, found.type) == ("e1", "crm", "milepost.deal.recorded.v1")
    assert (found.topic, found.key) == ("milepost.activity.v1", "p1")


@pytest.mark.parametrize(
    ("given", "pointer", "event_id"),
    [
        (record(None), "", None),
        (record(b""), "", None),
        (record(b"\xff\x00"), "", None),
        (record(b"[1]"), "", None),
        (record(b"[" * 100_000), "", None),
        (record(structured(), ("ce_id", b"\xff")), "", None),
        (record(None, ("ce_id", "e1"), ("ce_type", "milepost.deal.recorded.v1")), "", "e1"),
        (binary(b"{"), "/data", "e1"),
        (binary([1]), "/data", "e1"),
        (binary({**DEAL, "amount": -1}), "/data/amount", "e1"),
        (binary(b'{"deal_id":"a","deal_id":"b"}'), "/data", "e1"),
        (binary(source=None), "/source", "e1"),
        (binary(id=""), "/id", None),
        (binary(specversion="0.3"), "/specversion", "e1"),
        (binary(type=None), "/type", "e1"),
        (
            record(binary().value, *binary().headers, ("content-type", "text/plain")),
            "/datacontenttype",
            "e1",
        ),
        (record(structured(version=None, id=5)), "/id", None),
        (record(structured({**DEAL, "closed_on": "2026-02-30"})), "/data/closed_on", "e1"),
    ],
)
def test_what_is_wrong_with_one_is_pointed_at(
    given: Record, pointer: str, event_id: str | None
) -> None:
    found = read_record(given, ZONE)
    assert isinstance(found, Rejection)
    assert pointer in [error["pointer"] for error in found.errors]
    assert found.id == event_id
    assert not found.is_of_unknown_type


@pytest.mark.parametrize(
    "given",
    [binary(type="milepost.unicorn.recorded.v1"), record(structured(type="other"))],
)
def test_an_unknown_type_is_known_to_be_one(given: Record) -> None:
    found = read_record(given, ZONE)
    assert isinstance(found, Rejection)
    assert found.is_of_unknown_type


class NoPool:
    """No database is asked when nothing is broken."""


async def test_good_ones_go_on_and_unknown_ones_are_skipped_without_a_database() -> None:
    ingest = Ingest(None)
    inbound = Inbound(ingest.kafka, NoPool(), ingest.clock, ZONE)  # type: ignore[arg-type]
    await inbound.on_records([binary(), binary(type="other"), record(structured())])
    assert [kind for kind, _ in ingest.published.events] == ["milepost.deal.recorded.v1"] * 2


async def test_while_kafka_is_away_the_records_are_tried_again() -> None:
    ingest = Ingest(None)
    ingest.published.away = True
    inbound = Inbound(ingest.kafka, NoPool(), ingest.clock, ZONE)  # type: ignore[arg-type]
    with pytest.raises(RetryLaterError):
        await inbound.on_records([binary()])
