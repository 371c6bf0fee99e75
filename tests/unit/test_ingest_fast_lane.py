"""The short cut gives what the full examination gives, or nothing."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.domain.cloud_event import Event, Rejection, examine
from services.ingest.domain.fast_lane import LANES, take, take_data
from shared.events.records import EVENT_TYPES

ZONE = ZoneInfo("America/New_York")
SAMPLES = {
    path.name.removesuffix(".json"): json.loads(path.read_text())["data"]
    for path in (Path(__file__).parents[1] / "contract" / "samples").glob("*.json")
    if path.name.removesuffix(".json") in EVENT_TYPES
}


class Token(str):
    """A piece of JSON text, written as it is."""

    __slots__ = ()


def write(value: Any, gap: str = "") -> str:
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, Pairs):
        inner = ",".join(f"{gap}{write(k)}{gap}:{gap}{write(v, gap)}" for k, v in value)
        return "{" + inner + gap + "}"
    if isinstance(value, dict):
        return write(Pairs(value.items()), gap)
    if isinstance(value, list):
        return "[" + ",".join(write(one, gap) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


class Pairs(list[tuple[str, Any]]):
    """An object whose names may stand there twice."""


TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", " ", "a:b", "é", "\x7f", "x" * 201, "x" * 1001, " Ann@X.example ", "\n"]),
    st.sampled_from(
        ["a@b", "A@B.Example", "ß@x.example", "a b@c", "@", "USD", "usd", "EUR", "XXX"]
    ),
    st.sampled_from(
        ["2026-03-01", "2026-02-30", "20260301", "2026-W10-1", "1899-12-31", "9999-12-31"]
    ),
    st.sampled_from(
        ["2026-03-01T02:00:00Z", "2026-03-01T02:00:00.1234567+05:30", "2026-03-01T02:00"]
    ),
    st.sampled_from(
        ["1900-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
    ),
    st.sampled_from(["UTC", "Europe/Berlin", "W. Europe Standard Time", "Mars/Base", "accepted"]),
    st.sampled_from(["closed_won", "meeting", "email", "admin", "organizer", "pending", "1.0"]),
    st.sampled_from(
        ["12.5", "12.50", "12.00", "012", "-0", "-0.00", "1e3", "1E+2", "1_0", "NaN", "1e400"]
    ),
)
TOKENS = st.one_of(
    st.sampled_from(["1.0", "1e2", "-0", "0.30000000000000004", "100.10", "1E400", "-5", "007"]),
    st.sampled_from(["9" * 15, "9" * 16, "9" * 19, "9" * 20, str(2**63 - 1), str(2**63), "1e-7"]),
    st.sampled_from(["0.000001", "-12.500000", "0.5", "999999999999999.99", "10.00", "0", "NaN"]),
    st.sampled_from(['"\\u0000"', '"\\u0041"', '"\\ud800"', '"12\\u0030"', '"\\u003a"', "tru"]),
    st.sampled_from(['{"a":1,"a":2}', "[" * 40 + "]" * 40, "Infinity"]),
).map(Token)
LEAVES = st.one_of(TEXTS, TOKENS, st.integers(-5, 10**20), st.booleans(), st.none())
ANY = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A sample's value with some of it replaced, left out, doubled or added to."""
    if draw(st.integers(0, 60)) == 0:
        return draw(ANY)
    if isinstance(value, dict):
        pairs = Pairs()
        for name, one in value.items():
            fate = draw(st.integers(0, 60))
            if fate == 0:
                continue
            pairs.append((name, draw(changed(one))))
            if fate == 1:
                pairs.append((name, draw(changed(one))))
        if draw(st.integers(0, 15)) == 0:
            pairs.append((draw(TEXTS), draw(ANY)))
        return pairs
    if isinstance(value, list):
        return [draw(changed(one)) for one in value] * draw(st.sampled_from([1, 1, 1, 0, 2]))
    return value if draw(st.integers(0, 12)) else draw(LEAVES)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    event_type = draw(st.sampled_from(sorted(SAMPLES)))
    attributes: Any = {
        "specversion": "1.0",
        "id": "e1",
        "source": "urn:crm",
        "type": event_type,
        "time": "2026-03-01T02:00:00Z",
        "datacontenttype": "application/json",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    }
    if draw(st.booleans()):
        attributes = draw(changed(attributes))
    data = draw(changed(SAMPLES[event_type]))
    gap = draw(st.sampled_from(["", "", " ", "\n\t"]))
    pairs = attributes.items() if isinstance(attributes, dict) else _pairs(attributes)
    return write(Pairs([*pairs, ("data", data)]), gap).encode("utf-8", "surrogatepass")


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return value if isinstance(value, Pairs) else []


@settings(max_examples=1500, deadline=None)
@given(events())
def test_the_short_cut_gives_what_the_examination_gives_or_nothing(raw: bytes) -> None:
    taken = take(raw)
    if taken is not None:
        assert taken == examine(raw, ZONE)


@settings(max_examples=500, deadline=None)
@given(
    st.binary(max_size=60)
    | events().flatmap(lambda raw: st.integers(0, len(raw)).map(lambda at: raw[:at]))
)
def test_nothing_that_comes_makes_either_of_them_fail(raw: bytes) -> None:
    assert take(raw) is None or isinstance(examine(raw, ZONE), Event)
    examine(raw, ZONE)


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_type_of_event_takes_the_short_cut_when_it_is_in_order(event_type: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": event_type}
    raw = write({**event, "data": SAMPLES[event_type]}).encode()
    taken = take(raw)
    assert taken is not None
    assert taken == examine(raw, ZONE)
    assert take_data(event_type, write(SAMPLES[event_type]).encode()) == (taken.value, taken.key)
    assert set(LANES) == set(EVENT_TYPES)


@pytest.mark.parametrize("amount", ["1234.5", "1234", "0", '"1e2"', "1.0", '"10.00"', "10.50"])
def test_an_amount_has_one_spelling_whichever_way_it_takes(amount: str) -> None:
    raw = write(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "s",
            "type": "milepost.deal.recorded.v1",
            "data": {**SAMPLES["milepost.deal.recorded.v1"], "amount": Token(amount)},
        }
    ).encode()
    taken = take(raw)
    assert taken is not None
    assert taken == examine(raw, ZONE)


def test_a_name_given_twice_is_refused_even_where_nobody_looks() -> None:
    for twice in ('"deal_id":"d2"', '"extra":{"a":1,"a":1}'):
        data = '{"deal_id":"d1","version":1,' + twice + "}"
        raw = (
            '{"specversion":"1.0","id":"1","source":"s","type":"milepost.deal.deleted.v1","data":'
            + data
            + "}"
        ).encode()
        found = examine(raw, ZONE)
        assert take(raw) is None
        assert isinstance(found, Rejection)
        assert "twice" in found.errors[0]["detail"]
