"""Strategies: what a draft becomes, which ids stay, what a goal type takes."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.plans.domain.goal import GOAL_TYPES
from services.plans.domain.naming import name_key, name_order
from services.plans.domain.plan import LABEL_FOR, Partner, Plan, ineligibility
from services.plans.domain.refusal import InvalidError
from services.plans.domain.strategy import (
    MOST_GOALS,
    MOST_GROUPS,
    GoalDraft,
    GroupDraft,
    Strategy,
    StrategyDraft,
    begin_strategy,
)
from shared.events.plans import GoalOptions

AT = datetime(2026, 3, 10, tzinfo=UTC)
LATER = datetime(2026, 3, 11, tzinfo=UTC)
VALID: dict[str, dict[str, Any]] = {
    "campaign_leads": {"campaign_tags": ["spring"]},
    "closed_won_total_deals_amount": {"currency": "USD"},
    "completed_certifications": {"certification": "Gold"},
    "custom_partner_field": {"field": "score"},
}


def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"id{next(numbers)}"


def draft(*groups: GroupDraft, start: date = date(2026, 1, 1), name: str = "FY26") -> StrategyDraft:
    return StrategyDraft(name, start, goal_groups=groups)


def begun(*groups: GroupDraft, start: date = date(2026, 1, 1)) -> Strategy:
    return begin_strategy(draft(*groups, start=start), ids(), AT)


def pointers(*groups: GroupDraft, of: Strategy | None = None) -> list[str]:
    with pytest.raises(InvalidError) as caught:
        _ = of.revised(draft(*groups), ids(), LATER) if of else begun(*groups)
    return [flaw.pointer for flaw in caught.value.flaws]


def test_a_new_strategy_has_one_group_named_new_group() -> None:
    [group] = begun().goal_groups
    assert (group.name, group.goals) == ("New Group", ())


def test_a_goal_without_a_name_gets_its_types_label() -> None:
    goals = [GoalDraft(kind, options=VALID.get(kind, {})) for kind in GOAL_TYPES]
    [group] = begun(GroupDraft("G", goals)).goal_groups
    assert [goal.name for goal in group.goals] == [
        "Approved Accounts",
        "Approved Registered Deals",
        "Campaign Leads",
        "Closed Won Total Deals Amount",
        "Completed Certifications",
        "Custom Partner Field (Numeric)",
        "Registered Leads",
    ]


def test_units_follow_the_goal_type() -> None:
    goals = [GoalDraft(kind, options=VALID.get(kind, {})) for kind in GOAL_TYPES]
    units = [goal.unit for goal in begun(GroupDraft("G", goals)).goals.values()]
    assert units == ["count", "count", "count", "USD", "count", "number", "count"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 1, 1), date(2027, 1, 1)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2025, 3, 31), date(2026, 3, 31)),
    ],
)
def test_a_strategy_ends_a_year_after_its_start(start: date, end: date) -> None:
    strategy = begun(start=start)
    assert strategy.end_date == end
    assert strategy.status_on(start) == "in_progress"
    assert strategy.status_on(date.fromordinal(start.toordinal() - 1)) == "upcoming"
    assert strategy.status_on(end) == "ended"
    assert not strategy.has_ended(date.fromordinal(end.toordinal() - 1))


OPTIONS = "/goal_groups/0/goals/0/options"


@pytest.mark.parametrize(
    ("kind", "options", "at"),
    [
        ("campaign_leads", {}, ["/campaign_tags"]),
        ("campaign_leads", {"campaign_tags": []}, ["/campaign_tags"]),
        (
            "campaign_leads",
            {"campaign_tags": ["t"], "activity_types": ["email", "fax"]},
            ["/activity_types/1"],
        ),
        ("closed_won_total_deals_amount", {}, ["/currency"]),
        ("closed_won_total_deals_amount", {"currency": "usd"}, ["/currency"]),
        ("closed_won_total_deals_amount", {"currency": "XXX"}, ["/currency"]),
        ("closed_won_total_deals_amount", {"currency": ""}, ["/currency"]),
        ("completed_certifications", {"count_earlier": True}, ["/certification"]),
        ("custom_partner_field", {}, ["/field"]),
        ("approved_accounts", {"currency": "USD"}, ["/currency"]),
        ("registered_leads", {"campaign_tags": ["t"]}, ["/campaign_tags"]),
        (
            "approved_registered_deals",
            {"products": ["P"], "count_earlier": True, "field": "f"},
            ["/count_earlier", "/field"],
        ),
    ],
)
def test_options_are_those_of_the_type(kind: str, options: dict[str, Any], at: list[str]) -> None:
    group = GroupDraft("G", [GoalDraft(kind, options=options)])
    assert pointers(group) == [OPTIONS + one for one in at]


def test_an_option_that_asks_for_nothing_is_none() -> None:
    options = {"products": [], "currency": None, "count_earlier": False, "deal_types": ["a", "a"]}
    strategy = begun(GroupDraft("G", [GoalDraft("approved_registered_deals", options=options)]))
    assert [goal.options for goal in strategy.goals.values()] == [{"deal_types": ["a"]}]


def test_every_option_that_a_type_takes_travels_in_its_snapshot() -> None:
    named = {name for kind in GOAL_TYPES.values() for name in kind.options}
    assert named == set(GoalOptions.model_fields)


def test_a_replacement_keeps_the_ids_it_names_and_drops_the_rest() -> None:
    before = begun(
        GroupDraft("A", [GoalDraft("approved_accounts"), GoalDraft("registered_leads")]),
        GroupDraft("B"),
    )
    a, _ = before.goal_groups
    moved = GoalDraft("registered_leads", "Renamed", a.goals[1].goal_id)
    fresh = GoalDraft("approved_accounts")
    after = before.revised(
        draft(GroupDraft("New", [moved]), GroupDraft("A", [fresh], a.group_id)), ids(), LATER
    )
    assert [group.name for group in after.goal_groups] == ["New", "A"]
    assert after.goal_groups[1].group_id == a.group_id
    assert [(goal.goal_id, goal.name) for goal in after.goal_groups[0].goals] == [
        (a.goals[1].goal_id, "Renamed")
    ]
    assert (after.revision, after.changed_at, after.created_at) == (2, LATER, AT)


def test_what_is_sent_back_as_it_was_is_no_change() -> None:
    before = begun(GroupDraft("A", [GoalDraft("campaign_leads", options={"campaign_tags": ["t"]})]))
    [group] = before.goal_groups
    same = GroupDraft(
        "A",
        [GoalDraft(g.type, g.name, g.goal_id, g.options) for g in group.goals],
        group.group_id,
    )
    assert before.revised(draft(same), ids(), LATER) is before
    empty = begun()
    assert empty.revised(draft(), ids(), LATER) is empty


def test_ids_in_a_replacement_are_known_stand_once_and_keep_their_type() -> None:
    before = begun(GroupDraft("A", [GoalDraft("approved_accounts")]))
    [group] = before.goal_groups
    goal_id = group.goals[0].goal_id
    keep = GoalDraft("approved_accounts", goal_id=goal_id)
    assert pointers(GroupDraft("A", [], "nobody"), of=before) == ["/goal_groups/0/group_id"]
    assert pointers(GroupDraft("A", [keep, keep]), of=before) == ["/goal_groups/0/goals/1/goal_id"]
    assert pointers(
        GroupDraft("A", [], group.group_id), GroupDraft("B", [], group.group_id), of=before
    ) == ["/goal_groups/1/group_id"]
    other = GoalDraft("registered_leads", goal_id=goal_id)
    assert pointers(GroupDraft("A", [other]), of=before) == ["/goal_groups/0/goals/0/type"]
    assert pointers(GroupDraft("A", [keep])) == ["/goal_groups/0/goals/0/goal_id"]


def test_a_goal_that_went_never_comes_back() -> None:
    before = begun(GroupDraft("A", [GoalDraft("approved_accounts")]))
    [goal_id] = before.goals
    without = before.revised(draft(GroupDraft("A")), ids(), LATER)
    back = GroupDraft("A", [GoalDraft("approved_accounts", goal_id=goal_id)])
    assert pointers(back, of=without) == ["/goal_groups/0/goals/0/goal_id"]


def test_there_are_bounds() -> None:
    assert pointers(*[GroupDraft(f"G{n}") for n in range(MOST_GROUPS + 1)]) == ["/goal_groups"]
    many = [GoalDraft("approved_accounts")] * (MOST_GOALS + 1)
    assert pointers(GroupDraft("G", many)) == ["/goal_groups"]


def test_names_are_the_same_whatever_their_case_and_composition() -> None:
    assert name_key("  FY26 Straße ") == name_key("fy26 STRASSE")
    assert name_key("Zoe\u0308") == name_key("Zoë")
    assert name_key("a") != name_key("á")
    assert sorted(["Zebra", "Ämter", "apple", "Öl"], key=name_order) == [
        "Ämter",
        "apple",
        "Öl",
        "Zebra",
    ]


@pytest.mark.parametrize(
    ("partner", "groups", "word"),
    [
        (None, [], "no partner"),
        (Partner("p", "P", active=False), [], "not active"),
        (Partner("p", "P", ("East",)), ["West"], "none of the strategy's"),
        (Partner("p", "P", ("west",)), ["West"], "none of the strategy's"),
        (Partner("p", "P", ("East", "West")), ["West"], None),
        (Partner("p", "P"), [], None),
    ],
)
def test_a_plan_is_for_a_known_active_partner_of_the_groups(
    partner: Partner | None, groups: list[str], word: str | None
) -> None:
    found = ineligibility(partner, groups)
    assert found is None if word is None else word in (found or "")


def test_a_label_lasts_for_some_days() -> None:
    plan = Plan("p", "s", "x", 1, AT, label="new", labelled_at=AT)
    assert plan.label_at(AT + LABEL_FOR / 2) == "new"
    assert plan.label_at(AT + LABEL_FOR) is None
    assert Plan("p", "s", "x", 1, AT).label_at(AT) is None
