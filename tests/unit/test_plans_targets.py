"""Targets: the annual figure equals the sum of its quarters, whatever is sent."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.plans.domain.goal import Goal
from services.plans.domain.refusal import InvalidError
from services.plans.domain.target import (
    GREATEST,
    Target,
    read_figure,
    revise_targets,
    split_target,
)

COUNT = Goal("c", "approved_accounts", "Accounts")
MONEY = Goal("m", "closed_won_total_deals_amount", "Won", {"currency": "USD"})
NUMBER = Goal("n", "custom_partner_field", "Score", {"field": "score"})
GOALS = {goal.goal_id: goal for goal in (COUNT, MONEY, NUMBER)}


def target(*quarters: str) -> Target:
    return Target(*map(Decimal, quarters))


def revised(goal_id: str, entry: Any, current: Target | None = None) -> Target | None:
    changes = revise_targets(GOALS, {goal_id: current} if current else {}, {goal_id: entry})
    return changes[0].new if changes else current


def pointers(goal_id: str, entry: Any, current: Target | None = None) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        revised(goal_id, entry, current)
    return [flaw.pointer for flaw in caught.value.flaws]


@pytest.mark.parametrize(
    ("goal", "annual", "quarters"),
    [
        ("c", 10, "3 3 2 2"),
        ("c", 0, "0 0 0 0"),
        ("c", 3, "1 1 1 0"),
        ("c", "12", "3 3 3 3"),
        ("m", "1000", "250.00 250.00 250.00 250.00"),
        ("m", Decimal("0.03"), "0.01 0.01 0.01 0.00"),
        ("m", "100.01", "25.01 25.00 25.00 25.00"),
        ("n", "1e0", None),
        ("n", "7.5", "1.88 1.88 1.87 1.87"),
    ],
)
def test_an_annual_target_is_split_and_the_earlier_quarters_get_more(
    goal: str, annual: Any, quarters: str | None
) -> None:
    if quarters is None:
        assert pointers(goal, {"annual": annual}) == [f"/targets/{goal}/annual"]
    else:
        assert revised(goal, {"annual": annual}) == target(*quarters.split())


def test_a_quarter_alone_moves_the_annual_and_the_others_stay() -> None:
    before = target("3", "3", "2", "2")
    after = revised("c", {"q3": 7}, before)
    assert after == target("3", "3", "7", "2")
    assert after is not None
    assert after.annual == 15
    assert revised("c", {"q2": 5}) == target("0", "5", "0", "0")


def test_annual_and_quarters_together_must_agree() -> None:
    all_of_it = {"annual": 10, "q1": 1, "q2": 2, "q3": 3, "q4": 4}
    assert revised("c", all_of_it) == target("1", "2", "3", "4")
    assert pointers("c", {**all_of_it, "annual": 11}) == ["/targets/c/annual"]
    assert revised("c", {"annual": 12, "q1": 5}, target("3", "3", "2", "2")) == target(
        "5", "3", "2", "2"
    )


def test_null_clears_and_what_is_the_same_is_no_change() -> None:
    before = target("3", "3", "2", "2")
    assert revised("c", None, before) is None
    assert revise_targets(GOALS, {}, {"c": None}) == []
    assert revise_targets(GOALS, {"c": before}, {"c": {"annual": "10"}}) == []
    assert revise_targets(GOALS, {"c": before}, {}) == []
    assert revise_targets(GOALS, {"c": before}, {"c": {"annual": 10, "q1": None}}) == []


@pytest.mark.parametrize(
    ("goal", "entry", "at"),
    [
        ("c", {"annual": -1}, "/annual"),
        ("c", {"annual": "-0.5"}, "/annual"),
        ("c", {"annual": "1.5"}, "/annual"),
        ("c", {"annual": Decimal("0.1")}, "/annual"),
        ("m", {"annual": "1.001"}, "/annual"),
        ("m", {"q1": "0.005", "q2": -1}, "/q1"),
        ("n", {"annual": "1.234"}, "/annual"),
        ("c", {"annual": True}, "/annual"),
        ("c", {"annual": [1]}, "/annual"),
        ("c", {"annual": ""}, "/annual"),
        ("c", {"annual": "1e3"}, "/annual"),
        ("c", {"annual": "NaN"}, "/annual"),
        ("c", {"annual": "١"}, "/annual"),
        ("c", {"annual": "1_000"}, "/annual"),
        ("c", {"annual": "1" * 40}, "/annual"),
        ("c", {"annual": GREATEST + 1}, "/annual"),
        ("c", {"annual": Decimal("1e999999")}, "/annual"),
        ("c", {"annual": Decimal("1e-999999")}, "/annual"),
        ("c", {"q1": GREATEST, "q2": 1}, ""),
        ("c", {}, ""),
        ("c", {"annual": None}, ""),
        ("c", {"q5": 1}, ""),
        ("c", "10", ""),
        ("c", 10, ""),
        ("c", [], ""),
        ("unknown", {"annual": 1}, ""),
        ("a/b~c", None, ""),
    ],
)
def test_a_bad_target_names_the_figure(goal: str, entry: Any, at: str) -> None:
    place = goal.replace("~", "~0").replace("/", "~1")
    assert pointers(goal, entry)[0] == f"/targets/{place}{at}"


def test_every_bad_figure_is_told_at_once() -> None:
    with pytest.raises(InvalidError) as caught:
        revise_targets(GOALS, {}, {"c": {"annual": "x", "q1": -1}, "m": {"q4": "y"}, "z": None})
    assert [flaw.pointer for flaw in caught.value.flaws] == [
        "/targets/c/annual",
        "/targets/c/q1",
        "/targets/m/q4",
        "/targets/z",
    ]


def test_figures_are_spelled_plainly() -> None:
    assert target("3", "3", "2", "2").spelled("count") == {
        "annual": "10",
        "q1": "3",
        "q2": "3",
        "q3": "2",
        "q4": "2",
    }
    assert read_figure(Decimal("1E+3"), "count") == 1000
    assert split_target(Decimal("1E+3"), "USD").spelled("USD")["annual"] == "1000.00"
    assert str(read_figure("-0", "USD")) == "0.00"


@given(st.decimals(0, 10**15, places=2), st.sampled_from(["USD", "number"]))
def test_quarters_of_money_always_add_up(annual: Decimal, unit: str) -> None:
    split = split_target(annual, unit)
    quarters = [split.q1, split.q2, split.q3, split.q4]
    assert split.annual == annual
    assert quarters == sorted(quarters, reverse=True)
    assert quarters[0] - quarters[3] <= Decimal("0.01")


@given(st.integers(0, 10**15))
def test_quarters_of_counts_are_whole_and_add_up(annual: int) -> None:
    split = split_target(Decimal(annual), "count")
    quarters = [split.q1, split.q2, split.q3, split.q4]
    assert split.annual == annual
    assert all(quarter == int(quarter) for quarter in quarters)
    assert quarters[0] - quarters[3] <= 1
