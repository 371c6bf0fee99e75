"""Ticks become deliveries once, or a reason that can be read."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from services.notifier import handlers, store
from services.notifier.domain.statement import Statement
from shared.kernel.ids import named_id
from tests.backends.database import Database
from tests.store.notifier_parts import (
    DUE,
    Desk,
    ProgressStub,
    pooled,
    settings_for,
    statement,
    tick,
)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    url = database.url("notifier")
    async with pooled(url) as pool:
        yield Desk(pool, settings_for(url, 1), ProgressStub())


async def test_a_tick_becomes_one_delivery_per_recipient(desk: Desk) -> None:
    await desk.plan(statement("p1", "Ann@One.example", "bob@one.example"))
    found = await desk.deliveries()
    assert set(found) == {"ann@one.example", "bob@one.example"}
    assert {row["state"] for row in found.values()} == {"planned"}
    assert found["ann@one.example"]["message_id"].endswith("@mail.example>")
    assert await desk.tick_states() == {"p1": ("planned", None)}


async def test_an_address_gets_one_mail_whatever_its_case(desk: Desk) -> None:
    await desk.plan(statement("p1", "Ann@One.example", "ANN@one.EXAMPLE", " ann@one.example"))
    assert list(await desk.deliveries()) == ["ann@one.example"]


async def test_a_repeated_tick_changes_nothing(desk: Desk) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    await desk.take(tick("p1"), tick("p1", due_at=DUE + timedelta(days=1)))
    await desk.plan_all()
    assert len(await desk.deliveries()) == 1
    assert await desk.tick_states() == {"p1": ("planned", None)}
    assert len(desk.stub.asked) == 1


async def test_a_second_tick_of_the_same_period_sends_nothing_more(desk: Desk) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    other = tick("p1").model_copy(update={"tick_id": "another"})
    desk.stub.add(statement("p1", "ann@one.example", tick_id="another"))
    await desk.take(other)
    await desk.plan_all()
    assert len(await desk.deliveries()) == 1
    rows = await store.list_ticks(desk.pool, "p1", None, "skipped", None, 10)
    assert [(row["tick_id"], row["reason"]) for row in rows] == [("another", "already_planned")]


async def test_planning_twice_at_once_plans_once(desk: Desk) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    again = [(one, "{}") for one in await _answers(desk)]
    async with desk.pool.acquire() as connection, connection.transaction():
        assert await handlers.plan_mails(connection, again, "mail.example", DUE) == []
    assert await desk.tick_states() == {"p1": ("planned", None)}


async def _answers(desk: Desk) -> list[Statement]:
    statements = desk.planner._statements
    return [one for one, _ in await statements.ask([named_id("tick", "p1", "2026-03")])]


async def test_a_partner_that_is_not_active_is_named_as_the_reason(desk: Desk) -> None:
    await desk.plan(statement("p1", reason="partner_inactive"), statement("p2"))
    assert await desk.deliveries() == {}
    assert await desk.tick_states() == {
        "p1": ("skipped", "partner_inactive"),
        "p2": ("skipped", "no_recipients"),
    }


async def test_an_address_that_cannot_be_written_to_fails_and_the_others_do_not(desk: Desk) -> None:
    bad = ["nobody", "two@@signs.example", "a b@x.example", "x@y.example\r\nBcc: z@z.example"]
    await desk.plan(statement("p1", *bad, "ann@one.example"))
    states = await desk.states()
    assert states.pop("ann@one.example") == "planned"
    assert set(states.values()) == {"failed"}
    assert all(
        row["last_error"].startswith("address: ")
        for name, row in (await desk.deliveries()).items()
        if name != "ann@one.example"
    )


async def test_an_unsubscribed_admin_gets_nothing_and_it_shows(desk: Desk) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    link = store.Link("partner_progress", "ann@one.example", None)
    async with desk.pool.acquire() as connection, connection.transaction():
        await handlers.stop_mails(connection, link, DUE)
    assert await desk.states() == {"ann@one.example": "suppressed"}
    await desk.plan(statement("p1", "Ann@one.example", period="2026-04"))
    rows = await desk.pool.fetch("SELECT state, last_error FROM delivery")
    assert {tuple(row) for row in rows} == {("suppressed", "unsubscribed")}
    assert set(await _all_tick_states(desk)) == {"done"}


async def _all_tick_states(desk: Desk) -> list[str]:
    return [row["state"] for row in await store.list_ticks(desk.pool, None, None, None, None, 9)]


async def test_progress_that_is_not_complete_is_asked_again(desk: Desk) -> None:
    desk.stub.refusals = [httpx.Response(503, headers={"Retry-After": "0"})]
    desk.stub.add(statement("p1", "ann@one.example"))
    await desk.take(tick("p1"))
    await desk.keeper.beat()
    assert await desk.planner.plan_some()
    row = await desk.pool.fetchrow("SELECT state, last_error, attempts FROM tick")
    assert tuple(row or ()) == ("waiting", "progress is not complete to the due time yet", 1)
    await desk.plan_all()
    assert await desk.tick_states() == {"p1": ("planned", None)}


@pytest.mark.parametrize(
    "refusal",
    [
        httpx.ConnectError("refused"),
        httpx.Response(500, text="broken"),
        httpx.Response(401, text="no"),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json={"statements": [{"tick_id": 7}]}),
        httpx.Response(200, json={"statements": []}),
    ],
    ids=["away", "500", "401", "no json", "broken statement", "no statement"],
)
async def test_without_a_statement_a_tick_waits_and_says_why(
    desk: Desk, refusal: httpx.Response | Exception
) -> None:
    desk.stub.refusals = [refusal]
    desk.stub.add(statement("p1", "ann@one.example"))
    await desk.take(tick("p1"))
    await desk.plan_all()
    row = await desk.pool.fetchrow(
        "SELECT state, last_error, claimed_by, next_try_at > clock_timestamp() FROM tick"
    )
    assert row is not None
    assert (row[0], row[2], row[3]) == ("waiting", None, True)
    assert row["last_error"]
    await desk.pool.execute("UPDATE tick SET next_try_at = '-infinity'")
    await desk.plan_all()
    assert await desk.tick_states() == {"p1": ("planned", None)}


async def test_one_unknown_tick_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.stub.unknown_is_404 = True
    plans = [f"p{number}" for number in range(40)]
    desk.stub.add(*(statement(plan, f"a@{plan}.example") for plan in plans if plan != "p17"))
    await desk.take(*(tick(plan) for plan in plans))
    await desk.plan_all()
    states = await desk.tick_states()
    assert states.pop("p17") == ("waiting", None)
    assert set(states.values()) == {("planned", None)}


async def test_a_batch_holds_ticks_of_one_due_time_the_earliest_first(desk: Desk) -> None:
    later = DUE + timedelta(days=31)
    desk.stub.add(
        statement("p1", "a@x.example"),
        statement("p1", "a@x.example", period="2026-04"),
        statement("p2", "b@x.example"),
    )
    await desk.take(tick("p1", "2026-04", later), tick("p1"), tick("p2"))
    await desk.plan_all()
    assert [len(asked) for asked in desk.stub.asked] == [2, 1]
    assert desk.stub.asked[1] == [named_id("tick", "p1", "2026-04")]


async def test_ticks_of_a_dead_process_are_taken_up_by_another(desk: Desk) -> None:
    await desk.take(tick("p1"))
    await desk.keeper.beat()
    async with desk.pool.acquire() as connection:
        assert await store.claim_ticks(connection, desk.worker, 10)
    heir = Desk(desk.pool, desk.settings, desk.stub)
    desk.stub.add(statement("p1", "ann@one.example"))
    await heir.plan_all()
    assert await desk.states() == {}
    await desk.die()
    await heir.keeper.take_over()
    await heir.plan_all()
    assert await desk.states() == {"ann@one.example": "planned"}


async def test_a_process_that_is_thought_dead_claims_nothing(desk: Desk) -> None:
    await desk.take(tick("p1"))
    await desk.keeper.beat()
    await desk.die()
    assert not await desk.planner.plan_some()


async def test_outcomes_are_told_through_the_outbox_without_addresses(desk: Desk) -> None:
    await desk.plan(statement("p1", "nobody", "ann@one.example"))
    rows = await desk.pool.fetch("SELECT topic, key, value FROM outbox")
    assert [(row["topic"], row["key"]) for row in rows] == [("milepost.deliveries.v1", "p1")]
    assert b'"state":"failed"' in rows[0]["value"]
    assert b"@one" not in rows[0]["value"]
