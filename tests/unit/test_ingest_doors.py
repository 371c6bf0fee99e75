"""The doors for events and leads: what they take, what they refuse, and with which words."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.ingest.domain.cloud_event import MAX_VALUE
from services.ingest.handlers.kafka import Entry
from shared.events.envelope import from_headers, to_headers
from shared.messaging.message import Position
from tests.store.ingest_parts import NOW, NOW_MS, Data, Ingest, KeptKafka

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
DEAL: Data = {"deal_id": "d1", "version": 1, "partner_id": "p1", "status": "draft"}


def event(data: Data | None = None, **changes: Any) -> Data:
    told = {
        "specversion": "1.0",
        "id": "e1",
        "source": "crm",
        "type": "milepost.deal.recorded.v1",
        "data": DEAL if data is None else data,
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


@pytest.fixture
def ingest() -> Ingest:
    return Ingest(None, time_zone="America/New_York")


async def post(
    ingest: Ingest, content: Any, kind: str = BATCH, role: str = "source", **headers: str
) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with ingest.client(role) as client:
        return await client.post(
            "/v1/events", content=body, headers={"Content-Type": kind, **headers}
        )


async def test_good_events_are_published_and_bad_ones_told(ingest: Ingest) -> None:
    bad = event({**DEAL, "amount": -1, "status": "won"}, id="bad")
    answer = await post(ingest, [event(), bad, event(id="e3")])
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "id": "bad",
                "errors": [
                    {
                        "pointer": "/data/status",
                        "detail": "must be 'draft', 'registered', 'approved', 'rejected', "
                        "'closed_won' or 'closed_lost'",
                    },
                    {"pointer": "/data/amount", "detail": "must not be negative"},
                ],
            }
        ],
    }
    assert ingest.published.events == [("milepost.deal.recorded.v1", DEAL)] * 2


async def test_what_is_published_is_an_event_in_binary_mode(ingest: Ingest) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    told = event(time="2026-01-01T00:00:00+02:00", traceparent=traceparent, extra={"a": 1})
    assert (await post(ingest, told, SINGLE)).status_code == 202
    [(topic, key, value, headers)] = ingest.published.entries
    assert (topic, key) == ("milepost.activity.v1", "p1")
    assert value == b'{"deal_id":"d1","partner_id":"p1","status":"draft","version":1}'
    envelope = from_headers(headers)
    assert headers == to_headers(envelope)
    assert envelope.accepted_at >= NOW
    assert (envelope.id, envelope.source, envelope.time) == ("e1", "crm", told["time"])
    assert envelope.traceparent == traceparent


async def test_requests_are_accepted_at_moments_of_their_own(ingest: Ingest) -> None:
    await post(ingest, [event(), event(id="e2")])
    await post(ingest, event(), SINGLE)
    moments = [from_headers(headers).accepted_at for _, _, _, headers in ingest.published.entries]
    assert moments[0] == moments[1] < moments[2]


async def test_nothing_acceptable_is_a_problem_that_tells_the_same(ingest: Ingest) -> None:
    answer = await post(ingest, event({**DEAL, "version": None}), SINGLE)
    errors = [{"pointer": "/data/version", "detail": "is required"}]
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "No event is acceptable",
        "status": 422,
        "errors": errors,
        "accepted": 0,
        "rejected": [{"index": 0, "id": "e1", "errors": errors}],
    }


@pytest.mark.parametrize(
    ("kind", "body", "rejected"),
    [
        (LINES, b"", []),
        (LINES, b"\n \r\n", []),
        (BATCH, b"[]", []),
        (SINGLE, b"", []),
        (LINES, b'{"a":\n{"b":1}', [None, None]),
        (BATCH, b"[1, null]", [None, None]),
        (BATCH, b"{}", [None]),
        (BATCH, b"[", [None]),
        (SINGLE, b"[]", [None]),
        (SINGLE, b'{"id": "x"}', ["x"]),
        (SINGLE, b"\xff", [None]),
        (LINES, b"\xff\n\xfe", [None, None]),
        (BATCH, b"[" * 100_000, [None]),
        (SINGLE, b'{"a":' * 100_000, [None]),
    ],
)
async def test_bodies_without_an_event_are_refused(
    ingest: Ingest, kind: str, body: bytes, rejected: list[str | None]
) -> None:
    answer = await post(ingest, body, kind)
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    found = answer.json()["rejected"]
    assert [(one["index"], one["id"]) for one in found] == list(enumerate(rejected))
    assert all(one["errors"][0]["detail"] for one in found)


async def test_lines_may_be_blank_marked_and_ended_either_way(ingest: Ingest) -> None:
    line = json.dumps(event()).encode()
    body = b"\xef\xbb\xbf" + line + b"\r\n\r\n \n" + b"broken\n" + line
    answer = await post(ingest, body, LINES)
    assert answer.json()["accepted"] == 2
    assert [(one["index"], one["id"]) for one in answer.json()["rejected"]] == [(1, None)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (f"{SINGLE}; charset=utf-8", 202),
        ("Application/CloudEvents+JSON;charset=UTF-8", 202),
        (f"{SINGLE}; charset=latin-1", 415),
        ("application/json", 415),
        ("text/plain", 415),
        ("", 415),
        (";;;", 415),
    ],
)
async def test_content_types_are_the_contracts(ingest: Ingest, kind: str, status: int) -> None:
    assert (await post(ingest, event(), kind)).status_code == status


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"specversion": None}, "/specversion"),
        ({"id": None}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": " "}, "/id"),
        ({"id": "a\x00"}, "/id"),
        ({"id": "x" * 501}, "/id"),
        ({"source": None}, "/source"),
        ({"source": ""}, "/source"),
        ({"type": None}, "/type"),
        ({"type": ""}, "/type"),
        ({"type": 5}, "/type"),
        ({"type": "milepost.unicorn.recorded.v1"}, "/type"),
        ({"type": "milepost.deal.recorded.v2"}, "/type"),
        ({"time": "yesterday"}, "/time"),
        ({"time": "2026-01-01T00:00:00"}, "/time"),
        ({"time": 5}, "/time"),
        ({"datacontenttype": "text/xml"}, "/datacontenttype"),
        ({"data": None}, "/data"),
        ({"data": "text"}, "/data"),
        ({"data": [1]}, "/data"),
    ],
)
async def test_a_faulty_attribute_is_pointed_at(
    ingest: Ingest, changes: Data, pointer: str
) -> None:
    told = event() | changes
    told = {name: value for name, value in told.items() if value is not None}
    answer = await post(ingest, told, SINGLE)
    assert [error["pointer"] for error in answer.json()["rejected"][0]["errors"]] == [pointer]


async def test_all_faults_of_an_event_are_told_at_once(ingest: Ingest) -> None:
    answer = await post(ingest, event({"version": "1"}, id="", time="x"), SINGLE)
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {
        "/id",
        "/time",
        "/data/deal_id",
        "/data/version",
        "/data/partner_id",
        "/data/status",
    }


async def test_pointers_of_several_events_begin_with_their_place(ingest: Ingest) -> None:
    answer = await post(ingest, [event(id=""), event(source="")])
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/0/id", "/1/source"]


async def test_a_time_is_a_day_of_the_organizations_zone(ingest: Ingest) -> None:
    await post(ingest, event({**DEAL, "closed_on": "2026-02-01T03:00:00Z"}), SINGLE)
    assert ingest.published.of("deal")[0]["closed_on"] == "2026-01-31"


async def test_a_deletion_needs_its_key_and_version_alone(ingest: Ingest) -> None:
    data = {"deal_id": "d1", "version": 9, "amount": "nonsense", "partner_id": None}
    answer = await post(ingest, event(data, type="milepost.deal.deleted.v1"), SINGLE)
    assert answer.status_code == 202
    assert ingest.published.entries[0][1:3] == ("d1", b'{"deal_id":"d1","version":9}')


async def test_one_event_has_a_size_that_kafka_takes(ingest: Ingest) -> None:
    participants = [{"address": f"{n:05}@x.example", "role": "attendee"} for n in range(20_000)]
    told = {
        "interaction_id": "i",
        "version": 1,
        "kind": "email",
        "started_at": "2026-01-01T00:00:00Z",
        "participants": participants,
    }
    answer = await post(
        ingest,
        [
            event(told, type="milepost.interaction.recorded.v1"),
            event(
                {**told, "participants": participants[:5000]},
                type="milepost.interaction.recorded.v1",
            ),
        ],
    )
    assert answer.json()["accepted"] == 1
    [error] = answer.json()["rejected"][0]["errors"]
    assert (error["pointer"], str(MAX_VALUE) in error["detail"]) == ("/data", True)


# --- limits --------------------------------------------------------------------------------------


async def test_five_thousand_events_and_eight_mebibytes_pass(ingest: Ingest) -> None:
    line = json.dumps(event({**DEAL, "name": "n" * 900})).encode() + b"\n"
    assert (await post(ingest, line * 5000, LINES)).json()["accepted"] == 5000
    many = line * (8 * 1024 * 1024 // len(line))
    assert (await post(ingest, many, LINES)).status_code == 202
    packed = await post(ingest, gzip.compress(many), LINES, **{"Content-Encoding": "gzip"})
    assert packed.status_code == 202


async def test_bodies_are_bounded_as_announced_as_sent_and_as_inflated() -> None:
    ingest = Ingest(None, max_body=8 * 1024 * 1024)
    piece = b" " * 1024 * 1024
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += len(piece)
            yield piece

    for content in (piece * 9, endless(), gzip.compress(piece * 9)):
        packed = isinstance(content, bytes) and content[:2] == b"\x1f\x8b"
        headers = {"Content-Type": LINES, "Content-Encoding": "gzip" if packed else "identity"}
        async with ingest.client() as client:
            answer = await client.post("/v1/events", content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
    assert sent <= 10 * len(piece)


async def test_gzip_is_read_member_by_member_and_refused_when_broken(ingest: Ingest) -> None:
    line = json.dumps(event()).encode() + b"\n"
    packed = {"Content-Encoding": "gzip"}
    two = gzip.compress(line) + gzip.compress(line) + b"\x00" * 10
    assert (await post(ingest, two, LINES, **packed)).json()["accepted"] == 2
    for broken in (two[:-30], b"not gzip", gzip.compress(line) + b"rest"):
        assert (await post(ingest, broken, LINES, **packed)).status_code == 422
    assert (await post(ingest, b"", LINES, **packed)).status_code == 422
    assert (await post(ingest, line, LINES, **{"Content-Encoding": "br"})).status_code == 415


class Slow(KeptKafka):
    """Acknowledges when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def publish_entries(self, entries: Iterable[Entry]) -> list[Position]:
        await self.go.wait()
        return await super().publish_entries(entries)


async def test_too_much_at_once_is_told_to_come_back() -> None:
    ingest = Ingest(None, max_requests=3)
    slow = Slow()
    ingest.kafka._publisher = slow  # type: ignore[assignment]
    running = [asyncio.create_task(post(ingest, event(), SINGLE)) for _ in range(3)]
    await asyncio.sleep(0.1)
    refused = await post(ingest, event(), SINGLE)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"
    slow.go.set()
    assert [answer.status_code for answer in await asyncio.gather(*running)] == [202] * 3
    assert (await post(ingest, event(), SINGLE)).status_code == 202


async def test_bytes_in_flight_are_bounded_too() -> None:
    ingest = Ingest(None, max_bytes_in_flight=8 * 1024 * 1024)
    slow = Slow()
    ingest.kafka._publisher = slow  # type: ignore[assignment]
    large = b"\n" * (5 * 1024 * 1024) + json.dumps(event()).encode()
    first = asyncio.create_task(post(ingest, large, LINES))
    await asyncio.sleep(0.1)
    assert (await post(ingest, large, LINES)).status_code == 429
    slow.go.set()
    assert (await first).status_code == 202
    assert (await post(ingest, large, LINES)).status_code == 202


# --- Kafka away ----------------------------------------------------------------------------------


async def test_while_kafka_is_away_nothing_is_accepted_and_then_it_goes_on(
    ingest: Ingest,
) -> None:
    ingest.published.away = True
    for _ in range(3):
        answer = await post(ingest, event(), SINGLE)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    watching = asyncio.create_task(ingest.kafka.watch())
    ingest.published.away = False
    await asyncio.sleep(0.4)
    assert (await post(ingest, event(), SINGLE)).status_code == 202
    watching.cancel()


async def test_a_silent_kafka_is_not_waited_for_and_holds_the_watermark_back() -> None:
    ingest = Ingest(None, publish_timeout_s=0.1)
    slow = Slow()
    ingest.kafka._publisher = slow  # type: ignore[assignment]
    answer = await post(ingest, event(), SINGLE)
    assert answer.status_code == 503
    ingest.clock.advance(timedelta(hours=1))
    held, _ = await ingest.kafka.bound()
    assert held < NOW + timedelta(seconds=1)
    slow.go.set()
    await ingest.kafka.finish()
    freed, _ = await ingest.kafka.bound()
    assert freed >= NOW + timedelta(hours=1)


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "role", ["administrator", "channel_manager", "service", "partner_admin", "seller", "analyst"]
)
async def test_events_are_for_sources_alone(ingest: Ingest, role: str) -> None:
    assert (await post(ingest, event(), SINGLE, role)).status_code == 403


async def test_without_a_token_nobody_passes(ingest: Ingest) -> None:
    answer = await post(ingest, event(), SINGLE, Authorization="")
    assert answer.status_code == 401


# --- leads ---------------------------------------------------------------------------------------


async def lead(ingest: Ingest, content: Any, role: str = "partner_member:p7") -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    async with ingest.client(role) as client:
        return await client.post(
            "/v1/leads", content=body, headers={"Content-Type": "application/json"}
        )


@pytest.mark.parametrize("role", ["partner_member:p7", "partner_admin:p7"])
async def test_a_partner_registers_a_lead_of_its_own(ingest: Ingest, role: str) -> None:
    answer = await lead(ingest, {"name": " Ada ", "email": "a@x.example", "partner_id": "p8"}, role)
    assert answer.status_code == 201
    told = answer.json()
    assert ingest.published.events == [
        (
            "milepost.lead.recorded.v1",
            {
                "lead_id": told["lead_id"],
                "version": NOW_MS,
                "partner_id": "p7",
                "name": "Ada",
                "email": "a@x.example",
                "captured_on": "2026-03-01",
            },
        )
    ]
    assert ingest.published.entries[0][1] == "p7"


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({"email": "a@x.example"}, "/name"),
        ({"name": "", "email": "a@x.example"}, "/name"),
        ({"name": " ", "email": "a@x.example"}, "/name"),
        ({"name": "a\x00", "email": "a@x.example"}, "/name"),
        ({"name": 5, "email": "a@x.example"}, "/name"),
        ({"name": "A"}, "/email"),
        ({"name": "A", "email": "none"}, "/email"),
        ({"name": "A", "email": "a@x.example", "captured_on": "2026-02-30"}, "/captured_on"),
        ([], ""),
        (b"{", ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
async def test_a_faulty_lead_is_pointed_at(ingest: Ingest, content: Any, pointer: str) -> None:
    answer = await lead(ingest, content)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert ingest.published.entries == []


async def test_leads_are_for_partners_and_wait_for_kafka(ingest: Ingest) -> None:
    good = {"name": "A", "email": "a@x.example", "captured_on": "2026-01-01"}
    for role in ("source", "administrator", "channel_manager", "seller", "service"):
        assert (await lead(ingest, good, role)).status_code == 403
    assert (await lead(ingest, good, "partner_admin")).status_code == 403
    ingest.published.away = True
    assert (await lead(ingest, good)).status_code == 503
