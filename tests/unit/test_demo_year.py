"""The demo's year: what is told, targets out of it, and when which of it becomes known."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo import generated, invented, mailbox, told
from deploy.demo.figures import Quarters, figures
from deploy.demo.moving import PlanYear
from deploy.demo.sales import Sales
from deploy.demo.schedule import Untold, end_of_play, steps
from deploy.demo.standing import Figure, pace
from deploy.demo.strategies import WON, groups_of_goals
from deploy.demo.targets import QUARTERS, targets
from deploy.demo.told import Told
from shared.events.plans import GoalType
from shared.events.records import RECORDS
from shared.kernel.period import monthly_dues

UTC_ZONE = ZoneInfo("UTC")
YEAR = PlanYear(starts=date(2026, 1, 1), data_starts=invented.YEAR_STARTS)
GOAL_TYPES = set(GoalType.__args__)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sales() -> Sales:
    return invented.invent()


@pytest.fixture(scope="module")
def everything(sales: Sales) -> list[Told]:
    return [*generated.of_everybody(sales, YEAR), *told.of_sales(sales, YEAR)]


def test_every_event_is_one_that_ingest_accepts(everything: list[Told]) -> None:
    for one in everything:
        data = orjson.loads(one.line())["data"]
        RECORDS[one.record].model.model_validate_json(orjson.dumps(data))


def test_no_two_events_have_the_same_id(everything: list[Told]) -> None:
    ids = [orjson.loads(one.line())["id"] for one in everything]
    assert len(set(ids)) == len(ids)


def test_what_is_generated_says_so(everything: list[Told]) -> None:
    from_sales = {one.record for one in everything if "generated" not in one.source}
    assert from_sales == {"deal", "account"}


def test_every_partner_has_an_admin_with_an_address_that_nobody_has(sales: Sales) -> None:
    users = [
        one.data["users"] for one in generated.of_everybody(sales, YEAR) if one.record == "partner"
    ]
    assert len(users) == 30
    assert all({"admin", "member"} == {user["role"] for user in found} for found in users)
    assert all(user["email"].endswith(".example") for found in users for user in found)
    assert all(len({user["email"] for user in found}) == len(found) for found in users)


def test_every_goal_type_is_planned_and_comes_to_something(
    sales: Sales, everything: list[Told]
) -> None:
    goals = [goal for group in groups_of_goals(sales) for goal in group.goals]
    assert {goal.type for goal in goals} == GOAL_TYPES
    for goal in goals:
        assert any(sum(q) for q in figures(everything, goal, YEAR.starts).values()), goal.name


def test_what_was_won_in_the_data_is_what_the_plans_come_to(
    sales: Sales, everything: list[Told]
) -> None:
    won = next(goal for group in groups_of_goals(sales) for goal in group.goals if goal.name == WON)
    outcome = figures(everything, won, YEAR.starts)
    assert sum(sum(quarters) for quarters in outcome.values()) == sales.won_total


amounts = st.decimals(0, 500_000, places=2)
outcomes = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(amounts, amounts, amounts, amounts), min_size=0
)


@given(outcomes, st.booleans())
def test_quarters_of_a_target_add_up_to_it(outcome: dict[str, Quarters], is_money: bool) -> None:
    for target in targets(outcome, list("abcdef"), is_money=is_money).values():
        parts = [Decimal(target[quarter]) for quarter in QUARTERS]
        assert sum(parts) == Decimal(target["annual"]) > 0
        assert all(part >= 0 for part in parts)
        assert is_money == ("." in target["annual"])


def test_nothing_is_told_before_it_happened_and_everything_is_told_once(
    everything: list[Told],
) -> None:
    untold = Untold(everything, UTC_ZONE)
    end = datetime(2027, 1, 1, tzinfo=UTC)
    heard: list[Told] = []
    for step in steps(YEAR, UTC_ZONE, 8, end):
        if step.tells:
            now = untold.due_by(step.at)
            assert all((one.known_on or date.min) <= step.at.date() for one in now)
            heard += now
    assert sorted(one.line() for one in heard) == sorted(one.line() for one in everything)


def test_the_play_passes_every_due_up_to_its_end_in_order() -> None:
    end = end_of_play(YEAR, UTC_ZONE, 8, datetime(2026, 11, 25, 19, tzinfo=UTC))
    coming = steps(YEAR, UTC_ZONE, 8, end)
    assert end == datetime(2026, 11, 25, 19, tzinfo=UTC)
    assert [step.at for step in coming] == sorted(step.at for step in coming)
    assert sum(not step.tells for step in coming) == 11


def test_a_stack_at_the_present_is_played_ten_months_on() -> None:
    end = end_of_play(YEAR, UTC_ZONE, 8, datetime(2026, 1, 15, tzinfo=UTC))
    assert end.date() == date(2026, 11, 1)


def test_a_plan_gets_no_mails_for_dues_from_before_it_was_made() -> None:
    made = datetime(2026, 1, 20, tzinfo=UTC)
    dues = monthly_dues(YEAR.starts, UTC_ZONE, 8)
    found = mailbox.expected(dues, datetime(2026, 3, 1, 8, tzinfo=UTC), [(made, 2), (made, 1)])
    assert found == {"2026-02": 3, "2026-03": 3}


def test_pace_is_whole_quarters_and_days_of_the_current_one() -> None:
    quarters = [
        {"starts": "2026-01-01", "ends": "2026-04-01", "target": "90"},
        {"starts": "2026-04-01", "ends": "2026-07-01", "target": "91"},
        {"starts": "2026-07-01", "ends": "2026-10-01", "target": None},
    ]
    assert pace(quarters, date(2026, 4, 10)) == 90 + 10
    assert pace(quarters, date(2025, 12, 31)) == 0


@pytest.mark.parametrize(
    ("value", "word"), [("105", "ahead"), ("104.9", "on pace"), ("95", "on pace"), ("94", "behind")]
)
def test_a_figure_is_ahead_on_pace_or_behind(value: str, word: str) -> None:
    assert Figure(Decimal(value), Decimal(200), "50.0", Decimal(100)).word == word
    assert Figure(Decimal(value), None, None, None).word == "–"
