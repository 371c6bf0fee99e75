"""The preferences page: reached from a mail, without a login, and reversible."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.notifier.pages import unsubscribe_router
from services.notifier.preferences import preferences_router
from shared.web.app import create_app
from tests.backends.database import Database
from tests.store.notifier_parts import (
    ChaosSink,
    Desk,
    ProgressStub,
    pooled,
    settings_for,
    statement,
)

ANN = "ann@partner.example"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def desk(database: Database, sink: ChaosSink) -> AsyncIterator[Desk]:
    url = database.url("notifier")
    async with pooled(url) as pool:
        made = Desk(pool, settings_for(url, sink.port), ProgressStub())
        await made.plan(statement("p1", ANN))
        async with made.sending():
            await made.until(lambda states: set(states.values()) == {"accepted"})
        yield made


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(
        "notifier",
        desk.settings,
        lifespan=None,  # type: ignore[arg-type] # nothing runs behind these doors
        routers=[
            unsubscribe_router(desk.pool, desk.clock),
            preferences_router(desk.pool, desk.clock),
        ],
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://notifier.example", headers=HTML
    ) as made:
        yield made


async def token_of(desk: Desk) -> str:
    return str(await desk.pool.fetchval("SELECT token FROM subscription_link"))


async def test_a_stopped_stream_can_be_begun_again(desk: Desk, client: httpx.AsyncClient) -> None:
    token = await token_of(desk)
    stopped = await client.post(f"/v1/unsubscribe/{token}")
    link = re.search(r'href="(/v1/preferences/[^"]+)"', stopped.text)
    assert link is not None
    page = (await client.get(link[1])).text
    assert "Begin again" in page
    assert ANN in page
    again = await client.post(link[1], data={"stream": "partner_progress", "mail": "on"})
    assert again.status_code == 303
    assert "Begin again" not in (await client.get(again.headers["location"])).text
    await desk.plan(statement("p1", ANN, period="2026-04"))
    async with desk.sending():
        await desk.until(lambda states: set(states.values()) == {"accepted"})


async def test_looking_changes_nothing_and_stopping_twice_is_no_error(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    path = f"/v1/preferences/{await token_of(desk)}"
    for _ in range(2):
        assert ">On<" in (await client.get(path)).text
    for _ in range(2):
        sent = await client.post(path, data={"stream": "partner_progress", "mail": "off"})
        assert sent.status_code == 303
    assert ">Stopped<" in (await client.get(path)).text
    assert await desk.pool.fetchval("SELECT reason FROM suppression") == "unsubscribed"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"stream": "others", "mail": "off"}, 422),
        ({"stream": "partner_progress", "mail": "maybe"}, 422),
        ({"stream": "partner_progress"}, 422),
        ({}, 422),
    ],
)
async def test_what_no_form_sends_is_refused(
    desk: Desk, client: httpx.AsyncClient, data: dict[str, str], status: int
) -> None:
    path = f"/v1/preferences/{await token_of(desk)}"
    assert (await client.post(path, data=data)).status_code == status
    assert await desk.pool.fetchval("SELECT count(*) FROM suppression") == 0


@pytest.mark.parametrize("token", ["nonsense", "0b9c3f5e-6f0a-4c59-9df6-0a2f6f7d1c11"])
async def test_a_link_that_is_none_of_ours_leads_nowhere(
    client: httpx.AsyncClient, token: str
) -> None:
    path = f"/v1/preferences/{token}"
    assert (await client.get(path)).status_code == 404
    sent = await client.post(path, data={"stream": "partner_progress", "mail": "off"})
    assert sent.status_code == 404


async def test_a_chosen_language_counts_before_what_is_told_of_a_recipient(
    desk: Desk, client: httpx.AsyncClient, sink: ChaosSink
) -> None:
    token = await token_of(desk)
    page = await client.get(
        f"/v1/preferences/{token}", headers={"Accept-Language": "de-DE,de;q=0.9"}
    )
    assert '<html lang="de"' in page.text
    chosen = await client.post(f"/v1/preferences/{token}", data={"language": "de"})
    assert chosen.status_code == 303
    page = await client.get(f"/v1/preferences/{token}", headers={"Accept-Language": "en"})
    assert '<html lang="de"' in page.text
    told = statement("p1", ANN, period="2026-04")
    told["recipients"][0]["locale"] = "en-GB"
    await desk.plan(told, statement("p1", "ben@partner.example", period="2026-05"))
    async with desk.sending():
        await desk.until(lambda states: set(states.values()) == {"accepted"})
    written = {mail.recipient: mail.content.decode() for mail in sink.mails}
    assert 'lang="de"' in written[ANN].replace("=3D", "=").replace("=\r\n", "")
    assert 'lang="en"' in written["ben@partner.example"].replace("=3D", "=").replace("=\r\n", "")


async def test_a_recipients_own_locale_is_the_language_of_its_mail(
    desk: Desk, client: httpx.AsyncClient, sink: ChaosSink
) -> None:
    told = statement("p2", "eva@partner.example")
    told["recipients"][0]["locale"] = "de-CH"
    await desk.plan(told)
    async with desk.sending():
        await desk.until(lambda states: set(states.values()) == {"accepted"})
    [mail] = [one for one in sink.mails if one.recipient == "eva@partner.example"]
    assert b"Ihr Erfolgsplan" in mail.content
    refused = await client.post(
        f"/v1/preferences/{await token_of_recipient(desk, ANN)}", data={"language": "xx"}
    )
    assert refused.status_code == 422


async def token_of_recipient(desk: Desk, recipient: str) -> str:
    query = "SELECT token FROM subscription_link WHERE recipient = $1"
    return str(await desk.pool.fetchval(query, recipient))
