"""The Python client: batches, tries again, holds back, tells what was refused; and a real stack."""

import asyncio
import gzip
import json
import subprocess
import venv
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from milepost_client import (
    AsyncClient,
    Event,
    RefusedError,
    Report,
    UnavailableError,
    deleted,
    recorded,
)
from milepost_client.client import MOST_BYTES, MOST_EVENTS
from milepost_client.events import KINDS

from deploy.local.home import CHECKOUT
from shared.events.records import RECORDS

PACKAGE = CHECKOUT / "clients" / "python"


class Ingest:
    """Answers as ingest does, or as a test wants it to."""

    def __init__(self, *answers: Callable[[list[Any]], httpx.Response]) -> None:
        self.bodies: list[list[Any]] = []
        self.requests: list[httpx.Request] = []
        self.under_way = self.most_under_way = 0
        self._answers = list(answers)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        lines = gzip.decompress(request.content).splitlines()
        events = [json.loads(line) for line in lines]
        self.requests.append(request)
        self.bodies.append(events)
        return self._answers.pop(0)(events) if self._answers else taken(events)


def taken(events: list[Any]) -> httpx.Response:
    return httpx.Response(202, json={"accepted": len(events), "rejected": []})


def status(code: int, **headers: str) -> Callable[[list[Any]], httpx.Response]:
    return lambda _: httpx.Response(code, headers=headers, text="no")


def leads(count: int, **more: Any) -> Iterator[Event]:
    for number in range(count):
        yield recorded("lead", {"lead_id": f"l{number}", "version": 1, **more})


def send(ingest: Ingest, events: Any, **options: Any) -> Report:
    async def run() -> Report:
        transport = httpx.MockTransport(ingest)
        told = {"token": "t", "source": "/crm", **options}
        async with AsyncClient("http://ingest", transport=transport, **told) as client:
            return await client.send(events)

    return asyncio.run(run())


def test_events_go_in_batches_in_their_order() -> None:
    ingest = Ingest()
    assert send(ingest, leads(MOST_EVENTS * 2 + 5), concurrency=1).accepted == MOST_EVENTS * 2 + 5
    assert [len(body) for body in ingest.bodies] == [MOST_EVENTS, MOST_EVENTS, 5]
    ids = [event["data"]["lead_id"] for body in ingest.bodies for event in body]
    assert ids == [f"l{number}" for number in range(MOST_EVENTS * 2 + 5)]
    [first, *_] = ingest.requests
    assert first.headers["content-type"] == "application/x-ndjson"
    assert first.headers["authorization"] == "Bearer t"
    assert ingest.bodies[0][0]["source"] == "/crm"


def test_a_batch_is_bounded_in_bytes_as_well() -> None:
    ingest = Ingest()
    send(ingest, leads(12, name="x" * 1_000_000))
    assert len(ingest.bodies) >= 3
    assert all(len(json.dumps(body)) < MOST_BYTES + 1_100_000 for body in ingest.bodies)


def test_reading_is_no_faster_than_sending() -> None:
    read = 0

    def counted() -> Iterator[Event]:
        nonlocal read
        for event in leads(MOST_EVENTS * 10):
            read += 1
            yield event

    ingest = Ingest(status(401))
    with pytest.raises(RefusedError):
        send(ingest, counted(), concurrency=2)
    assert read <= MOST_EVENTS * 4
    assert ingest.most_under_way <= 2


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again(code: int) -> None:
    ingest = Ingest(status(code), status(code))
    assert send(ingest, leads(3)).accepted == 3
    assert len(ingest.bodies) == 3
    assert ingest.bodies[0] == ingest.bodies[2]


def test_a_broken_connection_is_tried_again() -> None:
    def broken(_: list[Any]) -> httpx.Response:
        raise httpx.ReadError("gone")

    ingest = Ingest(broken)
    assert send(ingest, leads(3)).accepted == 3


def test_whoever_is_told_to_come_back_later_does(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0.001 if seconds < 0.1 else 1.001)

    monkeypatch.setattr("milepost_client.client.asyncio.sleep", noted)
    send(Ingest(status(429, **{"Retry-After": "1"})), leads(1))
    assert max(pauses) > 0.9


def test_patience_ends_and_says_how_many_were_taken() -> None:
    away = [status(503)] * 50
    with pytest.raises(UnavailableError, match="503") as failure:
        send(Ingest(taken, *away), leads(MOST_EVENTS + 1), concurrency=1, patience_s=0.3)
    assert failure.value.accepted == MOST_EVENTS


def test_what_is_refused_is_told_with_the_event_and_stops_nothing() -> None:
    errors = [{"pointer": "/data/partner_id", "detail": "is missing"}]

    def one_is_wrong(events: list[Any]) -> httpx.Response:
        rejected = [{"index": 1, "id": events[1]["id"], "errors": errors}]
        return httpx.Response(202, json={"accepted": len(events) - 1, "rejected": rejected})

    report = send(Ingest(one_is_wrong), leads(3))
    assert report.accepted == 2
    [rejected] = report.rejected
    assert rejected.event["data"]["lead_id"] == "l1"
    assert rejected.errors == errors


def test_a_batch_that_is_too_large_is_halved() -> None:
    ingest = Ingest(status(413), status(413))
    assert send(ingest, leads(8), concurrency=1).accepted == 8
    assert [len(body) for body in ingest.bodies] == [8, 4, 2, 2, 4]


def test_asynchronous_iterables_are_read_as_well() -> None:
    async def events() -> AsyncIterator[Event]:
        for event in leads(3):
            yield event

    assert send(Ingest(), events()).accepted == 3


def test_values_are_spelled_as_milepost_reads_them() -> None:
    ingest = Ingest()
    data = {"deal_id": "d", "version": 1, "amount": Decimal("1E+3"), "closed_on": date(2026, 1, 2)}
    send(ingest, [recorded("deal", data), deleted("deal", {"deal_id": "d", "version": 2})])
    [[first, second]] = ingest.bodies
    assert first["data"] == data | {"amount": "1000", "closed_on": "2026-01-02"}
    assert second["type"] == "milepost.deal.deleted.v1"
    with pytest.raises(TypeError, match="/data/amount"):
        send(ingest, [recorded("deal", {"amount": 12.5})])
    with pytest.raises(ValueError, match="dael"):
        recorded("dael", {})  # type: ignore[arg-type]


def test_it_knows_every_kind_of_record() -> None:
    assert set(KINDS) == set(RECORDS)


@pytest.mark.slow
def test_it_installs_from_the_repository(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", PACKAGE],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    found = subprocess.run(
        [python, "-c", "import importlib.metadata as m; print(m.version('milepost-client'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == "1.0.0"
