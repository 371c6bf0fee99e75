"""Rates per recipient domain and slow start, shared by all processes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.notifier.domain.pacing import Pacing, asks_for_slower_mails, read_rates
from services.notifier.pacing import claim_paced_deliveries, slow_down
from services.notifier.settings import NotifierSettings
from shared.kernel.ids import new_id
from tests.backends.database import Database
from tests.store.notifier_parts import (
    ChaosSink,
    Desk,
    ProgressStub,
    Received,
    ended,
    pooled,
    settings_for,
    statement,
)

SLOW, FAST = "slow.example", "fast.example"


@pytest.fixture
async def paced(database: Database, sink: ChaosSink) -> AsyncIterator[Any]:
    """Makes a desk with settings of its own; all of them share the database."""
    url = database.url("notifier")
    async with pooled(url) as pool:
        yield lambda **settings: Desk(
            pool, settings_for(url, sink.port, **settings), ProgressStub()
        )


def mails(domain: str, count: int) -> list[dict[str, Any]]:
    return [statement(f"{domain}-{n}", f"a{n}@{domain}") for n in range(count)]


async def claimed(desk: Desk, most: int = 100, worker: str | None = None) -> Counter[str]:
    """What is claimed now, by domain."""
    pacing = desk.settings.pacing
    assert pacing is not None
    async with desk.pool.acquire() as connection:
        found = await claim_paced_deliveries(connection, worker or desk.worker, most, pacing)
    return Counter(one.recipient.partition("@")[2] for one in found)


async def later(desk: Desk, seconds: float) -> None:
    """Let time pass for the paces: their moments move back."""
    await desk.pool.execute(
        "UPDATE mail_pace SET next_at = next_at - make_interval(secs => $1),"
        " started_at = started_at - make_interval(secs => $1),"
        " quiet_until = quiet_until - make_interval(secs => $1)",
        seconds,
    )


async def test_a_domain_gets_what_its_rate_allows_and_others_what_they_want(paced: Any) -> None:
    desk = paced(mail_rates=f"{SLOW}=3")
    await desk.plan(*mails(SLOW, 20), *mails(FAST, 20))
    assert await claimed(desk) == {SLOW: 3, FAST: 20}
    assert await claimed(desk) == {}
    await later(desk, 1)
    assert await claimed(desk) == {SLOW: 3}


async def test_a_rate_below_one_is_a_mail_now_and_then(paced: Any) -> None:
    desk = paced(mail_rates="*=0.1")
    await desk.plan(*mails(SLOW, 3))
    assert await claimed(desk) == {SLOW: 1}
    await later(desk, 9)
    assert await claimed(desk) == {}
    await later(desk, 1)
    assert await claimed(desk) == {SLOW: 1}


async def test_the_mails_of_a_domain_that_is_used_up_hold_nobody_up(paced: Any) -> None:
    desk = paced(mail_rates=f"{SLOW}=1")
    await desk.plan(*mails(SLOW, 60))
    await desk.pool.execute("UPDATE delivery SET due_at = due_at - interval '1 day'")
    await desk.plan(*mails(FAST, 5))
    assert await claimed(desk, most=10) == {SLOW: 1, FAST: 5}


async def test_several_processes_share_the_rate(paced: Any) -> None:
    desks = [paced(mail_rates="*=5") for _ in range(4)]
    await desks[0].plan(*mails(SLOW, 60))
    for one in desks:
        await one.keeper.beat()
    found = await asyncio.gather(*(claimed(one) for one in desks for _ in range(3)))
    assert sum(one[SLOW] for one in found) == 5


async def test_a_domain_begins_slowly_and_doubles_up_to_its_bound(paced: Any) -> None:
    desk = paced(mail_rates="*=12", mail_slow_start=2, mail_slow_start_doubles_s=60)
    await desk.plan(*mails(SLOW, 80))
    seen = []
    for _ in range(5):
        seen.append((await claimed(desk))[SLOW])
        await later(desk, 60)
    assert seen == [2, 4, 8, 12, 12]


async def test_a_domain_that_asks_for_it_is_left_alone_and_begins_anew(paced: Any) -> None:
    desk = paced(mail_slow_start=2, mail_slow_start_doubles_s=60, mail_domain_quiet_s=30)
    await desk.plan(*mails(SLOW, 80))
    await claimed(desk)
    await later(desk, 120)
    assert (await claimed(desk))[SLOW] == 8
    await slowed(desk)
    await later(desk, 20)
    assert await claimed(desk) == {}
    await later(desk, 11)
    assert (await claimed(desk))[SLOW] == 2


async def slowed(desk: Desk) -> float:
    """The domain asks for slower mails; gives for how many seconds it is left alone."""
    pacing = desk.settings.pacing
    assert isinstance(pacing, Pacing)
    async with desk.pool.acquire() as connection:
        await slow_down(connection, {SLOW}, pacing)
        left = "SELECT extract(epoch FROM quiet_until - clock_timestamp()) FROM mail_pace"
        return round(float(await connection.fetchval(left)))


async def test_who_asks_again_is_left_alone_for_longer_but_not_for_each_mail(paced: Any) -> None:
    desk = paced(mail_rates="*=1", mail_domain_quiet_s=30)
    seen = []
    for _ in range(3):
        assert await slowed(desk) == await slowed(desk)
        seen.append(await slowed(desk))
        await later(desk, seen[-1] + 1)
    assert seen == [30, 60, 120]
    for _ in range(6):
        last = await slowed(desk)
        await later(desk, last + 1)
    assert last == 15 * 60
    await later(desk, 3700)
    assert await slowed(desk) == 30


async def test_one_domain_answers_421_while_others_flow(paced: Any, sink: ChaosSink) -> None:
    told: list[str] = []

    def answer(stage: str, mail: Received) -> bytes | None:
        if stage == "rcpt":
            told.append(mail.recipient)
            return b"421 4.7.0 slow down\r\n" if mail.recipient.endswith(SLOW) else None
        return None

    sink.answer = answer
    settings = {"mail_slow_start": 2, "mail_domain_quiet_s": 60, "mail_rates": f"{FAST}=1000"}
    desks = [paced(**settings) for _ in range(2)]
    await desks[0].plan(*mails(SLOW, 40), *mails(FAST, 40))
    await desks[0].pool.execute("INSERT INTO mail_pace VALUES ($1, '-infinity')", FAST)
    async with AsyncExitStack() as running:
        for desk in desks:
            await running.enter_async_context(desk.sending())
        await desks[0].until(lambda found: list(found.values()).count("accepted") == 40)
        await asyncio.sleep(2)
        states = Counter((await desks[0].states()).items())
        slow = [one for one in told if one.endswith(SLOW)]
        assert len(slow) <= 4, slow
        assert {state for (_, state) in states} == {"accepted", "planned"}
        sink.answer = lambda _stage, _mail: None
        await desks[0].pool.execute(
            "UPDATE mail_pace SET quiet_until = '-infinity', started_at = '-infinity'"
        )
        await desks[0].until(ended("accepted"))
    assert len(sink.mails) == 80
    assert len(set(sink.ids())) == 80


async def test_what_the_mail_server_says_of_itself_slows_no_domain(
    paced: Any, sink: ChaosSink
) -> None:
    left = [b"421 too many connections\r\n"]
    sink.answer = lambda stage, _mail: left.pop() if stage == "mail" and left else None
    desk = paced(mail_slow_start=10)
    await desk.plan(*mails(SLOW, 1))
    async with desk.sending():
        await desk.until(ended("accepted"))
    assert await desk.pool.fetchval("SELECT deferrals FROM mail_pace") == 0


async def test_a_worker_that_is_not_alive_gets_no_mails(paced: Any) -> None:
    desk = paced(mail_rates="*=5")
    await desk.plan(*mails(SLOW, 3))
    assert await claimed(desk, worker=new_id()) == {}


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ("421 closing", True),
        ("450 4.7.1 too many messages", True),
        ("451 4.7.0 try later", True),
        ("450 4.2.1 greylisted", False),
        ("452 4.2.2 mailbox full", False),
        ("450 mailbox busy", False),
        ("550 4.7.1 never", False),
    ],
)
def test_which_answers_are_about_the_pace(answer: str, means: bool) -> None:
    assert asks_for_slower_mails(answer) is means


@pytest.mark.parametrize("text", ["one.example", "=5", "one.example=", "one.example=-1", "*=0"])
def test_a_rate_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("*", r"\*")):
        read_rates(text)


def test_without_settings_nothing_is_paced(database: Database) -> None:
    plain: NotifierSettings = settings_for(database.url("notifier"), 1)
    assert plain.pacing is None
    given = settings_for(database.url("notifier"), 1, mail_rates="A.example=2 *=5").pacing
    assert given is not None
    assert (given.bounds, given.others, given.first) == ({"a.example": 2}, 5, None)
