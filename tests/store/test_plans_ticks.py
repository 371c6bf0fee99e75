"""Ticks: one per plan and period, ever, as of its own due time, whichever replica issues it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.plans.handlers import ticks as handler
from services.plans.handlers.desk import Desk
from services.plans.handlers.plans import delete_plan
from services.plans.handlers.strategies import delete_strategy, redefine_strategy
from services.plans.handlers.ticks import follow_settings, issue_due_ticks
from services.plans.schedule import Completeness
from services.plans.store import strategies
from shared.messaging.offsets import At
from tests.backends.database import Database
from tests.store.plans_desk import (
    DEALS,
    a_desk,
    forget_told,
    partners,
    plan,
    redraft,
    strategy,
    told,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


async def ticks(desk: Desk) -> list[tuple[str, str, str]]:
    """Partner, period and due time of the ticks told, in order."""
    return [
        (data["partner_id"], data["period"], data["due_at"])
        for kind, data, _ in await told(desk)
        if kind == "milepost.plans.tick.due.v1"
    ]


async def test_a_plan_is_due_monthly_from_its_start(module_database: Database) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS, start=date(2026, 1, 31))
        await plan(desk, of, "a")
        clock.set(utc(2026, 1, 31, 8))
        assert await issue_due_ticks(desk) == 0
        clock.set(utc(2026, 1, 31, 8, 0, 1))
        assert await issue_due_ticks(desk) == 1
        assert await issue_due_ticks(desk) == 0
        clock.set(utc(2028, 1, 1))
        assert await issue_due_ticks(desk) == 11
        found = await ticks(desk)
        assert [period for _, period, _ in found] == [f"2026-{month:02}" for month in range(1, 13)]
        assert [due for *_, due in found][:3] == [
            "2026-01-31T08:00:00Z",
            "2026-02-28T08:00:00Z",
            "2026-03-31T08:00:00Z",
        ]
        assert await issue_due_ticks(desk) == 0


async def test_dues_are_local_hours(module_database: Database) -> None:
    async with a_desk(module_database, at=utc(2026, 3, 1), zone="Europe/Berlin", hour=9) as (
        desk,
        clock,
    ):
        await partners(desk, "a")
        await plan(desk, await strategy(desk, DEALS, start=date(2026, 3, 15)), "a")
        clock.set(utc(2026, 4, 30))
        await issue_due_ticks(desk)
        assert [due for *_, due in await ticks(desk)] == [
            "2026-03-15T08:00:00Z",
            "2026-04-15T07:00:00Z",
        ]


async def test_dues_from_before_the_plan_are_not_made_up_for(module_database: Database) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a", "b", "c")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        await plan(desk, of, "a")
        clock.set(utc(2026, 2, 10, 8))
        await plan(desk, of, "b")  # at the very moment
        clock.set(utc(2026, 2, 10, 9))
        await plan(desk, of, "c")
        await issue_due_ticks(desk)
        assert {(p, period) for p, period, _ in await ticks(desk)} == {
            ("a", "2026-01"),
            ("a", "2026-02"),
            ("b", "2026-02"),
        }


async def test_a_start_that_moves_takes_the_dues_along_and_makes_up_for_none(
    module_database: Database,
) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        await plan(desk, of, "a")
        clock.set(utc(2026, 3, 12))
        moved = redraft(of, start_date=date(2026, 1, 20))
        await redefine_strategy(desk, "me", of.strategy_id, moved, None)
        # what was owed up to the move is owed still, as it was
        assert [period for _, period, _ in await ticks(desk)] == ["2026-01", "2026-02", "2026-03"]
        clock.set(utc(2026, 4, 30))
        await issue_due_ticks(desk)
        assert [due[:10] for *_, due in await ticks(desk)] == [
            "2026-01-10",
            "2026-02-10",
            "2026-03-10",
            "2026-04-20",  # the 20th of March is a second March, which nobody gets
        ]


async def test_a_later_start_does_not_repeat_a_period(module_database: Database) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        await plan(desk, of, "a")
        clock.set(utc(2026, 1, 15))
        await plan(desk, of, "b")
        moved = redraft(of, start_date=date(2026, 1, 20))
        await redefine_strategy(desk, "me", of.strategy_id, moved, None)
        clock.set(utc(2026, 1, 31))
        await issue_due_ticks(desk)
        assert [(p, due[:10]) for p, _, due in await ticks(desk)] == [
            ("a", "2026-01-10"),
            ("b", "2026-01-20"),
        ]


async def test_what_is_deleted_gets_what_fell_due_before_and_nothing_after(
    module_database: Database,
) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        mine = (await plan(desk, of, "a")).plan
        await plan(desk, of, "b")
        clock.set(utc(2026, 2, 1))
        await delete_plan(desk, mine.plan_id, None)
        clock.set(utc(2026, 3, 1))
        await delete_strategy(desk, of.strategy_id, None)
        clock.set(utc(2027, 3, 1))
        assert await issue_due_ticks(desk) == 0
        assert [(p, period) for p, period, _ in await ticks(desk)] == [
            ("a", "2026-01"),
            ("b", "2026-01"),
            ("b", "2026-02"),
        ] or [(p, period) for p, period, _ in await ticks(desk)] == [
            ("b", "2026-01"),
            ("a", "2026-01"),
            ("b", "2026-02"),
        ]


async def test_a_strategy_of_the_past_owes_nothing(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a")
        await plan(desk, await strategy(desk, DEALS, start=date(2020, 1, 1)), "a")
        assert await issue_due_ticks(desk) == 0


async def test_several_strategies_are_caught_up_with_in_due_order(
    module_database: Database,
) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a")
        for day in (20, 5, 12):
            await plan(desk, await strategy(desk, DEALS, start=date(2026, 1, day)), "a")
        clock.set(utc(2026, 6, 1))
        assert await issue_due_ticks(desk) == 15
        dues = [due for *_, due in await ticks(desk)]
        assert dues == sorted(dues)
        accepted = [headers["ce_acceptedat"] for *_, headers in await told(desk)]
        assert accepted == sorted(accepted)


async def test_replicas_issue_each_tick_once(
    module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "AT_ONCE", 7)
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        names = [f"p{number}" for number in range(40)]
        await partners(desk, *names)
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        for name in names:
            await plan(desk, of, name)
        clock.set(utc(2026, 4, 1))
        done = 0
        while done < 120:
            done += sum(await asyncio.gather(*(issue_due_ticks(desk) for _ in range(4))))
        found = [(p, period) for p, period, _ in await ticks(desk)]
        assert len(found) == len(set(found)) == 120
        assert [period for _, period in found] == sorted(period for _, period in found)


async def test_a_mail_hour_that_changes_moves_the_dues_ahead_only(
    module_database: Database,
) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        await plan(desk, of, "a")
        clock.set(utc(2026, 1, 10, 9))
        for name, value in (("mail_hour", 17), ("zone", ZoneInfo("Asia/Tokyo"))):
            object.__setattr__(desk, name, value)
        await follow_settings(desk)
        clock.set(utc(2026, 3, 1))
        await issue_due_ticks(desk)
        assert [due for *_, due in await ticks(desk)] == [
            "2026-01-10T08:00:00Z",
            "2026-02-10T08:00:00Z",
        ]
        object.__setattr__(desk, "mail_hour", 6)
        await follow_settings(desk)
        clock.set(utc(2026, 4, 1))
        await issue_due_ticks(desk)
        assert (await ticks(desk))[-1][2] == "2026-03-09T21:00:00Z"


async def test_nothing_is_issued_while_a_change_that_may_be_earlier_is_under_way(
    module_database: Database,
) -> None:
    async with a_desk(module_database, at=utc(2026, 1, 1)) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS, start=date(2026, 1, 10))
        await plan(desk, of, "a")
        clock.set(utc(2026, 2, 1))
        async with desk.pool.acquire() as connection, connection.transaction():
            await strategies.take_write_lock(connection)
            assert await issue_due_ticks(desk) == 0
        assert await issue_due_ticks(desk) == 1


async def test_the_word_on_completeness_waits_for_changes_and_for_the_relay(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, clock):
        relays = False

        async def ends(topics: tuple[str, ...]) -> dict[At, int]:
            return {(topics[0], 0): 7}

        said = Completeness(desk, relays=lambda: relays, ends=ends)
        assert await said.bound() is None
        relays = True
        first = clock.now()
        assert await said.bound() == (first, {("milepost.plans.v1", 0): 7})
        async with desk.pool.acquire() as connection, connection.transaction():
            await strategies.take_write_lock(connection)
            assert await said.bound() is None
        await strategy(desk, DEALS)
        assert await said.bound() is None
        clock.advance(timedelta(seconds=5))
        await strategy(desk, DEALS)
        await desk.pool.execute("DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox)")
        found = await said.bound()
        assert found is not None
        assert found[0] == first
        await forget_told(desk)
        assert (await said.bound() or [None])[0] == clock.now()
