"""A published event is a promise: these samples must parse, and mean the same, for ever.

Never edit a sample. A new version of an event gets a new type and a sample of its own.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from shared.events.deliveries import DELIVERY_RECORDED, DeliveryRecorded
from shared.events.envelope import Envelope, from_headers, to_headers
from shared.events.plans import (
    PLAN_DEFINED,
    STRATEGY_DEFINED,
    TICK_DUE,
    PlanSnapshot,
    StrategySnapshot,
    TickDue,
)
from shared.events.progress import GOAL_CROSSED, GoalCrossed
from shared.events.records import EVENT_TYPES, RECORDS, canonical, model_of
from shared.events.watermark import WATERMARK_ADVANCED, WatermarkAdvanced
from shared.messaging.topics import partition_for

SAMPLES = {
    path.name.removesuffix(".json"): json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "samples").glob("*.json"))
}
BETWEEN_SERVICES: dict[str, type[BaseModel]] = {
    STRATEGY_DEFINED: StrategySnapshot,
    PLAN_DEFINED: PlanSnapshot,
    TICK_DUE: TickDue,
    GOAL_CROSSED: GoalCrossed,
    DELIVERY_RECORDED: DeliveryRecorded,
    WATERMARK_ADVANCED: WatermarkAdvanced,
}
OF_RECORDS = sorted(name for name in SAMPLES if name in EVENT_TYPES)


def test_there_is_a_sample_of_every_event_type() -> None:
    assert set(SAMPLES) == set(EVENT_TYPES) | set(BETWEEN_SERVICES)


@pytest.mark.parametrize("event_type", OF_RECORDS)
def test_a_record_event_parses_to_the_same_canonical_body_for_ever(event_type: str) -> None:
    model = model_of(event_type)
    assert model is not None
    values = model.model_validate_json(json.dumps(SAMPLES[event_type]["data"]))
    assert canonical(values).decode() == SAMPLES[event_type]["canonical"]


@pytest.mark.parametrize("event_type", OF_RECORDS)
def test_a_records_identity_is_the_same_for_ever(event_type: str) -> None:
    kind, _ = EVENT_TYPES[event_type]
    model = model_of(event_type)
    assert model is not None
    values = model.model_validate_json(json.dumps(SAMPLES[event_type]["data"]))
    assert kind.record_id(values) == SAMPLES[event_type]["identity"]


@pytest.mark.parametrize("event_type", sorted(BETWEEN_SERVICES))
def test_an_event_between_services_keeps_all_that_it_said(event_type: str) -> None:
    sent = dict(SAMPLES[event_type]["data"])
    del sent["a_field_of_tomorrow"]
    model = BETWEEN_SERVICES[event_type]
    parsed = model.model_validate_json(json.dumps(SAMPLES[event_type]["data"]))
    told = parsed.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    assert _moments(told) == _moments(sent)


def _moments(value: Any) -> Any:
    """Two spellings of a moment are the same moment."""
    if isinstance(value, dict):
        return {key: _moments(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_moments(one) for one in value]
    if isinstance(value, str) and "T" in value and value[:4].isdigit():
        return datetime.fromisoformat(value)
    return value


def test_the_contracts_twelve_records_are_known_by_their_keys() -> None:
    assert {name: kind.keys for name, kind in RECORDS.items()} == {
        "partner": ("partner_id",),
        "deal": ("deal_id",),
        "account": ("account_id",),
        "campaign": ("campaign_id",),
        "lead": ("lead_id",),
        "certification": ("completion_id",),
        "partner_field": ("partner_id", "field", "effective_on"),
        "interaction": ("interaction_id",),
        "person": ("person_id", "effective_on"),
        "crm_account": ("account_id", "effective_on"),
        "crm_contact": ("contact_id", "effective_on"),
        "seller_assignment": ("account_id", "seller", "effective_on"),
    }


def test_the_envelope_travels_in_kafkas_binary_mode() -> None:
    moment = datetime(2026, 2, 28, 8, 0, 0, 1, tzinfo=UTC)
    envelope = Envelope(
        "e1", "milepost.deal.recorded.v1", "crm", moment, time="2026-01-01T00:00:00Z"
    )
    assert dict(to_headers(envelope)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_type": b"milepost.deal.recorded.v1",
        "ce_source": b"crm",
        "ce_time": b"2026-01-01T00:00:00Z",
        "ce_acceptedat": b"2026-02-28T08:00:00.000001Z",
        "content-type": b"application/json",
    }
    assert from_headers(to_headers(envelope)) == envelope


@pytest.mark.parametrize(
    ("key", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536)],
)
def test_keys_go_to_the_partition_that_kafkas_own_clients_choose(key: str, hashed: int) -> None:
    assert partition_for(key, 6) == (hashed & 0x7FFFFFFF) % 6


@pytest.mark.parametrize(
    "body", [{"amount": 10, "currency": "USD"}, {"amount": "10", "currency": "USD"}]
)
def test_an_amount_is_the_same_sent_as_a_number_or_as_text(body: dict[str, object]) -> None:
    model = RECORDS["deal"].model
    deal = {"deal_id": "d", "version": 1, "partner_id": "p", "status": "draft", **body}
    assert b'"amount":"10"' in canonical(model.model_validate_json(json.dumps(deal)))


def test_null_is_absent() -> None:
    model = RECORDS["deal"].model
    deal = {"deal_id": "d", "version": 1, "partner_id": "p", "status": "draft"}
    nulls = {**deal, "amount": None, "currency": None, "products": None, "closed_on": None}
    spelled = {canonical(model.model_validate_json(json.dumps(body))) for body in (deal, nulls)}
    assert len(spelled) == 1
