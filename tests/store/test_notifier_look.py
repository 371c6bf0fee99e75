"""The look of mails over HTTP: who may change it, what is kept, when it counts, and test mails."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.notifier.look import store
from services.notifier.look.api import LookDesk, look_router
from services.notifier.look.trying import MOST, SampleSender
from services.notifier.mail.letter import LetterWriter
from services.notifier.mail.smtp import MailConnection
from shared.kernel.clock import FixedClock
from shared.web.app import create_app
from shared.web.auth import Authenticator, Principal
from shared.web.problems import Problem
from tests.store.notifier_parts import (
    NOW,
    ChaosSink,
    Desk,
    ended,
    statement,
)
from tests.unit.test_notifier_look import jpeg, png

LOOK: dict[str, Any] = {
    "name": "Northwind",
    "sender": {"name": "Northwind Partners", "address": "partners@mail.example"},
    "colours": {"accent": "#9a3412"},
}
ROBIN = Principal("robin", frozenset({"administrator"}), email="robin@supplier.example")


@pytest.fixture
async def client(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    async def authenticate(_self: Authenticator, token: str) -> Principal:
        return Principal("tester", frozenset({token}), email="robin@supplier.example")

    monkeypatch.setattr(Authenticator, "authenticate", authenticate)
    app = create_app(
        "notifier",
        desk.settings,
        lifespan=None,  # type: ignore[arg-type] # nothing runs behind these doors
        routers=[look_router(LookDesk(desk.pool, desk.clock, desk.looks, "mail.example"))],
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://notifier",
        headers={"Authorization": "Bearer administrator"},
    ) as opened:
        yield opened


def sample_sender(desk: Desk) -> SampleSender:
    return SampleSender(
        desk.pool,
        FixedClock(NOW),
        desk.looks,
        LetterWriter(desk.settings, desk.looks),
        lambda: MailConnection(desk.server, desk.settings),
    )


async def test_a_look_starts_as_the_settings_say(client: httpx.AsyncClient) -> None:
    found = (await client.get("/v1/look")).json()
    assert found["version"] == 0
    assert found["sender"] == {"name": "Milepost", "address": "milepost@mail.example"}
    assert found["logo"] is None


async def test_every_change_is_a_version_with_its_maker(client: httpx.AsyncClient) -> None:
    first = (await client.put("/v1/look", json=LOOK)).json()
    assert (first["version"], first["changed_by"]) == (1, "robin@supplier.example")
    second = (await client.put("/v1/look/logo", content=png())).json()
    assert second["name"] == "Northwind"
    assert second["logo"] | {"digest": ""} == {
        "digest": "",
        "media_type": "image/png",
        "width": 320,
        "height": 80,
        "bytes": len(png()),
    }
    third = (await client.put("/v1/look", json=LOOK | {"name": "Other"})).json()
    assert third["logo"] == second["logo"], "the logo has a door of its own"
    shown = await client.get("/v1/look/logo")
    assert (shown.headers["content-type"], shown.content) == ("image/png", png())
    assert "sandbox" in shown.headers["content-security-policy"]
    assert (await client.delete("/v1/look/logo")).json()["version"] == 4
    assert (await client.delete("/v1/look/logo")).json()["version"] == 4, "again is no change"
    assert (await client.get("/v1/look/logo")).status_code == 404
    page = (await client.get("/v1/look/history?limit=3")).json()
    assert [item["version"] for item in page["items"]] == [4, 3, 2]
    rest = (await client.get(f"/v1/look/history?cursor={page['next']}")).json()
    assert [item["version"] for item in rest["items"]] == [1]
    assert rest["items"][0]["changed_at"] == NOW.isoformat()
    assert rest["items"][0]["logo"] is None
    assert page["items"][1]["logo"] == second["logo"]["digest"]


async def test_a_look_that_cannot_be_changes_nothing(client: httpx.AsyncClient) -> None:
    bad = LOOK | {"colours": {"accent": "#ffee00"}, "sender": {"name": "N", "address": "a@b.c"}}
    answer = await client.put("/v1/look", json=bad)
    assert answer.status_code == 422
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers == ["/sender/address", "/colours/accent"]
    for content in (b"GIF89a", b"<svg/>", png() + b"x", jpeg()[:-2]):
        answer = await client.put("/v1/look/logo", content=content)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/logo"
    assert (await client.put("/v1/look/logo", content=bytes(70_000))).status_code == 413
    assert (await client.get("/v1/look/history?cursor=bm8")).status_code == 422
    assert (await client.get("/v1/look")).json()["version"] == 0


async def test_nobody_but_administrators_gets_near_it(client: httpx.AsyncClient) -> None:
    others = ("channel_manager", "analyst", "service", "source", "seller", "partner_admin")
    for role in others:
        headers = {"Authorization": f"Bearer {role}"}
        for method, path in [
            ("GET", ""),
            ("PUT", ""),
            ("GET", "/logo"),
            ("PUT", "/logo"),
            ("DELETE", "/logo"),
            ("GET", "/history"),
        ]:
            answer = await client.request(method, f"/v1/look{path}", headers=headers, json=LOOK)
            assert answer.status_code == 403, (role, method, path)


async def test_of_two_changes_at_once_one_counts(desk: Desk) -> None:
    look = desk.looks.now
    async with desk.pool.acquire() as connection:
        assert await store.add_look(connection, look, "ann", NOW)
        assert await store.add_look(connection, look, "bob", NOW) is None
        assert [row["changed_by"] for row in await store.list_looks(connection, None, 9)] == ["ann"]


async def test_the_next_mails_have_a_new_look(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    async def send(plan: str) -> str:
        await desk.plan(statement(plan, f"{plan}@one.example"))
        async with desk.sending():
            await desk.until(ended("accepted"))
        return next(m.content for m in sink.mails if m.recipient == f"{plan}@one.example").decode()

    assert 'From: "Milepost" <milepost@mail.example>' in await send("p1")
    desk.looks = type(desk.looks)(desk.settings)  # another process changes it
    await client.put("/v1/look", json=LOOK)
    await client.put("/v1/look/logo", content=jpeg())
    mail = await send("p2")
    assert 'From: "Northwind Partners" <partners@mail.example>' in mail
    assert "Content-Type: image/jpeg" in mail
    assert sink.mails[-1].sender == "milepost@mail.example", "bounces go where they went"


async def test_a_test_mail_goes_to_the_one_who_asks(desk: Desk, sink: ChaosSink) -> None:
    sender = sample_sender(desk)
    address = await sender.send(ROBIN, "seller_insights", "de", "Robin", "mail.example")
    assert address == "robin@supplier.example"
    [mail] = sink.mails
    assert mail.recipient == "robin@supplier.example"
    assert b"Subject: [Test] Ihre Einblicke" in mail.content
    assert await desk.deliveries() == {}, "it is no delivery"


async def test_there_are_only_so_many_test_mails(desk: Desk, sink: ChaosSink) -> None:
    senders = sample_sender(desk), sample_sender(desk)
    for number in range(MOST):
        await senders[number % 2].send(ROBIN, "partner_progress", "en", "", "mail.example")
    with pytest.raises(Problem) as caught:
        await senders[0].send(ROBIN, "partner_progress", "en", "", "mail.example")
    assert caught.value.status == 429
    assert len(sink.mails) == MOST
    other = Principal("ann", frozenset({"administrator"}), email="ann@supplier.example")
    await senders[1].send(other, "partner_progress", "en", "", "mail.example")
    assert len(sink.mails) == MOST + 1


@pytest.mark.parametrize("email", [None, "", "no address", "a\r\nb@x.example"])
async def test_who_has_no_address_gets_no_test(desk: Desk, email: str | None) -> None:
    who = Principal("x", frozenset({"administrator"}), email=email)
    with pytest.raises(Problem) as caught:
        await sample_sender(desk).send(who, "partner_progress", "en", "", "mail.example")
    assert caught.value.status == 422


async def test_a_test_says_what_the_mail_server_says(desk: Desk, sink: ChaosSink) -> None:
    sink.answer = lambda stage, _mail: b"550 no such box\r\n" if stage == "rcpt" else None
    with pytest.raises(Problem) as caught:
        await sample_sender(desk).send(ROBIN, "partner_progress", "en", "", "mail.example")
    assert (caught.value.status, "550" in (caught.value.detail or "")) == (502, True)
    await sink.stop()
    with pytest.raises(Problem) as caught:
        await sample_sender(desk).send(ROBIN, "partner_progress", "en", "", "mail.example")
    assert caught.value.status == 503
