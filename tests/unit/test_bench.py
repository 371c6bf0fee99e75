"""The benchmarks' own parts: what they tell is what ingest would, and their sums are right."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bench.deals import TYPE, Backlog, Mix, totals
from bench.figures import Bar, Row, percentile, spell
from bench.load import request
from bench.report import section
from shared.events.envelope import Envelope, from_headers, to_headers
from shared.events.records import RECORDS, canonical, message_key
from shared.messaging.topics import ACTIVITY

STARTS = date(2026, 1, 1)
ACCEPTED = datetime(2026, 3, 1, tzinfo=UTC)


def backlog(events: int = 2_000) -> Backlog:
    return Backlog("t", STARTS, Mix(events, partners=50))


def test_a_backlog_is_spelled_keyed_and_headed_as_ingest_does_it() -> None:
    model = RECORDS["deal"].model
    for topic, key, value, headers in backlog(20_000).entries(ACCEPTED):
        deal = model.model_validate_json(value)
        assert canonical(deal) == value
        assert (topic, key) == (ACTIVITY, message_key(TYPE, deal))
        found = from_headers(headers)
        assert sorted(headers) == sorted(to_headers(found))
        assert isinstance(found, Envelope)


def test_a_backlog_is_the_same_every_time() -> None:
    one = backlog()
    assert list(one.versions()) == list(one.versions()) == list(backlog().versions())


def test_a_third_of_a_backlog_are_updates_and_some_come_twice_or_too_late() -> None:
    newest: dict[int, int] = {}
    kinds = {"new": 0, "update": 0, "repeat": 0, "stale": 0}
    for deal in backlog(20_000).versions():
        known = newest.get(deal.number)
        if known is None:
            kinds["new"] += 1
        elif deal.version == known:
            kinds["repeat"] += 1
        else:
            kinds["update" if deal.version > known else "stale"] += 1
        newest[deal.number] = max(deal.version, known or 0)
    shares = {kind: count / 20_000 for kind, count in kinds.items()}
    assert shares["update"] == pytest.approx(1 / 3, abs=0.02)
    assert shares["repeat"] == pytest.approx(0.03, abs=0.01)
    assert shares["stale"] == pytest.approx(0.03, abs=0.01)


def test_totals_count_the_newest_version_alone() -> None:
    one = backlog()
    told = list(one.versions())
    newest = {deal.number: deal for deal in sorted(told, key=lambda deal: deal.version)}
    sums = totals(one.newest, STARTS, date(2026, 12, 31))
    approved = [deal for deal in newest.values() if deal.approved_on >= STARTS]
    assert sum(value for (_, goal), value in sums.items() if goal == "Deals") == len(approved)
    won = [
        Decimal(deal.cents) / 100
        for deal in newest.values()
        if deal.status == "closed_won" and deal.closed_on and deal.closed_on >= STARTS
    ]
    assert sum(value for (_, goal), value in sums.items() if goal == "Won") == sum(won)


def test_the_median_meets_a_bar_or_does_not() -> None:
    assert Row("speed", [1.0, 3.0, 2.0], "events/s", Bar(2, "events/s")).is_met
    assert not Row("time", [1.0, 9.0, 5.0], "s", Bar(3, "s", at_least=False)).is_met
    assert Row("beside", [1.0], "events/s").is_met is None


def test_a_fast_run_with_wrong_figures_misses_its_bar() -> None:
    row = Row("speed", [10.0], "events/s", Bar(2, "events/s"), failures=["1 figure differs"])
    assert row.is_met is False
    assert "1 figure differs" in section([row], {"machine": "small"}, "python -m bench")


@pytest.mark.parametrize(
    ("value", "text"), [(61234.4, "61,234"), (12.34, "12.3"), (3, "3"), (0.456, "0.46")]
)
def test_figures_have_as_many_places_as_they_deserve(value: float, text: str) -> None:
    assert spell(value) == text


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.99), percentile(values, 0.5)) == (99.0, 50.0)
    assert percentile([7.0], 0.99) == 7.0


def test_the_load_generator_writes_a_whole_request() -> None:
    head, _, body = request("http://127.0.0.1:8000/v1/events", "t", b"{}").partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")
    assert b"Content-Length: 2" in head
    assert body == b"{}"
