"""Strategies and plans on a real database: what is kept, what is told, what is refused."""

import asyncio
from datetime import date, timedelta

import pytest

from services.plans.domain.refusal import ConflictError, InvalidError, NotFoundError, StaleError
from services.plans.domain.strategy import GroupDraft
from services.plans.handlers.plans import delete_plan, open_plan, revise_plan
from services.plans.handlers.strategies import define_strategy, delete_strategy, redefine_strategy
from services.plans.store import plans, strategies
from services.plans.store.plans import Wanted
from shared.events.envelope import stamp
from shared.kernel.ids import new_id
from tests.backends.database import Database
from tests.store.plans_desk import (
    DEALS,
    NOW,
    WON,
    a_desk,
    forget_told,
    partners,
    plan,
    redraft,
    strategy,
    told,
)


async def test_a_strategy_is_told_whole(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        of = await strategy(desk, DEALS, WON, description="for us", partner_groups=["West"])
        [(kind, data, headers)] = await told(desk)
        assert kind == "milepost.plans.strategy.defined.v1"
        assert (headers["ce_source"], headers["ce_acceptedat"]) == ("/milepost/plans", stamp(NOW))
        group = of.goal_groups[0]
        deals, won = group.goals
        assert data == {
            "strategy_id": of.strategy_id,
            "version": 1,
            "name": of.name,
            "description": "for us",
            "start_date": "2026-01-01",
            "end_date": "2027-01-01",
            "quarter_starts": ["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01"],
            "partner_groups": ["West"],
            "goal_groups": [
                {
                    "group_id": group.group_id,
                    "name": "Sales",
                    "goals": [
                        {
                            "goal_id": deals.goal_id,
                            "type": "approved_registered_deals",
                            "name": "Approved Registered Deals",
                            "unit": "count",
                            "options": {
                                "activity_types": [],
                                "campaign_tags": [],
                                "count_earlier": False,
                                "deal_types": [],
                                "products": [],
                            },
                        },
                        {
                            "goal_id": won.goal_id,
                            "type": "closed_won_total_deals_amount",
                            "name": "Closed Won Total Deals Amount",
                            "unit": "USD",
                            "options": {
                                "activity_types": [],
                                "campaign_tags": [],
                                "count_earlier": False,
                                "currency": "USD",
                                "deal_types": [],
                                "products": [],
                            },
                        },
                    ],
                }
            ],
            "deleted": False,
        }


async def test_each_change_is_a_version_and_no_change_is_none(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, clock):
        await partners(desk, "a")
        of = await strategy(desk, DEALS)
        [deals] = of.goals
        mine = (await plan(desk, of, "a", {deals: {"annual": 10}})).plan
        await forget_told(desk)
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of), None)
        same = {deals: {"annual": "10"}}
        await revise_plan(desk, "me", mine.plan_id, same, reason=None, expected=None)
        assert await told(desk) == []
        clock.advance(timedelta(hours=1))
        more = {deals: {"q1": 9}}
        await revise_plan(desk, "me", mine.plan_id, more, reason="growth", expected=None)
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of, name="Other"), None)
        said = await told(desk)
        assert [(data["version"], kind.split(".")[2]) for kind, data, _ in said] == [
            (2, "plan"),
            (2, "strategy"),
        ]
        assert {headers["ce_acceptedat"][:19] for *_, headers in said} == {"2026-03-10T13:00:00"}
        [row] = await desk.pool.fetch("SELECT * FROM target_change")
        assert (row["who"], row["reason"], row["old"]["annual"], row["new"]["annual"]) == (
            "me",
            "growth",
            "10",
            "16",
        )


async def test_a_goal_goes_with_its_targets_in_every_plan_and_one_message(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS, WON)
        deals, won = of.goals
        for partner in ("a", "b"):
            await plan(desk, of, partner, {deals: {"annual": 10}, won: {"annual": 5}})
        await forget_told(desk)
        groups = [
            GroupDraft("Sales", redraft(of).goal_groups[0].goals[:1], of.goal_groups[0].group_id)
        ]
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of, goal_groups=groups), None)
        assert [data["version"] for _, data, _ in await told(desk)] == [2]
        left = await desk.pool.fetch("SELECT goal_id FROM target")
        assert {str(row["goal_id"]) for row in left} == {deals}
        history = await desk.pool.fetch("SELECT goal_id, old, new FROM target_change")
        assert {(str(r["goal_id"]), r["old"]["annual"], r["new"]) for r in history} == {
            (won, "5.00", None)
        }
        assert len(history) == 2


async def test_a_deleted_strategy_takes_its_plans_in_one_message(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a")
        of = await strategy(desk, DEALS)
        mine = (await plan(desk, of, "a")).plan
        await forget_told(desk)
        await delete_strategy(desk, of.strategy_id, None)
        [(_, data, _)] = await told(desk)
        assert (data["deleted"], data["version"], data["name"]) == (True, 2, of.name)
        with pytest.raises(NotFoundError):
            await open_plan(desk, mine.plan_id)
        with pytest.raises(NotFoundError):
            await delete_strategy(desk, of.strategy_id, None)
        await strategy(desk, name=of.name)


async def test_a_deleted_plan_is_told_and_can_be_made_again(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a")
        of = await strategy(desk, DEALS)
        mine = (await plan(desk, of, "a")).plan
        await forget_told(desk)
        await delete_plan(desk, mine.plan_id, None)
        [(_, data, _)] = await told(desk)
        assert (data["plan_id"], data["deleted"], data["version"]) == (mine.plan_id, True, 2)
        assert (await plan(desk, of, "a")).plan.plan_id != mine.plan_id


async def test_ended_ones_take_no_edits(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, clock):
        await partners(desk, "a", "b")
        of = await strategy(desk, DEALS)
        mine = (await plan(desk, of, "a")).plan
        clock.set(NOW.replace(year=2027, month=1, day=1, hour=0))
        for attempt in (
            redefine_strategy(desk, "me", of.strategy_id, redraft(of, name="x"), None),
            delete_strategy(desk, of.strategy_id, None),
            delete_plan(desk, mine.plan_id, None),
            revise_plan(desk, "me", mine.plan_id, {}, reason=None, expected=None),
        ):
            with pytest.raises(ConflictError):
                await attempt
        assert (await plan(desk, of, "b")).plan.partner_id == "b"


async def test_a_day_is_that_of_the_organization(module_database: Database) -> None:
    async with a_desk(module_database, zone="Pacific/Auckland") as (desk, clock):
        of = await strategy(desk, DEALS)
        clock.set(NOW.replace(year=2026, month=12, day=31, hour=10, minute=59))
        assert not of.has_ended(desk.today)
        clock.advance(timedelta(minutes=1))
        with pytest.raises(ConflictError):
            await delete_strategy(desk, of.strategy_id, None)


async def test_a_taken_name_and_a_second_plan_are_conflicts_also_at_once(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a")
        of = await strategy(desk, DEALS, name="FY26")
        with pytest.raises(ConflictError):
            await strategy(desk, name="fy26")
        made = await asyncio.gather(
            *(plan(desk, of, "a") for _ in range(5)), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in made) == ["ConflictError"] * 4 + ["PlanView"]
        twice = await asyncio.gather(
            *(define_strategy(desk, redraft(of, name="Both", goal_groups=())) for _ in range(3)),
            return_exceptions=True,
        )
        assert [type(one).__name__ for one in twice].count("ConflictError") == 2


async def test_two_who_edit_at_once_do_not_overwrite_each_other(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "a")
        of = await strategy(desk, DEALS)
        mine = (await plan(desk, of, "a")).plan
        await redefine_strategy(desk, "me", of.strategy_id, redraft(of, name="x"), frozenset({1}))
        with pytest.raises(StaleError):
            await redefine_strategy(
                desk, "me", of.strategy_id, redraft(of, name="y"), frozenset({1})
            )
        [deals] = of.goals
        for expected, annual in ((1, 5), (2, 6)):
            await revise_plan(
                desk,
                "me",
                mine.plan_id,
                {deals: {"annual": annual}},
                reason=None,
                expected=frozenset({expected}),
            )
        with pytest.raises(StaleError):
            await delete_plan(desk, mine.plan_id, frozenset({2}))
        with pytest.raises(StaleError):
            await delete_plan(desk, mine.plan_id, frozenset())


async def test_a_plan_with_everything_wrong_says_all_of_it(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        of = await strategy(desk, DEALS)
        with pytest.raises(InvalidError) as caught:
            await plan(desk, of, "nobody", {"x": None, next(iter(of.goals)): {"annual": -1}})
        assert [flaw.pointer for flaw in caught.value.flaws] == [
            "/partner_id",
            "/targets/x",
            f"/targets/{next(iter(of.goals))}/annual",
        ]


async def test_a_partner_told_a_moment_ago_is_waited_for(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        of = await strategy(desk, DEALS)

        async def hear() -> None:
            await partners(desk, "late")

        object.__setattr__(desk, "catch_up", hear)
        assert (await plan(desk, of, "late")).partner_name == "Partner late"


async def test_every_page_of_every_sort_gives_every_plan_once(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, clock):
        names = [f"p{number}" for number in range(7)]
        await partners(desk, *names)
        made = []
        for number, start in enumerate((date(2026, 1, 1), date(2025, 1, 1), date(2026, 1, 1))):
            of = await strategy(desk, DEALS, name=f"S{number}", start=start)
            for name in names[: 7 - number]:
                clock.advance(timedelta(seconds=number % 2))
                made.append(((await plan(desk, of, name)).plan, of))
        for key in ("strategy_name", "start_date", "end_date", "created"):
            for down in (False, True):
                expected = sorted(
                    made,
                    key=lambda m: (
                        (m[0].created_at, m[0].plan_id)
                        if key == "created"
                        else (
                            m[1].name if key == "strategy_name" else m[1].start_date,
                            m[1].strategy_id,
                            m[0].plan_id,
                        )
                    ),
                    reverse=down,
                )
                found = await _all_pages(desk, key, down=down)
                assert found == [one.plan_id for one, _ in expected], (key, down)
        day = desk.today
        assert len(await _all_pages(desk, "created", down=True, wanted=Wanted("ended"))) == 6
        assert len(await _all_pages(desk, "start_date", down=False, wanted=Wanted("ended"))) == 6
        one = Wanted(strategy_id=made[0][1].strategy_id, partner_id="p3")
        assert await _all_pages(desk, "strategy_name", down=True, wanted=one) == [
            made[3][0].plan_id
        ]
        assert (
            len(await _all_pages(desk, "end_date", down=True, wanted=Wanted(partner_id="p0"))) == 3
        )
        assert day == date(2026, 3, 10)


async def _all_pages(
    desk: object,
    key: str,
    *,
    down: bool,
    wanted: Wanted = Wanted(),  # noqa: B008
) -> list[str]:
    from datetime import datetime

    from services.plans.handlers.desk import Desk

    assert isinstance(desk, Desk)
    found: list[str] = []
    after: list[object] = [None] * (2 if key == "created" else 3)
    while True:
        async with desk.pool.acquire() as connection:
            rows = await plans.list_plans(
                connection, wanted, day=desk.today, key=key, down=down, after=after, limit=4
            )
        found += [row.plan.plan_id for row in rows]
        if len(rows) < 4:
            return found
        after = list(rows[-1].sort_keys)
        if key == "created":
            after[0] = datetime.fromisoformat(str(after[0]))


async def test_strategies_are_sorted_and_filtered(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        starts = {"b": date(2026, 1, 1), "A": date(2027, 1, 1), "ç": date(2020, 1, 1)}
        for name, start in starts.items():
            await strategy(desk, name=name, start=start)

        async def names(key: str, down: bool, status: str | None = None) -> list[str]:
            async with desk.pool.acquire() as connection:
                found = await strategies.list_strategies(
                    connection,
                    day=desk.today,
                    status=status,  # type: ignore[arg-type]
                    key=key,
                    down=down,
                    after=[None, None],
                    limit=10,
                )
            return [one.name for one, _ in found]

        assert await names("name", False) == ["A", "b", "ç"]
        assert await names("start_date", True) == ["A", "b", "ç"]
        assert await names("end_date", False) == ["ç", "b", "A"]
        assert await names("name", False, "ended") == ["ç"]
        assert await names("name", False, "upcoming") == ["A"]
        assert await names("name", False, "in_progress") == ["b"]


async def test_an_id_that_belongs_to_nothing_is_not_found(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        of = await strategy(desk, DEALS)
        for attempt in (
            open_plan(desk, new_id()),
            delete_plan(desk, new_id(), None),
            revise_plan(desk, "me", new_id(), {}, reason=None, expected=None),
            delete_strategy(desk, new_id(), None),
            redefine_strategy(desk, "me", new_id(), redraft(of), None),
        ):
            with pytest.raises(NotFoundError):
                await attempt
