"""Bounces and complaints taken in: who is not written to any more, and whose word counts."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.domain.bounce import ReturnPath
from services.notifier.pages import unsubscribe_router
from services.notifier.returns.api import returns_router
from services.notifier.returns.intake import ReturnsFolder
from shared.web.app import create_app
from shared.web.auth import Authenticator, Principal
from tests.backends.database import Database
from tests.store.notifier_parts import (
    ChaosSink,
    Desk,
    ProgressStub,
    pooled,
    settings_for,
    statement,
)
from tests.unit.test_notifier_bounce import arf, dsn

PATHS = ReturnPath("bounces@mail.example", b"key")
ANN, BEN = "ann@partner.example", "ben@partner.example"


@pytest.fixture
async def desk(database: Database, sink: ChaosSink) -> AsyncIterator[Desk]:
    url = database.url("notifier")
    told = {"mail_bounces": PATHS.mailbox, "return_key": "key"}
    async with pooled(url) as pool:
        yield Desk(pool, settings_for(url, sink.port, **told), ProgressStub())


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
            returns_router(desk.pool, desk.clock, PATHS),
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


async def sent(desk: Desk, sink: ChaosSink) -> None:
    """Ann and Ben have had their mail of March."""
    await desk.plan(statement("p1", ANN, BEN))
    async with desk.sending():
        await desk.until(lambda states: set(states.values()) == {"accepted"})
    assert len(sink.mails) == 2


async def delivery_of(desk: Desk, recipient: str) -> str:
    found = await desk.pool.fetchval(
        "SELECT delivery_id FROM delivery WHERE recipient = $1 ORDER BY period", recipient
    )
    return str(found)


async def suppressed(client: httpx.AsyncClient) -> dict[str, str]:
    items = (await client.get("/v1/suppressions")).raise_for_status().json()["items"]
    return {one["recipient"]: one["reason"] for one in items}


async def test_a_mail_goes_out_under_a_return_path_of_its_own(desk: Desk, sink: ChaosSink) -> None:
    await sent(desk, sink)
    paths = {PATHS.delivery_of(mail.sender) for mail in sink.mails}
    assert paths == {await delivery_of(desk, ANN), await delivery_of(desk, BEN)}


async def test_a_bounce_for_good_ends_the_mails_to_that_address(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    bounce = dsn(PATHS.address(await delivery_of(desk, ANN)))
    for _ in range(2):
        answer = await client.post("/v1/bounces", content=bounce)
        assert answer.status_code == 202
        assert answer.json() == {"kind": "bounced", "status": "5.1.1", "suppressed": True}
    assert await suppressed(client) == {ANN: "bounced 5.1.1"}
    await desk.plan(statement("p1", ANN, BEN, period="2026-04"))
    async with desk.sending():
        await desk.until(lambda states: states == {ANN: "suppressed", BEN: "accepted"})
    assert len(sink.mails) == 3


async def test_what_may_pass_ends_nothing(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    path = PATHS.address(await delivery_of(desk, ANN))
    for content in (dsn(path, status="5.2.2"), dsn(path, action="delayed", status="4.4.1")):
        assert (await client.post("/v1/bounces", content=content)).json()["suppressed"] is False
    assert await suppressed(client) == {}


async def test_an_invented_bounce_is_refused(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    forged = ReturnPath(PATHS.mailbox, b"guessed").address(await delivery_of(desk, ANN))
    for content in (dsn(forged), b"", b"hello", arf(link="nobody")):
        assert (await client.post("/v1/bounces", content=content)).status_code == 422
    unknown = arf()  # a well-formed token that is nobody's
    assert (await client.post("/v1/bounces", content=unknown)).status_code == 202
    assert await suppressed(client) == {}
    assert (await client.post("/v1/bounces", content=b"x" * 1_000_001)).status_code == 413


async def test_a_complaint_is_the_persons_word_and_stays(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    token = await desk.pool.fetchval(
        "SELECT token FROM subscription_link WHERE recipient = $1", BEN
    )
    assert (await client.post("/v1/bounces", content=arf(str(token)))).status_code == 202
    assert await suppressed(client) == {BEN: "complained"}
    which = {"stream": "partner_progress", "recipient": BEN}
    assert (await client.delete("/v1/suppressions", params=which)).status_code == 409
    assert await suppressed(client) == {BEN: "complained"}


async def test_an_address_that_was_mended_can_be_written_to_again(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    await client.post("/v1/bounces", content=dsn(PATHS.address(await delivery_of(desk, ANN))))
    which = {"stream": "partner_progress", "recipient": ANN}
    assert (await client.delete("/v1/suppressions", params=which)).status_code == 204
    assert (await client.delete("/v1/suppressions", params=which)).status_code == 404
    assert await suppressed(client) == {}


@pytest.mark.parametrize("role", ["channel_manager", "source", "partner_admin", "seller"])
async def test_other_roles_have_no_door_here(client: httpx.AsyncClient, role: str) -> None:
    headers = {"Authorization": f"Bearer {role}"}
    which = {"stream": "partner_progress", "recipient": ANN}
    assert (await client.post("/v1/bounces", content=dsn(), headers=headers)).status_code == 403
    assert (await client.get("/v1/suppressions", headers=headers)).status_code == 403
    answer = await client.delete("/v1/suppressions", params=which, headers=headers)
    assert answer.status_code == 403


async def test_a_folder_of_returned_mails_is_read_and_filed_away(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await sent(desk, sink)
    folder = ReturnsFolder(tmp_path, desk.pool, desk.clock, PATHS)
    assert await folder.look() == 0
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1.a").write_bytes(dsn(PATHS.address(await delivery_of(desk, ANN))))
    (tmp_path / "new" / "2.b").write_bytes(b"no report")
    assert await folder.look() == 2
    assert await suppressed(client) == {ANN: "bounced 5.1.1"}
    assert sorted(file.name for file in (tmp_path / "cur").iterdir()) == ["1.a:2,S", "2.b:2,S"]
    assert await folder.look() == 0


async def test_nothing_of_a_returned_mail_is_kept_but_its_status(
    desk: Desk, sink: ChaosSink, client: httpx.AsyncClient
) -> None:
    await sent(desk, sink)
    await client.post("/v1/bounces", content=dsn(PATHS.address(await delivery_of(desk, ANN))))
    [row] = [dict(one) for one in await desk.pool.fetch("SELECT * FROM returned")]
    assert "ann" not in str(row)
    assert "no such user" not in str(row)
    assert (row["kind"], row["status"]) == ("bounced", "5.1.1")
