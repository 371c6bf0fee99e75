"""Bad input and trouble: a clear error that names the field or row, and nothing behind it waits."""

import asyncio
import csv
import gzip
import io
import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.flow.doors import Data, Doors, event, eventually, fresh
from tests.flow.test_spine import binary, produce, structured

pytestmark = pytest.mark.flow

DEAL: Data = {
    "deal_id": "d-bad",
    "version": 1,
    "partner_id": "p-bad",
    "products": ["Disk"],
    "status": "closed_won",
    "amount": "10.00",
    "currency": "USD",
    "closed_on": "2026-02-01",
}
LEAD: Data = {"lead_id": "l-bad", "version": 1, "partner_id": "p-bad", "captured_on": "2026-02-01"}
TOO_LONG = "x" * 100_000


def a_problem(answer: httpx.Response, *statuses: int) -> Data:
    """The problem that an answer must be."""
    assert answer.status_code in statuses, f"{answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"].startswith("application/problem+json")
    found: Data = answer.json()
    assert found["status"] == answer.status_code
    assert found["title"]
    return found


# --- one bad field ------------------------------------------------------------------------------
BAD_FIELDS: list[tuple[str, Data, str]] = [
    ("a missing id", {"deal_id": None}, "/data/deal_id"),
    ("an empty id", {"deal_id": ""}, "/data/deal_id"),
    ("an id that is a number", {"deal_id": 7}, "/data/deal_id"),
    ("a null byte in an id", {"deal_id": "d\x00"}, "/data/deal_id"),
    ("a null byte in a name", {"name": "a\x00b"}, "/data/name"),
    ("a null byte in a product", {"products": ["Disk", "a\x00b"]}, "/data/products/1"),
    ("a version that is text", {"version": "1"}, "/data/version"),
    ("a negative version", {"version": -1}, "/data/version"),
    ("a version with decimals", {"version": 1.5}, "/data/version"),
    ("a version that is true", {"version": True}, "/data/version"),
    ("an absurd version", {"version": 2**63}, "/data/version"),
    ("a missing version", {"version": None}, "/data/version"),
    ("an unknown status", {"status": "won"}, "/data/status"),
    ("a status that is a list", {"status": ["closed_won"]}, "/data/status"),
    ("a missing partner", {"partner_id": None}, "/data/partner_id"),
    ("an empty partner", {"partner_id": ""}, "/data/partner_id"),
    ("a negative amount", {"amount": "-1"}, "/data/amount"),
    ("an absurd amount", {"amount": "1e300"}, "/data/amount"),
    ("an amount of many digits", {"amount": "9" * 400}, "/data/amount"),
    ("an amount that is none", {"amount": "ten"}, "/data/amount"),
    ("an amount of NaN", {"amount": "NaN"}, "/data/amount"),
    ("an amount of Infinity", {"amount": "Infinity"}, "/data/amount"),
    ("an amount with three decimals", {"amount": "1.001"}, "/data/amount"),
    ("an amount that is true", {"amount": True}, "/data/amount"),
    ("an amount that is a list", {"amount": [1]}, "/data/amount"),
    ("an amount with spaces", {"amount": "1 000"}, "/data/amount"),
    ("an amount with underscores", {"amount": "1_000"}, "/data/amount"),
    ("an amount in Arabic digits", {"amount": "١٢"}, "/data/amount"),
    ("an amount without currency", {"currency": None}, "/data/currency"),
    ("a currency that is none", {"currency": "XXQ"}, "/data/currency"),
    ("a lower-case currency", {"currency": "usd"}, "/data/currency"),
    ("a date that does not exist", {"closed_on": "2026-02-30"}, "/data/closed_on"),
    ("a date in another format", {"closed_on": "01.02.2026"}, "/data/closed_on"),
    ("a compact date", {"closed_on": "20260201"}, "/data/closed_on"),
    ("a week date", {"closed_on": "2026-W05-1"}, "/data/closed_on"),
    ("a date that is a number", {"closed_on": 1767225600}, "/data/closed_on"),
    ("a time without offset", {"closed_on": "2026-02-01T10:00:00"}, "/data/closed_on"),
    ("an empty date", {"closed_on": ""}, "/data/closed_on"),
    ("a year of five digits", {"closed_on": "12026-02-01"}, "/data/closed_on"),
    ("products that are text", {"products": "Disk"}, "/data/products"),
    ("a product that is a number", {"products": [1]}, "/data/products/0"),
]


@pytest.mark.parametrize(
    ("changes", "pointer"), [x[1:] for x in BAD_FIELDS], ids=[x[0] for x in BAD_FIELDS]
)
def test_a_bad_field_is_named_and_the_good_event_beside_it_is_taken(
    doors: Doors, changes: Data, pointer: str
) -> None:
    good = event("deal", {**DEAL, "deal_id": fresh("d")})
    bad = event(
        "deal", {key: value for key, value in {**DEAL, **changes}.items() if value is not None}
    )
    answer = doors.post_events([bad, good])
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert found["accepted"] == 1
    [rejected] = found["rejected"]
    assert (rejected["index"], rejected["id"]) == (0, bad["id"])
    assert pointer in [error["pointer"] for error in rejected["errors"]]
    assert all(error["detail"] for error in rejected["errors"])


@pytest.mark.parametrize(
    ("record", "data", "pointer"),
    [
        ("lead", {**LEAD, "activity_type": "fax"}, "/data/activity_type"),
        ("lead", {**LEAD, "campaign_id": ""}, "/data/campaign_id"),
        ("partner", {"partner_id": "p", "version": 1, "groups": [], "users": []}, "/data/name"),
        (
            "partner",
            {
                "partner_id": "p",
                "version": 1,
                "name": "P",
                "users": [{"email": "a@b.example", "role": "boss"}],
            },
            "/data/users/0/role",
        ),
        (
            "partner_field",
            {
                "partner_id": "p",
                "field": "f",
                "effective_on": "2026-01-01",
                "version": 1,
                "value": "many",
            },
            "/data/value",
        ),
        (
            "account",
            {"account_id": "a", "version": 1, "partner_id": "p", "name": "A"},
            "/data/status",
        ),
        (
            "interaction",
            {
                "interaction_id": "i",
                "version": 1,
                "kind": "meeting",
                "started_at": "2026-01-01T11:00:00Z",
                "ended_at": "2026-01-01T10:00:00Z",
                "participants": [{"address": "a@b.example", "role": "organizer"}],
            },
            "/data/ended_at",
        ),
        (
            "interaction",
            {
                "interaction_id": "i",
                "version": 1,
                "kind": "chat",
                "started_at": "2026-01-01T11:00:00Z",
                "participants": [],
            },
            "/data/participants",
        ),
        (
            "interaction",
            {
                "interaction_id": "i",
                "version": 1,
                "kind": "chat",
                "started_at": "2026-01-01T11:00:00Z",
                "participants": [{"address": "a@b.example", "role": "sender", "messages": -1}],
            },
            "/data/participants/0/messages",
        ),
    ],
)
def test_bad_fields_of_other_records_are_named(
    doors: Doors, record: str, data: Data, pointer: str
) -> None:
    found = a_problem(doors.post_events([event(record, data)]), 422)
    assert found["accepted"] == 0
    assert pointer in [error["pointer"] for error in found["rejected"][0]["errors"]]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "milepost.unicorn.recorded.v1"}, "/type"),
        ({"type": "milepost.deal.recorded.v2"}, "/type"),
        ({"type": 7}, "/type"),
        ({"type": None}, "/type"),
        ({"id": None}, "/id"),
        ({"id": ""}, "/id"),
        ({"id": "a\x00b"}, "/id"),
        ({"source": None}, "/source"),
        ({"specversion": "0.3"}, "/specversion"),
        ({"specversion": None}, "/specversion"),
        ({"data": None}, "/data"),
        ({"data": []}, "/data"),
        ({"data": "text"}, "/data"),
        ({"time": "yesterday"}, "/time"),
    ],
)
def test_a_bad_envelope_is_named(doors: Doors, changes: Data, pointer: str) -> None:
    found = a_problem(doors.post_events([event("deal", DEAL, **changes)]), 422)
    assert pointer in [error["pointer"] for error in found["rejected"][0]["errors"]]


@pytest.mark.parametrize("item", [None, 7, "text", [], {}, True])
def test_an_item_that_is_no_event_does_not_stop_the_good_ones(doors: Doors, item: Any) -> None:
    good = event("deal", {**DEAL, "deal_id": fresh("d")})
    answer = doors.post_events([good, item, {**good, "id": "again"}])
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 2
    assert [one["index"] for one in answer.json()["rejected"]] == [1]
    assert answer.json()["rejected"][0]["id"] is None


def test_one_event_by_itself_is_taken_and_a_bad_one_refused(doors: Doors) -> None:
    kind = "application/cloudevents+json"
    good = doors.post_events(event("deal", {**DEAL, "deal_id": fresh("d")}), kind)
    assert (good.status_code, good.json()) == (202, {"accepted": 1, "rejected": []})
    found = a_problem(doors.post_events(event("deal", {**DEAL, "amount": "-1"}), kind), 422)
    assert found["rejected"][0]["index"] == 0


def test_a_broken_line_is_rejected_by_its_index_with_no_id(doors: Doors) -> None:
    good = json.dumps(event("deal", {**DEAL, "deal_id": fresh("d")}))
    again = json.dumps(event("deal", {**DEAL, "deal_id": fresh("d")}))
    answer = doors.post_events(f'{good}\n{{"specversion": \n{again}\n', "application/x-ndjson")
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 2
    [rejected] = answer.json()["rejected"]
    assert (rejected["index"], rejected["id"]) == (1, None)


@pytest.mark.parametrize(
    "kind",
    ["application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"a": NaN}',
        b"null",
        b'"text"',
        b"\x00",
        b"7" * 5000,
    ],
    ids=[
        "nothing",
        "half",
        "not UTF-8",
        "too deep",
        "NaN",
        "null",
        "text",
        "null byte",
        "long number",
    ],
)
def test_a_body_that_is_no_event_is_refused(doors: Doors, kind: str, body: bytes) -> None:
    answer = doors.post_events(body, kind)
    a_problem(answer, 400, 422)


def test_a_lone_surrogate_is_no_text(doors: Doors) -> None:
    told = json.dumps(event("deal", {**DEAL, "name": "X"})).replace('"X"', '"\\ud800"')
    a_problem(doors.post_events(told, "application/cloudevents+json"), 400, 422)


def test_another_content_type_is_refused(doors: Doors) -> None:
    a_problem(doors.post_events([event("deal", DEAL)], "text/plain"), 415, 422)


def test_five_thousand_events_always_pass(doors: Doors) -> None:
    told = [event("deal", {**DEAL, "deal_id": f"{fresh('d')}-{n}"}) for n in range(5000)]
    answer = doors.post_events(told)
    assert answer.status_code == 202, answer.text[:300]
    assert answer.json() == {"accepted": 5000, "rejected": []}


def test_eight_mebibytes_always_pass(doors: Doors) -> None:
    one = json.dumps(event("deal", {**DEAL, "deal_id": fresh("d"), "name": "n" * 900}))
    lines = "\n".join([one] * (8 * 1024 * 1024 // (len(one) + 1)))
    assert doors.post_events(lines, "application/x-ndjson").status_code == 202


# --- too much -----------------------------------------------------------------------------------
def _flood(
    doors: Doors, service: str, path: str, kind: str, *, chunked: bool, megabytes: int
) -> bytes:
    """Send a body as fast as it is taken; the status line that comes back."""
    at = urlsplit(doors.stack[service])
    role = "source" if service == "ingest" else "administrator"
    head = [f"POST {path} HTTP/1.1", f"Host: {at.netloc}", f"Content-Type: {kind}"]
    head.append(f"Authorization: Bearer {doors.token(role)}")
    head.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {megabytes << 20}")
    block = b"x" * (1 << 20)
    framed = b"%x\r\n%s\r\n" % (len(block), block) if chunked else block
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        try:
            for _ in range(megabytes):
                connection.sendall(framed)
        except (ConnectionResetError, BrokenPipeError):
            pass
        connection.settimeout(30)
        try:
            return connection.recv(64)
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("service", "path", "kind"),
    [
        ("ingest", "/v1/events", "application/x-ndjson"),
        ("ingest", "/v1/events", "application/cloudevents+json"),
        ("plans", "/v1/strategies", "application/json"),
    ],
)
def test_a_body_of_200_megabytes_is_refused(
    doors: Doors, service: str, path: str, kind: str, chunked: bool
) -> None:
    line = _flood(doors, service, path, kind, chunked=chunked, megabytes=200)
    # An answer may be lost when the connection is closed on what is still being sent.
    assert line.startswith(b"HTTP/1.1 413") or line == b"", line
    assert doors.call("GET", service, "/livez", role=None).status_code == 200


def test_a_body_a_little_too_large_gets_413_as_a_problem(doors: Doors) -> None:
    body = {"name": "x" * (2 << 20), "start_date": "2026-01-01"}
    a_problem(doors.call("POST", "plans", "/v1/strategies", json=body), 413)
    chunks: Iterator[bytes] = iter([b"x" * (1 << 20)] * 3)
    headers = {"Content-Type": "application/json"}
    answer = doors.call("POST", "plans", "/v1/strategies", content=chunks, headers=headers)
    a_problem(answer, 413)


def _megabytes(doors: Doors, service: str) -> int:
    return int(psutil.Process(doors.stack["pids"][service]).memory_info().rss) >> 20


def test_a_gzip_bomb_is_refused_without_unpacking_it(doors: Doors) -> None:
    packed = gzip.compress(b"\n" * (1 << 30), 9)
    before, began = _megabytes(doors, "ingest"), time.monotonic()
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = doors.call(
        "POST", "ingest", "/v1/events", role="source", content=packed, headers=headers
    )
    a_problem(answer, 413)
    assert time.monotonic() - began < 5
    assert _megabytes(doors, "ingest") - before < 150


def test_gzip_is_taken_and_broken_gzip_refused(doors: Doors) -> None:
    told = gzip.compress(json.dumps([event("deal", {**DEAL, "deal_id": fresh("d")})]).encode())
    headers = {"Content-Type": "application/cloudevents-batch+json", "Content-Encoding": "gzip"}

    def post(content: bytes) -> httpx.Response:
        return doors.call(
            "POST", "ingest", "/v1/events", role="source", content=content, headers=headers
        )

    assert post(told).status_code == 202
    a_problem(post(told[: len(told) // 2]), 400, 422)
    a_problem(post(b"no gzip at all"), 400, 422)


# --- the raw topic ------------------------------------------------------------------------------
def letters(doors: Doors, *options: str) -> list[Data]:
    return [json.loads(line) for line in doors.command("dead-letters", *options).splitlines()]


def test_what_is_wrong_on_the_raw_topic_becomes_a_dead_letter_and_nothing_waits(
    doors: Doors,
) -> None:
    partner = doors.partner()
    plan = doors.plan(doors.strategy({"type": "approved_registered_deals", "options": {}}), partner)
    approved = {
        "deal_id": fresh("d"),
        "version": 1,
        "partner_id": partner,
        "status": "approved",
        "approved_on": str(doors.today() - timedelta(days=2)),
    }
    bad = event("deal", {**approved, "approved_on": "2026-02-30"})
    unknown = event("unicorn", {"unicorn_id": "u"})
    good = event("deal", {**approved, "deal_id": fresh("d")})
    produce(
        doors,
        (None, b"\xff\x00 garbage", []),
        (None, b"", []),
        (b"\xff\xfe", b"{}", [("ce_type", b"\xff\xfe"), ("x", b"\xff")]),
        (None, b"[" * 100_000, [("content-type", b"application/cloudevents+json")]),
        binary(bad),
        structured({**bad, "id": "structured-bad"}),
        binary(unknown),
        structured(unknown),
        binary(good),
    )
    doors.shows(plan["plan_id"], "1")
    found = eventually(
        lambda: [one for one in letters(doors) if one["event_id"] in (bad["id"], "structured-bad")],
        lambda some: len(some) == 2,
    )
    for one in found:
        assert {"id", "event_id", "type", "pointer", "error"} <= set(one)
        assert one["type"] == "milepost.deal.recorded.v1"
        assert one["pointer"] == "/data/approved_on"
        assert one["error"]
    assert not [one for one in letters(doors) if one["event_id"] == unknown["id"]]


def test_a_dead_letter_can_be_mended_and_replayed(doors: Doors) -> None:
    partner = doors.partner()
    plan = doors.plan(doors.strategy({"type": "approved_registered_deals", "options": {}}), partner)
    right = {
        "deal_id": fresh("d"),
        "version": 1,
        "partner_id": partner,
        "status": "approved",
        "approved_on": str(doors.today() - timedelta(days=2)),
    }
    told = event("deal", {**right, "status": "aproved"})
    produce(doors, binary(told))
    [letter] = eventually(
        lambda: [one for one in letters(doors) if one["event_id"] == told["id"]],
        lambda found: len(found) == 1,
    )
    assert letter["pointer"] == "/data/status"
    path = f"/v1/dead-letters/{letter['id']}/replay"
    answer = doors.call("POST", "ingest", path, content=json.dumps(right))
    assert answer.status_code == 202, answer.text
    doors.shows(plan["plan_id"], "1")
    assert not [one for one in letters(doors) if one["id"] == letter["id"]]
    assert [one for one in letters(doors, "--replayed") if one["id"] == letter["id"]]


def test_a_replay_without_mending_becomes_a_dead_letter_again(doors: Doors) -> None:
    told = event("deal", {**DEAL, "deal_id": fresh("d"), "amount": "-7"})
    produce(doors, binary(told))

    def own() -> list[Data]:
        return [one for one in letters(doors) if one["event_id"] == told["id"]]

    [letter] = eventually(own, lambda found: len(found) == 1)
    doors.command("dead-letters", "replay", letter["id"])
    eventually(own, lambda found: len(found) == 1 and found[0]["id"] != letter["id"])


# --- CSV ----------------------------------------------------------------------------------------
def upload(doors: Doors, record: str, content: bytes, **params: str) -> Data:
    """Upload a CSV and wait until it has been dealt with."""
    answer = doors.call(
        "POST",
        "ingest",
        f"/v1/uploads/{record}",
        content=content,
        headers={"Content-Type": "text/csv"},
        params=params,
    )
    assert answer.status_code == 202, answer.text
    path = f"/v1/uploads/{answer.json()['upload_id']}"
    found: Data = eventually(
        lambda: doors.get("ingest", path),
        lambda state: state["state"] in ("processed", "failed"),
    )
    return {**found, "upload_id": answer.json()["upload_id"]}


def errors_of(doors: Doors, found: Data) -> list[Data]:
    answer = doors.call("GET", "ingest", f"/v1/uploads/{found['upload_id']}/errors.csv")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_bad_rows_are_named_and_good_ones_taken(doors: Doors) -> None:
    partner = doors.partner()
    plan = doors.plan(
        doors.strategy({"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}),
        partner,
    )
    day = str(doors.today() - timedelta(days=2))
    rows = [
        "deal_id,version,partner_id,products,status,amount,currency,closed_on",
        f'{fresh("d")},1,{partner},"Disk;Tape",closed_won,10.50,USD,{day}',
        f"{fresh('d')},1,{partner},,closed_won,-3,USD,{day}",
        f"{fresh('d')},1,{partner},,closed_won,7,USD,2026-02-30",
        f"{fresh('d')},1,{partner},,closed_won,2,USD,{day}",
    ]
    found = upload(doors, "deal", "\r\n".join(rows).encode())
    assert found["state"] == "processed"
    assert (found["rows_read"], found["accepted"], found["rejected"]) == (4, 2, 2)
    errors = errors_of(doors, found)
    assert [*errors[0]][:3] == ["row", "column", "error"]
    assert [(one["column"], one["amount"]) for one in errors] == [
        ("amount", "-3"),
        ("closed_on", "7"),
    ]
    assert int(errors[1]["row"]) - int(errors[0]["row"]) == 1
    doors.shows(plan["plan_id"], "12.50")


@pytest.mark.parametrize(
    "content",
    [
        "deal_id,version,partner_id,status,name\nd,1,p,draft,Müller".encode("latin-1"),
        "deal_id,version,partner_id,status\nd,1,p,draft".encode("utf-16"),
        b"deal_id,version\nd,1\n",
        b"",
        b"\x00\x00\x00",
        b"no,such,columns\n1,2,3\n",
        b"deal_id,deal_id,version,partner_id,status\nd,d,1,p,draft\n",
    ],
    ids=[
        "latin-1",
        "utf-16",
        "columns missing",
        "nothing",
        "null bytes",
        "other columns",
        "a column twice",
    ],
)
def test_a_csv_that_cannot_be_read_fails_and_says_why(doors: Doors, content: bytes) -> None:
    answer = doors.call(
        "POST", "ingest", "/v1/uploads/deal", content=content, headers={"Content-Type": "text/csv"}
    )
    if answer.status_code != 202:
        a_problem(answer, 400, 422)
        return
    upload_id = answer.json()["upload_id"]
    found = eventually(
        lambda: doors.get("ingest", f"/v1/uploads/{upload_id}"),
        lambda state: state["state"] in ("processed", "failed"),
    )
    assert found["state"] == "failed" or found["rejected"] == found["rows_read"] > 0
    assert found["accepted"] == 0
    assert errors_of(doors, {"upload_id": upload_id}), "it says nowhere what is wrong"


def test_a_null_byte_and_a_ragged_row_are_errors_of_their_rows(doors: Doors) -> None:
    head = b"deal_id,version,partner_id,status,name\n"
    good = f"{fresh('d')},1,p-csv,draft,ok\n".encode()
    found = upload(doors, "deal", head + good + b"d-n,1,p-csv,draft,a\x00b\nd-r,1\n" + good)
    assert (found["state"], found["accepted"], found["rejected"]) == ("processed", 2, 2)


def test_an_unknown_record_has_no_uploads(doors: Doors) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = doors.call("POST", "ingest", "/v1/uploads/unicorn", content=b"a\n1", headers=headers)
    a_problem(answer, 404, 422)


def test_the_event_loop_of_ingest_is_not_held_by_a_large_request(doors: Doors) -> None:
    """Health answers while 5,000 events are being validated."""
    told = json.dumps([event("deal", {**DEAL, "deal_id": f"x-{n}"}) for n in range(5000)])
    kind = {"Content-Type": "application/cloudevents-batch+json"}

    async def both() -> float:
        async with httpx.AsyncClient(base_url=doors.stack["ingest"], timeout=30) as client:
            bearer = {"Authorization": f"Bearer {doors.token('source')}"}
            posts = [
                client.post("/v1/events", content=told, headers={**kind, **bearer})
                for _ in range(4)
            ]
            running = asyncio.gather(*posts)
            slowest = 0.0
            while not running.done():
                began = time.monotonic()
                assert (await client.get("/livez")).status_code == 200
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.02)
            statuses = {answer.status_code for answer in await running}
            assert statuses <= {202, 429}
            return slowest

    assert asyncio.run(both()) < 2
