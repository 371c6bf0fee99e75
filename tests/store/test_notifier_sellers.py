"""Sellers' mails in the notifier's tables: what is kept, and that leaving forgets all of it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.notifier import handlers, store
from services.notifier.domain.delivery import Settlement, State, impersonal
from services.notifier.store import End, Start
from shared.events.seller_plans import SellerTickDue
from shared.kernel.ids import named_id
from tests.store.notifier_parts import (
    DUE,
    ChaosSink,
    Desk,
    ended,
)
from tests.unit.test_notifier_insight_mail import insights

CANARY = "canary.bird@corp.example"
PARTICIPANT = "5f0c1c3e-7d0e-4b1d-9c53-0a6a3c1f9a11"


def seller_tick(participant: str = PARTICIPANT, period: str = "2026-02") -> SellerTickDue:
    return SellerTickDue(
        tick_id=named_id("tick", participant, period),
        seller_plan_id="sp1",
        participant_id=participant,
        period=period,
        due_at=DUE,
    )


def told(tick: SellerTickDue, email: str = CANARY) -> dict[str, Any]:
    return {
        "kind": "seller",
        "tick_id": tick.tick_id,
        "plan_id": tick.seller_plan_id,
        "participant_id": tick.participant_id,
        "period": tick.period,
        "due_at": tick.due_at.isoformat(),
        "recipients": [{"email": email, "name": "Canary Bird"}],
        "insights": insights(),
        "plan_name": "Seller success plan",
    }


async def take(desk: Desk, *ticks: SellerTickDue) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        await handlers.take_ticks(connection, ticks, desk.clock.now())


async def leave(desk: Desk, participant: str = PARTICIPANT) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        await handlers.forget_participants(connection, [participant], desk.clock.now())


async def plan(desk: Desk, *ticks: SellerTickDue) -> None:
    desk.stub.add(*(told(tick) for tick in ticks))
    await take(desk, *ticks)
    await desk.plan_all()


async def everything_kept(desk: Desk) -> str:
    """All rows of all tables the notifier owns, as text."""
    tables = await desk.pool.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    kept = []
    for [table] in tables:
        rows = await desk.pool.fetch(f'SELECT to_jsonb(t)::text FROM "{table}" t')
        kept += [row[0] for row in rows]
        # Bytes are shown in hexadecimal: those of the outbox are read as what they are.
    outbox = await desk.pool.fetch("SELECT value FROM outbox")
    return "\n".join([*kept, *(row["value"].decode() for row in outbox)]).lower()


def holds_canary(kept: str) -> bool:
    return "canary" in kept or CANARY.encode().hex() in kept


async def test_leaving_forgets_the_address_wherever_it_stood(desk: Desk, sink: ChaosSink) -> None:
    await plan(desk, seller_tick(), seller_tick(period="2026-03"))
    async with desk.sending():
        await desk.until(ended("accepted"))
    assert {mail.recipient for mail in sink.mails} == {CANARY}
    assert holds_canary(await everything_kept(desk))
    await leave(desk)
    assert not holds_canary(await everything_kept(desk))


async def test_ids_that_outlast_a_person_do_not_follow_from_the_address(desk: Desk) -> None:
    tick = seller_tick()
    await plan(desk, tick)
    [row] = (await desk.deliveries()).values()
    for whom in (CANARY, CANARY.upper()):
        guessed = named_id("delivery", "seller_insights", "sp1", tick.period, whom)
        assert guessed != str(row["delivery_id"])
        assert guessed not in row["message_id"]


async def test_what_a_server_says_of_a_person_is_not_written_down(
    desk: Desk, sink: ChaosSink
) -> None:
    answer = b"550 5.1.1 <canary.bird@corp.example>: canary is not here\r\n"
    sink.answer = lambda stage, _mail: answer if stage == "rcpt" else None
    await plan(desk, seller_tick())
    async with desk.sending():
        await desk.until(ended("failed"))
    [row] = (await desk.deliveries()).values()
    assert row["last_error"] == "the mail server answered 550 5.1.1"
    messages = [json.loads(one["value"]) for one in await desk.pool.fetch("SELECT * FROM outbox")]
    assert messages
    assert "canary" not in json.dumps(messages)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <a@x>: no", "the mail server answered 550 5.1.1"),
        ("given up: 450 a@x is busy", "the mail server answered 450"),
        ("cannot be written: ValueError('a@x')", "cannot be written"),
        ("the connection was lost", "the connection was lost"),
    ],
)
def test_of_an_error_the_codes_are_left_or_our_own_words(said: str, kept: str) -> None:
    assert impersonal(Settlement(State.FAILED, error=said)).error == kept


async def test_a_tick_that_comes_after_leaving_is_not_taken_up(desk: Desk) -> None:
    await leave(desk)
    tick = seller_tick()
    await plan(desk, tick)
    assert await desk.tick_states() == {"sp1": ("skipped", "left")}
    assert not holds_canary(await everything_kept(desk))


async def test_a_statement_that_comes_after_leaving_plans_nothing(desk: Desk) -> None:
    tick = seller_tick()
    await take(desk, tick)
    desk.stub.add(told(tick))
    await leave(desk)
    await desk.plan_all()
    assert await desk.deliveries() == {}
    assert not holds_canary(await everything_kept(desk))


@pytest.mark.parametrize(
    "outcome",
    [
        Settlement(State.ACCEPTED, queue_id="q1"),
        Settlement(State.FAILED, error="550 no"),
        Settlement(State.PLANNED, error="450 later", retry_after=timedelta(seconds=1)),
        Settlement(State.UNKNOWN, error="no answer"),
    ],
    ids=lambda one: str(one.state),
)
async def test_who_leaves_while_the_mail_goes_out_is_forgotten_with_its_outcome(
    desk: Desk, outcome: Settlement
) -> None:
    await plan(desk, seller_tick())
    async with desk.pool.acquire() as connection:
        [claim] = await store.claim_deliveries(connection, desk.worker, 10)
        at = desk.clock.now()
        await handlers.record_turn(connection, desk.worker, [], [Start(claim, at)], at)
        assert (await desk.states())[CANARY] == "sending"
        await leave(desk)
        assert holds_canary(await everything_kept(desk))
        async with connection.transaction():
            await handlers.record_turn(connection, desk.worker, [End(claim, outcome)], [], at)
    assert not holds_canary(await everything_kept(desk))
    assert set((await desk.states()).values()) <= {"accepted", "failed", "suppressed"}


async def test_who_leaves_while_a_mail_is_in_doubt_is_forgotten_at_once(desk: Desk) -> None:
    await plan(desk, seller_tick())
    async with desk.pool.acquire() as connection:
        [claim] = await store.claim_deliveries(connection, desk.worker, 10)
        at = desk.clock.now()
        await handlers.record_turn(connection, desk.worker, [], [Start(claim, at)], at)
    await desk.die()
    await desk.keeper.take_over()
    assert (await desk.states())[CANARY] == "unknown"
    await leave(desk)
    assert not holds_canary(await everything_kept(desk))
    [row] = (await desk.deliveries()).values()
    assert (row["state"], row["last_error"]) == ("suppressed", "left; it may have arrived")
    assert await desk.pool.fetchval("SELECT count(*) FROM statement") == 0


async def test_a_failed_mail_cannot_be_sent_again_once_nothing_is_kept_of_it(
    desk: Desk, sink: ChaosSink
) -> None:
    sink.answer = lambda stage, _mail: b"550 no\r\n" if stage == "rcpt" else None
    await plan(desk, seller_tick())
    async with desk.sending():
        await desk.until(ended("failed"))
    [row] = (await desk.deliveries()).values()
    assert not await store.send_again(desk.pool, str(row["delivery_id"]), "again")


async def test_the_link_of_who_left_goes_on_to_work_for_nobody(desk: Desk, sink: ChaosSink) -> None:
    await plan(desk, seller_tick())
    async with desk.sending():
        await desk.until(ended("accepted"))
    token = await desk.pool.fetchval("SELECT token FROM subscription_link")
    await leave(desk)
    link = await store.find_link(desk.pool, str(token))
    assert link is not None
    assert link.recipient == f"participant {PARTICIPANT}"
