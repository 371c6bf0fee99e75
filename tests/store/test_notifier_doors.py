"""The delivery log, unsubscribing and dead letters over HTTP, and ticks from the topic."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.api import log_router
from services.notifier.consumers import on_ticks
from services.notifier.pages import unsubscribe_router
from shared.events.envelope import Envelope, to_headers
from shared.events.plans import TICK_DUE
from shared.messaging.message import Record
from shared.web.app import create_app
from shared.web.auth import Authenticator, Principal
from tests.store.notifier_parts import (
    DUE,
    ChaosSink,
    Desk,
    ended,
    statement,
    tick,
)


@pytest.fixture
async def client(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    async def authenticate(_self: Authenticator, token: str) -> Principal:
        return Principal("tester", frozenset({token}))

    monkeypatch.setattr(Authenticator, "authenticate", authenticate)
    app: FastAPI = create_app(
        "notifier",
        desk.settings,
        lifespan=None,  # type: ignore[arg-type] # nothing runs behind these doors
        routers=[
            log_router(desk.pool, desk.clock, desk.sender),
            unsubscribe_router(desk.pool, desk.clock),
        ],
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://notifier.example",
        headers={"Authorization": "Bearer administrator"},
    ) as made:
        yield made


async def listed(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = {"cursor": cursor} if cursor else {}
        answer = (await client.get(path, params=query | page)).raise_for_status().json()
        items += answer["items"]
        cursor = answer["next"]
        if cursor is None:
            return items


async def test_the_log_says_when_to_whom_and_how_and_nothing_of_the_content(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("accepted"))
    (item,) = await listed(client, "/v1/deliveries", plan_id="p1", period="2026-03")
    assert item["recipient"] == "ann@one.example"
    assert item["state"] == "accepted"
    assert item["attempts"] == 1
    assert item["planned_at"] == item["accepted_at"] == desk.clock.now().isoformat()
    assert item["message_id"].startswith(f"<{item['delivery_id']}@")
    assert not {"content", "recipient_name", "subject", "token"} & set(item)
    (shown,) = await listed(client, "/v1/ticks", plan_id="p1")
    assert (shown["state"], shown["deliveries"]) == ("done", {"accepted": 1})


async def test_lists_are_paged_whole_and_filtered(desk: Desk, client: httpx.AsyncClient) -> None:
    for number in range(3):
        desk.clock.advance(timedelta(minutes=1))
        await desk.plan(*(statement(f"p{number}-{n}", f"a@{number}-{n}.example") for n in range(5)))
    items = await listed(client, "/v1/deliveries", limit=4)
    assert len({item["delivery_id"] for item in items}) == 15
    moments = [item["planned_at"] for item in items]
    assert moments == sorted(moments, reverse=True)
    ticks = await listed(client, "/v1/ticks", limit=4)
    assert len({item["tick_id"] for item in ticks}) == 15
    assert await listed(client, "/v1/deliveries", period="2026-04") == []
    assert len(await listed(client, "/v1/deliveries", plan_id="p1-2")) == 1
    assert len(await listed(client, "/v1/deliveries", state="planned")) == 15
    assert await listed(client, "/v1/ticks", state="waiting") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"period": "March"}, "/period"),
        ({"period": "2026-13"}, "/period"),
        ({"limit": "0"}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"cursor": "!!"}, "/cursor"),
        ({"cursor": "WzEsMl0"}, "/cursor"),
        ({"state": "lost"}, "/state"),
    ],
)
async def test_a_bad_query_names_the_field(
    client: httpx.AsyncClient, query: dict[str, str], pointer: str
) -> None:
    for path in ("/v1/deliveries", "/v1/ticks"):
        answer = await client.get(path, params=query)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "role", ["channel_manager", "analyst", "source", "service", "partner_admin", "seller"]
)
async def test_the_log_is_for_administrators(client: httpx.AsyncClient, role: str) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    for path in ("/v1/deliveries", "/v1/ticks"):
        assert (await client.get(path, headers=headers)).status_code == 403
    for verb in ("retry", "confirm"):
        path = f"/v1/deliveries/{'0' * 32}/{verb}"
        assert (await client.post(path, headers=headers)).status_code == 403
    assert (await client.get("/v1/deliveries", headers={"Authorization": ""})).status_code == 401


async def test_an_operator_sends_a_failed_mail_again(
    desk: Desk, client: httpx.AsyncClient, sink: ChaosSink
) -> None:
    sink.answer = lambda stage, _mail: b"550 no\r\n" if stage == "rcpt" else None
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("failed"))
        sink.answer = lambda _stage, _mail: None
        (item,) = await listed(client, "/v1/deliveries")
        path = f"/v1/deliveries/{item['delivery_id']}"
        assert (await client.post(f"{path}/confirm")).status_code == 409
        assert (await client.post(f"{path}/retry")).status_code == 202
        await desk.until(ended("accepted"))
        assert (await client.post(f"{path}/retry")).status_code == 409
    assert sink.ids() == [item["message_id"]]
    for unknown in ("nonsense", "0" * 32):
        assert (await client.post(f"/v1/deliveries/{unknown}/retry")).status_code == 404


async def _link(desk: Desk, sink: ChaosSink) -> tuple[str, str]:
    """The unsubscribe link of the mail that was sent, from its header and from its text."""
    await desk.plan(statement("p1", "ann@one.example", "bob@one.example"))
    async with desk.sending():
        await desk.until(ended("accepted"))
    mail = next(mail for mail in sink.mails if mail.recipient == "ann@one.example")
    header = next(
        line for line in mail.content.decode().split("\r\n") if line.startswith("List-Unsubscribe:")
    )
    link = header.partition("<")[2].rstrip(">")
    return link, link.removeprefix("https://mail.example")


async def test_one_click_stops_the_mails_of_one_admin(
    desk: Desk, client: httpx.AsyncClient, sink: ChaosSink
) -> None:
    _, path = await _link(desk, sink)
    client.headers.pop("Authorization")
    for _ in range(2):
        answer = await client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    await desk.plan(statement("p1", "Ann@one.example", "bob@one.example", period="2026-04"))
    async with desk.sending():
        await desk.until(ended("accepted", "suppressed"))
    assert sorted(mail.recipient for mail in sink.mails) == [
        "ann@one.example",
        "bob@one.example",
        "bob@one.example",
    ]


async def test_looking_at_the_link_changes_nothing_and_its_button_does(
    desk: Desk, client: httpx.AsyncClient, sink: ChaosSink
) -> None:
    _, path = await _link(desk, sink)
    client.headers["Authorization"] = ""
    page = await client.get(path)
    assert page.status_code == 200
    assert '<form method="post"><button type="submit">' in page.text
    assert "ann@one.example" in page.text
    assert "script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert await desk.pool.fetchval("SELECT count(*) FROM suppression") == 0
    done = await client.post(path, headers={"Accept": "text/html,*/*"})
    assert done.status_code == 200
    assert "gets no more" in done.text
    assert "gets no more" in (await client.get(path)).text


@pytest.mark.parametrize("token", ["", "x", "0" * 32, "%00", "../../etc", "a" * 5000])
async def test_a_link_of_nobody_is_404(client: httpx.AsyncClient, token: str) -> None:
    assert (await client.get(f"/v1/unsubscribe/{token}")).status_code == 404
    assert (await client.post(f"/v1/unsubscribe/{token}")).status_code == 404


def record(value: bytes | None, event_type: str = TICK_DUE, offset: int = 0) -> Record:
    envelope = Envelope(id="e1", type=event_type, source="/milepost/plans", accepted_at=DUE)
    headers = tuple(to_headers(envelope))
    return Record("milepost.ticks.v1", 0, offset, b"p1", value, headers, 0)


async def test_broken_ticks_are_dead_letters_and_good_ones_go_on(desk: Desk) -> None:
    heard: list[bool] = []
    handle = on_ticks(desk.pool, desk.clock, on_new=lambda: heard.append(True))
    records = [
        record(b"{", offset=1),
        record(b'{"tick_id": "t"}', offset=2),
        record(None, offset=3),
        record(tick("p1").value(), offset=4),
        record(b"{}", "milepost.plans.tick.postponed.v1", offset=5),
        Record("milepost.ticks.v1", 0, 6, None, b"\xff", (("ce_id", b"\xff"),), 0),
        record(tick("p1").value(), offset=7),
        record(tick("p2").value().replace(b"p2", b"p\\u00002"), offset=8),
    ]
    for _ in range(2):
        await handle(records)
    assert set(await desk.tick_states()) == {"p1"}
    letters = await desk.pool.fetch('SELECT "offset", errors FROM dead_letter ORDER BY "offset"')
    assert [row["offset"] for row in letters] == [1, 2, 3, 6, 8]
    assert {error["pointer"] for error in letters[1]["errors"]} >= {"/plan_id", "/due_at"}
    assert heard == [True]
