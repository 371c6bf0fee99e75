"""The console's pure parts: rearranging a strategy's form, reading it, and what targets it asks."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from services.plans.domain.goal import GOAL_TYPES
from services.plans.domain.plan import Plan
from services.plans.domain.refusal import InvalidError
from services.plans.domain.strategy import (
    FIRST_GROUP,
    GoalDraft,
    GroupDraft,
    Strategy,
    StrategyDraft,
    begin_strategy,
)
from services.plans.domain.target import Target
from services.plans.handlers.plans import PlanView
from services.plans.pages.arranging import act
from services.plans.pages.editing import as_body, as_values, differences, goals_gone
from services.plans.pages.plans import read_targets
from shared.kernel.ids import new_id
from shared.web.pages.formatting import Formats

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WON = "closed_won_total_deals_amount"
LEADS = "registered_leads"
ENGLISH = Formats(Locale("en"), ZoneInfo("UTC"))
GERMAN = Formats(Locale("de"), ZoneInfo("UTC"))


def form(*groups: list[str]) -> dict[str, Any]:
    """A form with groups of goals of some names."""
    return {
        "goal_groups": [
            {"name": f"G{number}", "goals": [{"type": LEADS, "name": name} for name in names]}
            for number, names in enumerate(groups)
        ]
    }


def shape(values: dict[str, Any]) -> list[list[str]]:
    return [[goal["name"] for goal in group["goals"]] for group in values["goal_groups"]]


@pytest.mark.parametrize(
    ("do", "becomes"),
    [
        ("up|0|1", [["b", "a"], ["c"]]),
        ("down|0|0", [["b", "a"], ["c"]]),
        ("up|0|0", [["a", "b"], ["c"]]),
        ("down|0|1", [["a", "b"], ["c"]]),
        ("remove|0|0", [["b"], ["c"]]),
        ("move|0|0|1|0", [["b"], ["a", "c"]]),
        ("move|0|0|1", [["b"], ["c", "a"]]),
        ("move|0|0|0|2", [["b", "a"], ["c"]]),
        ("group-up|1", [["c"], ["a", "b"]]),
        ("group-down|0", [["c"], ["a", "b"]]),
        ("group-remove|0", [["c"]]),
        ("group-add", [["a", "b"], ["c"], []]),
        ("remove|5|0", [["a", "b"], ["c"]]),
        ("remove|0|9", [["a", "b"], ["c"]]),
        ("move|0|0|7|0", [["a", "b"], ["c"]]),
        ("group-remove|9", [["a", "b"], ["c"]]),
        ("remove|x|y", [["a", "b"], ["c"]]),
        ("nonsense", [["a", "b"], ["c"]]),
    ],
)
def test_buttons_rearrange(do: str, becomes: list[list[str]]) -> None:
    values = form(["a", "b"], ["c"])
    assert act(values, do)
    assert shape(values) == becomes


def test_a_goal_goes_to_the_chosen_group() -> None:
    values = form(["a"], ["b"])
    values["goal_groups"][0]["goals"][0]["to"] = "1"
    assert act(values, "to|0|0")
    assert shape(values) == [[], ["b", "a"]]


def test_a_goal_is_added_where_it_is_dropped_or_to_the_chosen_group() -> None:
    label = GOAL_TYPES[WON].label
    values = form(["a"], ["b"])
    act(values, f"add|{WON}|0|0")
    assert shape(values) == [[label, "a"], ["b"]]
    values["add_to"] = "1"
    act(values, f"add|{WON}")
    assert shape(values) == [[label, "a"], ["b", label]]


def test_the_first_goal_of_an_empty_form_makes_its_group() -> None:
    values: dict[str, Any] = {}
    act(values, f"add|{LEADS}")
    assert values["goal_groups"][0]["name"] == FIRST_GROUP
    assert not act(values, "add|no_such_type") or shape(values) == [[GOAL_TYPES[LEADS].label]]


@pytest.mark.parametrize("do", ["", "save"])
def test_saving_is_no_rearranging(do: str) -> None:
    assert not act(form(["a"]), do)


@pytest.mark.parametrize("groups", ["x", [1], [{"goals": "x"}], [{"goals": [1]}], None])
def test_a_form_that_nobody_could_have_sent_does_no_harm(groups: Any) -> None:
    values = {"goal_groups": groups}
    assert act(values, f"add|{LEADS}")
    assert as_body(values)["goal_groups"]


def strategy(*goals: GoalDraft, **changes: Any) -> Strategy:
    fields = {"name": "S", "start_date": date(2026, 1, 1), **changes}
    draft = StrategyDraft(**fields, goal_groups=[GroupDraft("G", list(goals))])
    return begin_strategy(draft, new_id, NOW)


def test_a_strategy_reads_back_from_its_form() -> None:
    options = {"campaign_tags": ["a", "b c"], "activity_types": ["email"]}
    one = strategy(GoalDraft("campaign_leads", options=options), partner_groups=["Gold"])
    body = as_body(as_values(one))
    [goal] = body["goal_groups"][0]["goals"]
    assert body["partner_groups"] == ["Gold"]
    assert goal["options"] == options
    assert goal["goal_id"] in one.goals


def test_groups_that_no_partner_is_in_are_typed() -> None:
    body = as_body({"partner_groups": ["Gold"], "more_groups": " Silver ;; Bronze"})
    assert body["partner_groups"] == ["Gold", "Silver", "Bronze"]


def test_a_change_is_told_before_it_is_saved() -> None:
    before = strategy(GoalDraft(LEADS, name="Leads"), GoalDraft("approved_accounts"))
    values = as_values(before)
    act(values, "remove|0|1")
    act(values, f"add|{WON}|0|0")
    goals = values["goal_groups"][0]["goals"]
    goals[0]["options"] = {"currency": "eur"}
    goals[1]["name"] = "New leads"
    body = as_body(values)
    assert goals[1]["goal_id"] in before.goals
    groups = [
        GroupDraft(
            group["name"],
            [GoalDraft(g["type"], g["name"], g["goal_id"], g["options"]) for g in group["goals"]],
            group["group_id"],
        )
        for group in body["goal_groups"]
    ]
    draft = StrategyDraft("S", date(2026, 2, 1), goal_groups=groups)
    after = before.revised(draft, new_id, NOW)
    said = differences(before, after)
    assert said[0] == f"Goal added: {GOAL_TYPES[WON].label}"
    assert "Goal changed: Leads becomes New leads" in said
    assert f"Goal removed: {GOAL_TYPES['approved_accounts'].label}" in said
    assert any("begins 2026-02-01, not 2026-01-01" in one for one in said)
    assert len(goals_gone(before, after)) == 1


def view(**targets: Target) -> tuple[PlanView, str]:
    """A plan of one goal with a target or none, and the goal's id."""
    one = strategy(GoalDraft(WON, options={"currency": "USD"}))
    [goal_id] = one.goals
    plan = Plan("p", one.strategy_id, "partner", 1, NOW)
    if targets:
        plan = Plan("p", one.strategy_id, "partner", 1, NOW, targets={goal_id: targets["one"]})
    return PlanView(plan, one, "Partner"), goal_id


TARGET = Target(*[Decimal(250)] * 4)
SAME = {"annual": "1000", "q1": "250", "q2": "250", "q3": "250", "q4": "250"}


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ({}, None),
        ({"annual": " "}, None),
        (SAME, {}),
        (SAME | {"annual": "2000"}, {"annual": Decimal(2000)}),
        (
            SAME | {"q1": "300"},
            {"q1": Decimal(300), "q2": Decimal(250), "q3": Decimal(250), "q4": Decimal(250)},
        ),
        (
            SAME | {"annual": "", "q1": ""},
            {"q1": Decimal(0), "q2": Decimal(250), "q3": Decimal(250), "q4": Decimal(250)},
        ),
    ],
)
def test_only_what_differs_from_the_plan_is_asked(
    typed: dict[str, str], asked: dict[str, Decimal] | None
) -> None:
    shown, goal_id = view(one=TARGET)
    found = read_targets(shown, {goal_id: typed}, ENGLISH)
    assert found == ({} if asked == {} else {goal_id: asked})


def test_a_first_target_is_taken_as_typed() -> None:
    shown, goal_id = view()
    assert read_targets(shown, {goal_id: {"annual": "1,000"}}, ENGLISH) == {
        goal_id: {"annual": Decimal(1000)}
    }
    assert read_targets(shown, {goal_id: {"annual": ""}}, ENGLISH) == {}


def test_a_german_types_a_comma() -> None:
    shown, goal_id = view()
    found = read_targets(shown, {goal_id: {"annual": "1.234,50"}}, GERMAN)
    assert found == {goal_id: {"annual": Decimal("1234.50")}}


def test_every_figure_that_is_no_number_is_named() -> None:
    shown, goal_id = view(one=TARGET)
    with pytest.raises(InvalidError) as refused:
        read_targets(shown, {goal_id: SAME | {"q1": "x", "q3": "--"}}, ENGLISH)
    assert [flaw.pointer for flaw in refused.value.flaws] == [
        f"/targets/{goal_id}/q1",
        f"/targets/{goal_id}/q3",
    ]
