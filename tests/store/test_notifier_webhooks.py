"""Webhooks out: registered by administrators, told by several replicas, every try kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from standardwebhooks.webhooks import WebhookVerificationError

from services.notifier import handlers
from services.notifier.consumers import on_ticks
from services.notifier.domain.backoff import Backoff
from services.notifier.domain.webhook import CallState, Reply
from services.notifier.store import as_told
from services.notifier.webhooks import store
from services.notifier.webhooks.api import MOST, webhook_router, webhooks_router
from services.notifier.webhooks.calling import CallerParts, WebhookCaller
from services.notifier.webhooks.post import Poster
from shared.events.envelope import Envelope, to_headers
from shared.events.progress import GOAL_CROSSED, GoalCrossed
from shared.kernel.ids import named_id, new_id
from shared.messaging.message import Record
from shared.web.app import create_app
from shared.web.auth import Authenticator, Principal
from tests.store.notifier_parts import NOW, ChaosSink, Desk, ended, statement
from tests.store.webhook_receiver import HANG, Receiver

Data = dict[str, Any]
QUICK = Backoff(timedelta(milliseconds=50), timedelta(milliseconds=100), timedelta(seconds=60))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = await Receiver().start()
    yield made
    await made.stop()


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    made = Poster(is_local=True, timeout_s=1)
    yield made
    await made.close()


@pytest.fixture
async def client(
    desk: Desk, poster: Poster, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    async def authenticate(_self: Authenticator, token: str) -> Principal:
        return Principal("tester", frozenset({token}))

    monkeypatch.setattr(Authenticator, "authenticate", authenticate)
    app: FastAPI = create_app(
        "notifier",
        desk.settings,
        lifespan=None,  # type: ignore[arg-type] # nothing runs behind these doors
        routers=[webhooks_router(desk.pool, desk.clock, poster), webhook_router(desk.pool)],
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://notifier.example",
        headers={"Authorization": "Bearer administrator"},
    ) as made:
        yield made


async def registered(client: httpx.AsyncClient, url: str, *events: str) -> Data:
    body: Data = {"url": url} | ({"events": list(events)} if events else {})
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    made: Data = answer.json()
    return made


async def calls_of(client: httpx.AsyncClient, webhook: Data, **query: Any) -> list[Data]:
    path = f"/v1/webhooks/{webhook['webhook_id']}/events"
    found: list[Data] = (await client.get(path, params=query)).raise_for_status().json()["items"]
    return found


async def attempts_of(client: httpx.AsyncClient, webhook: Data) -> list[Data]:
    path = f"/v1/webhooks/{webhook['webhook_id']}/attempts"
    found: list[Data] = (await client.get(path)).raise_for_status().json()["items"]
    return found


async def until(client: httpx.AsyncClient, webhook: Data, *states: str) -> list[Data]:
    """Wait until the webhook's events stand so, in any order."""
    found: list[Data] = []
    for _ in range(500):
        found = await calls_of(client, webhook)
        if sorted(one["state"] for one in found) == sorted(states):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError([one["state"] for one in found])


def caller_of(desk: Desk, poster: Poster, backoff: Backoff = QUICK) -> WebhookCaller:
    parts = CallerParts(desk.pool, desk.clock, desk.worker, poster, backoff)
    return WebhookCaller(parts)


@asynccontextmanager
async def calling(
    desk: Desk, poster: Poster, backoff: Backoff = QUICK
) -> AsyncIterator[WebhookCaller]:
    """A caller at work as long as the block lasts; webhooks that fail get no peace in tests."""
    await desk.keeper.beat()
    caller = caller_of(desk, poster, backoff)
    task = asyncio.create_task(caller.run())
    peace = asyncio.create_task(no_peace(desk))
    try:
        yield caller
    finally:
        peace.cancel()
        task.cancel()
        await asyncio.gather(task, peace, return_exceptions=True)
        await caller.stop()


async def no_peace(desk: Desk) -> None:
    while True:
        await desk.pool.execute("UPDATE webhook SET quiet_until = '-infinity'")
        await asyncio.sleep(0.05)


def crossed(turn: int = 1, **changes: Any) -> GoalCrossed:
    told: Data = {
        "plan_id": named_id("plan", "p1"),
        "strategy_id": named_id("strategy", "s1"),
        "partner_id": "p1",
        "goal_id": named_id("goal", "g1"),
        "goal_name": "Closed won",
        "goal_type": "closed_won_total_deals_amount",
        "unit": "USD",
        "turn": turn,
        "reached": turn % 2 == 1,
        "figure": Decimal("150.50"),
        "target": Decimal(100),
        "crossed_at": NOW,
    }
    return GoalCrossed.model_validate(told | changes)


def record_of(event: GoalCrossed) -> Record:
    event_id = named_id("crossing", event.goal_id, str(event.turn))
    envelope = Envelope(event_id, GOAL_CROSSED, "/milepost/progress", NOW)
    headers = tuple(to_headers(envelope))
    return Record("milepost.progress.v1", 0, event.turn, b"p1", event.value(), headers, 0)


async def hear(desk: Desk, *events: GoalCrossed) -> None:
    handle = on_ticks(desk.pool, desk.clock, on_new=lambda: None)
    await handle([record_of(one) for one in events])


# --- what is told --------------------------------------------------------------------------------


async def test_goals_are_told_both_ways_signed_so_that_the_library_believes_it(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed(1), crossed(2, figure=Decimal("99.50")))
    async with calling(desk, poster):
        await until(client, webhook, "delivered", "delivered")
    told = {call.verified(webhook["secret"])["type"]: call for call in receiver.calls}
    assert set(told) == {"goal.reached", "goal.no_longer_reached"}
    assert told["goal.reached"].verified(webhook["secret"]) == {
        "type": "goal.reached",
        "timestamp": "2026-03-01T08:00:30.000000Z",
        "data": {
            "plan_id": named_id("plan", "p1"),
            "strategy_id": named_id("strategy", "s1"),
            "partner_id": "p1",
            "goal_id": named_id("goal", "g1"),
            "goal_name": "Closed won",
            "goal_type": "closed_won_total_deals_amount",
            "unit": "USD",
            "turn": 1,
            "value": "150.50",
            "target": "100.00",
        },
    }
    assert told["goal.reached"].headers["content-type"] == "application/json"
    assert receiver.calls[0].path == "/hook"


async def test_a_changed_body_id_or_secret_is_not_believed(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed())
    async with calling(desk, poster):
        await receiver.until(1)
    [call] = receiver.calls
    other = await registered(client, receiver.url())
    with pytest.raises(WebhookVerificationError):
        call.verified(other["secret"])
    call.body = call.body.replace(b"150.50", b"950.50")
    with pytest.raises(WebhookVerificationError):
        call.verified(webhook["secret"])


async def test_statements_sent_and_deliveries_failed_are_told_without_an_address(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver, sink: ChaosSink
) -> None:
    sink.answer = lambda stage, mail: (
        b"550 5.1.1 <ben@two.example> unknown\r\n"
        if stage == "rcpt" and mail.recipient.startswith("ben")
        else None
    )
    webhook = await registered(client, receiver.url())
    await desk.plan(statement("p1", "ann@one.example", "ben@two.example"))
    async with desk.sending():
        await desk.until(ended("accepted", "failed"))
    async with calling(desk, poster):
        await until(client, webhook, "delivered", "delivered")
    told = {call.verified(webhook["secret"])["type"]: call.body for call in receiver.calls}
    sent, failed = (json.loads(told[one]) for one in ("statement.sent", "delivery.failed"))
    assert (sent["data"]["plan_id"], sent["data"]["period"]) == ("p1", "2026-03")
    assert failed["data"]["reason"] == "the mail server answered 550 5.1.1"
    assert not [body for body in told.values() if b"one.example" in body or b"two.exam" in body]


async def test_of_sellers_nothing_is_told(desk: Desk, client: httpx.AsyncClient) -> None:
    webhook = await registered(client, "http://127.0.0.1:9/hook")
    await desk.plan(statement("p1", "ann@one.example"))
    rows = await desk.pool.fetch(
        "UPDATE delivery SET stream = 'seller_insights', state = 'accepted'"
        " RETURNING *, last_error AS reason"
    )
    async with desk.pool.acquire() as connection:
        await handlers.tell(connection, as_told(rows), NOW)
    assert await calls_of(client, webhook) == []


async def test_a_webhook_hears_what_it_asked_for_and_nothing_from_before(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    await hear(desk, crossed(1))
    webhook = await registered(client, "http://127.0.0.1:9/hook", "goal.reached")
    await hear(desk, crossed(2), crossed(3))
    assert [one["type"] for one in await calls_of(client, webhook)] == ["goal.reached"]


async def test_an_event_that_is_heard_again_is_told_once(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    webhook = await registered(client, "http://127.0.0.1:9/hook")
    await hear(desk, crossed(1), crossed(1))
    await hear(desk, crossed(1))
    assert len(await calls_of(client, webhook)) == 1


# --- trying again --------------------------------------------------------------------------------


async def test_it_is_tried_again_under_the_same_id_until_it_is_taken(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    answers = iter([500, 302, 429, 200])
    receiver.answer = lambda _call: next(answers)
    receiver.extra = f"Location: {receiver.url('/elsewhere')}\r\n".encode()
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed())
    async with calling(desk, poster):
        [event] = await until(client, webhook, "delivered")
    assert receiver.ids() == [event["event_id"]] * 4
    assert {call.path for call in receiver.calls} == {"/hook"}
    assert len({call.body for call in receiver.calls}) == 1
    tries = await attempts_of(client, webhook)
    assert [one["status"] for one in tries] == [200, 429, 302, 500]
    assert event["attempts"] == 4


async def test_one_who_never_answers_is_given_up_and_can_be_told_again(
    desk: Desk, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    receiver.answer = lambda _call: HANG
    impatient = Poster(is_local=True, timeout_s=0.2)
    short = Backoff(timedelta(milliseconds=10), timedelta(milliseconds=10), timedelta(seconds=0.03))
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed())
    async with calling(desk, impatient, short):
        [event] = await until(client, webhook, "failed")
        assert event["attempts"] == 3
        assert (await attempts_of(client, webhook))[0]["error"] == "no answer within 0.2 s"
        receiver.answer = lambda _call: 200
        path = f"/v1/webhooks/{webhook['webhook_id']}/events/{event['event_id']}/replay"
        assert (await client.post(path)).status_code == 202
        await until(client, webhook, "delivered")
    assert set(receiver.ids()) == {event["event_id"]}
    assert (await client.post(path)).status_code == 202
    assert (await client.post(path)).status_code == 409
    await impatient.close()


async def test_gone_is_not_tried_again(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    receiver.answer = lambda _call: 410
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed())
    async with calling(desk, poster):
        await until(client, webhook, "failed")
    assert len(receiver.calls) == 1


async def test_one_who_hangs_holds_nobody_else_up(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    silent = await Receiver(answer=lambda _call: HANG).start()
    await registered(client, silent.url())
    webhook = await registered(client, receiver.url())
    await hear(desk, *(crossed(turn) for turn in range(1, 41)))
    async with calling(desk, poster):
        began = asyncio.get_running_loop().time()
        await until(client, webhook, *["delivered"] * 40)
        assert asyncio.get_running_loop().time() - began < 8
        assert len(silent.calls) < 40
    await silent.stop()


async def test_a_webhook_that_fails_is_given_peace(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    receiver.answer = lambda _call: 500
    webhook = await registered(client, receiver.url())
    await hear(desk, *(crossed(turn) for turn in range(1, 21)))
    await desk.keeper.beat()
    caller = caller_of(desk, poster)
    assert await caller.begin_some() == 4
    await receiver.until(4)
    for _ in range(100):
        if len(await attempts_of(client, webhook)) == 4:
            break
        await asyncio.sleep(0.02)
    assert await caller.begin_some() == 0
    [shown] = (await client.get("/v1/webhooks")).json()["items"]
    assert shown["failures"] == 4
    await caller.stop()


# --- several replicas, and ends in between -------------------------------------------------------


async def test_several_replicas_share_the_calls_and_make_each_once(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    await hear(desk, *(crossed(turn) for turn in range(1, 61)))
    other = Desk(desk.pool, desk.settings, desk.stub)
    async with calling(desk, poster), calling(other, poster):
        await until(client, webhook, *["delivered"] * 60)
    assert len(receiver.calls) == len(set(receiver.ids())) == 60


async def test_what_a_dead_worker_had_in_hand_is_told_by_another_under_the_same_id(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed())
    receiver.answer = lambda _call: HANG
    await desk.keeper.beat()
    dead = caller_of(desk, Poster(is_local=True, timeout_s=60))
    assert await dead.begin_some() == 1
    await receiver.until(1)
    await desk.die()
    receiver.answer = lambda _call: 200
    other = Desk(desk.pool, desk.settings, desk.stub)
    async with calling(other, poster):
        await other.keeper.take_over()
        [event] = await until(client, webhook, "delivered")
    assert receiver.ids() == [event["event_id"]] * 2
    for task in list(dead._calling):
        task.cancel()


async def test_a_late_word_of_one_thought_dead_changes_nothing(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    webhook = await registered(client, "http://127.0.0.1:9/hook")
    await hear(desk, crossed())
    await desk.keeper.beat()
    async with desk.pool.acquire() as connection:
        [old] = await store.claim_calls(connection, desk.worker, 4, 4)
        await store.free_own_calls(connection, desk.worker)
        [new] = await store.claim_calls(connection, desk.worker, 4, 4)
        assert new.fence == old.fence + 1
        failed = CallState.FAILED, timedelta()
        await store.record_call(connection, old, Reply(5, 410), failed, NOW)
    assert [one["state"] for one in await calls_of(client, webhook)] == ["claimed"]
    assert [one["status"] for one in await attempts_of(client, webhook)] == [410]


async def test_a_worker_that_is_not_alive_gets_no_calls(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    await registered(client, "http://127.0.0.1:9/hook")
    await hear(desk, crossed())
    async with desk.pool.acquire() as connection:
        assert await store.claim_calls(connection, new_id(), 4, 4) == []


# --- the doors -----------------------------------------------------------------------------------


async def test_a_secret_is_told_once_and_a_rotated_one_is_good_for_a_day(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    path = f"/v1/webhooks/{webhook['webhook_id']}/secret"
    rotated = (await client.post(path)).raise_for_status().json()
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != webhook["secret"]
    listed = (await client.get("/v1/webhooks")).text
    assert "whsec_" not in listed
    await hear(desk, crossed(1))
    async with calling(desk, poster):
        await receiver.until(1)
        for secret in (webhook["secret"], rotated["secret"]):
            assert receiver.calls[0].verified(secret)["type"] == "goal.reached"
        await desk.pool.execute("UPDATE webhook SET former_until = clock_timestamp()")
        await hear(desk, crossed(2))
        await receiver.until(2)
    assert receiver.calls[1].verified(rotated["secret"])
    with pytest.raises(WebhookVerificationError):
        receiver.calls[1].verified(webhook["secret"])


async def test_a_deleted_webhook_is_told_nothing_more(
    desk: Desk, client: httpx.AsyncClient, poster: Poster, receiver: Receiver
) -> None:
    webhook = await registered(client, receiver.url())
    await hear(desk, crossed(1))
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 404
    await hear(desk, crossed(2))
    async with calling(desk, poster):
        await asyncio.sleep(0.3)
    assert receiver.calls == []
    assert (await client.get(f"{path}/attempts")).status_code == 404


async def test_lists_go_on_page_by_page(desk: Desk, client: httpx.AsyncClient) -> None:
    webhook = await registered(client, "http://127.0.0.1:9/hook")
    await hear(desk, *(crossed(turn) for turn in range(1, 6)))
    await desk.keeper.beat()
    async with desk.pool.acquire() as connection:
        for call in await store.claim_calls(connection, desk.worker, 9, 9):
            again = CallState.PLANNED, timedelta()
            await store.record_call(connection, call, Reply(1, 500), again, NOW)
    for what, key in (("events", "event_id"), ("attempts", "attempt_id")):
        path, seen, cursor = f"/v1/webhooks/{webhook['webhook_id']}/{what}", [], ""
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(path, params=query)).raise_for_status().json()
            seen += [one[key] for one in page["items"]]
            cursor = page["next"]
            if not cursor:
                break
        assert len(seen) == len(set(seen)) == 5
        assert (await client.get(path, params={"cursor": "x"})).status_code == 422


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://169.254.169.254/latest/meta-data", "link-local"),
        ("ftp://one.example/hook", "https"),
        ("https://user:password@one.example/", "user"),
        ("https:///hook", "host"),
        ("not a url", "URL"),
        ("https://nobody.invalid/", "name server"),
    ],
)
async def test_a_url_that_is_refused_tells_the_field(
    client: httpx.AsyncClient, url: str, detail: str
) -> None:
    answer = await client.post("/v1/webhooks", json={"url": url})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/url"
    assert detail in error["detail"]


async def test_an_event_that_does_not_exist_is_refused(client: httpx.AsyncClient) -> None:
    body = {"url": "http://127.0.0.1:9/", "events": ["goal.missed"]}
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.json()["errors"][0]["pointer"] == "/events/0"
    body = {"url": "http://127.0.0.1:9/", "events": []}
    assert (await client.post("/v1/webhooks", json=body)).status_code == 422


@pytest.mark.parametrize("role", ["service", "partner_admin", "seller", "analyst"])
async def test_only_administrators_pass(client: httpx.AsyncClient, role: str) -> None:
    client.headers["Authorization"] = f"Bearer {role}"
    some = f"/v1/webhooks/{new_id()}"
    asked = [
        client.get("/v1/webhooks"),
        client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"}),
        client.delete(some),
        client.post(f"{some}/secret"),
        client.get(f"{some}/events"),
        client.get(f"{some}/attempts"),
        client.post(f"{some}/events/{new_id()}/replay"),
    ]
    assert {(await one).status_code for one in asked} == {403}


async def test_there_are_not_more_than_fit(client: httpx.AsyncClient, desk: Desk) -> None:
    for number in range(MOST):
        await registered(client, f"http://127.0.0.1:9/{number}")
    answer = await client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/more"})
    assert answer.status_code == 409
