"""The oracle against examples worked out by hand, a sentence of the rule books each."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.oracle import Verdict, dues, quarter_of, quarters, year_end
from tests.oracle.examples import GOAL, NOON, PLAN, Story, goal
from tests.oracle.figures import percent, plain
from tests.oracle.world import UnknownHereError

ACCOUNTS = goal("approved_accounts")
DEALS = goal("approved_registered_deals")
AMOUNT = goal("closed_won_total_deals_amount", currency="USD")
LEADS = goal("campaign_leads", campaign_tags=["spring"])
CERTIFIED = goal("completed_certifications", certification="Cloud")
FIELD = goal("custom_partner_field", field="seats")
REGISTERED = goal("registered_leads")
WON = {"status": "closed_won", "closed_on": "2026-02-01", "amount": "10.50", "currency": "USD"}
APPROVED = {"status": "approved", "approved_on": "2026-02-01"}


# --- periods --------------------------------------------------------------------------------------
def test_a_plan_ends_a_year_after_its_start_and_29_february_on_28() -> None:
    assert year_end(date(2026, 4, 1)) == date(2027, 4, 1)
    assert year_end(date(2024, 2, 29)) == date(2025, 2, 28)


def test_quarters_count_months_from_the_start_and_are_clamped_at_month_ends() -> None:
    assert [str(first) for first, _ in quarters(date(2025, 11, 30))] == [
        "2025-11-30",
        "2026-02-28",
        "2026-05-30",
        "2026-08-30",
    ]
    assert quarters(date(2025, 11, 30))[3][1] == date(2026, 11, 30)


def test_the_first_day_belongs_to_the_plan_and_the_end_does_not() -> None:
    start = date(2026, 1, 1)
    assert quarter_of(start, start) == 1
    assert quarter_of(date(2026, 12, 31), start) == 4
    assert quarter_of(date(2027, 1, 1), start) is None
    assert quarter_of(date(2025, 12, 31), start) is None


def test_dues_are_the_twelve_months_of_the_plan_at_the_local_hour() -> None:
    found = dues(date(2026, 1, 31), ZoneInfo("Europe/Berlin"), 8, datetime(2020, 1, 1, tzinfo=UTC))
    assert [due.period for due in found] == [f"2026-{month:02}" for month in range(1, 13)]
    assert found[1].at == datetime(2026, 2, 28, 7, tzinfo=UTC)
    assert found[6].at == datetime(2026, 7, 31, 6, tzinfo=UTC)


def test_dues_from_before_the_plan_existed_are_not_made_up_for() -> None:
    created = datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert [due.period for due in dues(date(2026, 1, 1), ZoneInfo("UTC"), 8, created)] == [
        "2026-12"
    ]


# --- figures --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "target", "expected"),
    [
        ("1", "8", "12.5"),
        ("1", "3", "33.3"),
        ("2", "3", "66.7"),
        ("3", "2", "150.0"),
        ("0.05", "100", "0.1"),
        ("5", "0", None),
        ("5", None, None),
        ("0", "5", "0.0"),
    ],
)
def test_percent_is_rounded_half_up_to_one_place(
    value: str, target: str | None, expected: str
) -> None:
    assert percent(Decimal(value), None if target is None else Decimal(target)) == expected


def test_counts_are_whole_and_money_and_numbers_have_two_decimals() -> None:
    figures = [plain(Decimal("1E+3"), unit) for unit in ("count", "USD", "number")]
    assert figures == ["1000", "1000.00", "1000.00"]


# --- the seven goal types -------------------------------------------------------------------------
def test_an_account_counts_in_status_approved_on_its_day_of_approval() -> None:
    story = Story(ACCOUNTS).account(approved_on="2026-02-03")
    assert story.counted() == ["account/a1 2026-02-03 1 q1"]
    for status in ("pending", "rejected"):
        assert (
            story.account(version=story.versions, status=status, approved_on="2026-02-03").counted()
            == []
        )


def test_an_account_without_a_day_of_approval_does_not_count() -> None:
    assert Story(ACCOUNTS).account().counted() == []


@pytest.mark.parametrize("status", ["approved", "closed_won", "closed_lost"])
def test_a_deal_closed_after_its_approval_still_counts_as_approved(status: str) -> None:
    assert Story(DEALS).deal(status=status, approved_on="2026-02-01").value() == "1 = 1 0 0 0"


@pytest.mark.parametrize("status", ["draft", "registered", "rejected"])
def test_a_deal_in_another_status_does_not_count_as_approved(status: str) -> None:
    assert Story(DEALS).deal(status=status, approved_on="2026-02-01").counted() == []


def test_a_deal_without_a_day_of_approval_does_not_count_as_approved() -> None:
    assert Story(DEALS).deal(status="closed_won", closed_on="2026-02-01").counted() == []


def test_a_deal_matches_a_product_filter_if_any_of_its_products_is_named() -> None:
    wanted = goal("approved_registered_deals", products=["Disk", "Tape"])
    assert Story(wanted).deal(**APPROVED, products=["CPU", "Tape"]).value() == "1 = 1 0 0 0"
    assert Story(wanted).deal(**APPROVED, products=["CPU", "tape"]).value() == "0 = 0 0 0 0"
    assert Story(wanted).deal(**APPROVED).value() == "0 = 0 0 0 0"


def test_a_deal_type_filter_matches_exactly_and_an_empty_one_is_none() -> None:
    wanted = goal("approved_registered_deals", deal_types=["new"], products=[])
    assert Story(wanted).deal(**APPROVED, deal_type="new").value() == "1 = 1 0 0 0"
    assert Story(wanted).deal(**APPROVED, deal_type="New").value() == "0 = 0 0 0 0"
    assert Story(wanted).deal(**APPROVED).value() == "0 = 0 0 0 0"
    assert (
        Story(goal("approved_registered_deals", deal_types=[])).deal(**APPROVED).value()
        == "1 = 1 0 0 0"
    )


def test_a_won_deal_counts_its_amount_in_the_currency_of_the_goal_on_the_day_it_closed() -> None:
    story = Story(AMOUNT).deal(**WON, approved_on="2025-01-01")
    assert story.counted() == ["deal/d1 2026-02-01 10.50 q1"]
    assert story.deal(**{**WON, "currency": "EUR"}, version=2).counted() == []


def test_a_deal_is_won_only_with_a_closing_day() -> None:
    assert Story(AMOUNT).deal(status="closed_won", amount="1", currency="USD").counted() == []
    assert Story(AMOUNT).deal(**{**WON, "status": "closed_lost"}).counted() == []


def test_a_campaign_lead_needs_a_campaign_with_one_of_the_tags() -> None:
    story = Story(LEADS).lead(campaign_id="c1").campaign("autumn", "spring")
    assert story.counted() == ["lead/l1 2026-02-01 1 q1"]
    assert story.campaign("Spring").counted() == []
    assert Story(LEADS).campaign("spring").lead().counted() == []
    assert Story(LEADS).lead(campaign_id="c1").counted() == []


def test_a_lead_without_activity_type_passes_only_where_none_is_asked_for() -> None:
    by_mail = goal("campaign_leads", campaign_tags=["spring"], activity_types=["email", "panel"])
    assert Story(by_mail).campaign("spring").lead(campaign_id="c1").counted() == []
    story = Story(by_mail).campaign("spring").lead(campaign_id="c1", activity_type="email")
    assert story.value() == "1 = 1 0 0 0"
    assert story.lead(campaign_id="c1", activity_type="workflow", version=2).counted() == []
    assert Story(LEADS).campaign("spring").lead(campaign_id="c1").value() == "1 = 1 0 0 0"


def test_a_registered_lead_has_no_campaign() -> None:
    assert Story(REGISTERED).lead().counted() == ["lead/l1 2026-02-01 1 q1"]
    assert Story(REGISTERED).lead(campaign_id="nowhere").counted() == []
    assert Story(REGISTERED).lead(campaign_id=None).counted() == ["lead/l1 2026-02-01 1 q1"]


def test_a_certification_counts_distinct_users_on_their_first_completion_inside_the_plan() -> None:
    story = Story(CERTIFIED).completion("x", "u1", "2026-02-01").completion("y", "u1", "2026-01-15")
    story.completion("z", "u2", "2026-03-01").completion(
        "other", "u3", "2026-03-01", certification="Net"
    )
    assert story.counted() == ["certification/y 2026-01-15 1 q1", "certification/z 2026-03-01 1 q1"]


def test_a_completion_before_the_plan_counts_only_with_count_earlier_and_on_the_first_day() -> None:
    assert Story(CERTIFIED).completion("x", "u1", "2025-02-01").counted() == []
    story = Story(CERTIFIED).completion("x", "u1", "2025-02-01").completion("y", "u1", "2026-02-01")
    assert story.counted() == ["certification/y 2026-02-01 1 q1"]
    story = Story(goal("completed_certifications", certification="Cloud", count_earlier=True))
    story.completion("x", "u1", "2025-02-01").completion("y", "u1", "2026-02-01")
    assert story.counted() == ["certification/x 2026-01-01 1 q1"]


def test_a_field_carried_into_the_plan_counts_on_the_first_day_and_changes_on_their_own() -> None:
    story = Story(FIELD, start="2025-10-01")
    story.field("2025-01-01", "10").field("2025-06-01", "12.5").field("2025-12-01", "20")
    story.field("2026-02-01", "18").field("2026-02-01", "999", field="desks")
    assert story.value() == "18.00 = 20.00 -2.00 0.00 0.00"
    assert story.counted() == [
        "partner_field/p1/seats/2025-06-01 2025-10-01 12.5 q1",
        "partner_field/p1/seats/2025-12-01 2025-12-01 7.5 q1",
        "partner_field/p1/seats/2026-02-01 2026-02-01 -2 q2",
    ]


def test_a_field_first_set_inside_the_plan_counts_from_nothing() -> None:
    assert Story(FIELD).field("2026-02-01", "7").value() == "7.00 = 7.00 0.00 0.00 0.00"
    assert Story(FIELD).value() == "0.00 = 0.00 0.00 0.00 0.00"


# --- when, and as known when ----------------------------------------------------------------------
def test_a_future_day_counts_from_its_day_on() -> None:
    story = Story(DEALS).deal(**{**APPROVED, "approved_on": "2026-03-11"})
    assert story.value() == "0 = 0 0 0 0"
    assert story.value(at=NOON + timedelta(days=1)) == "1 = 1 0 0 0"


def test_the_day_of_at_is_that_of_the_organizations_zone() -> None:
    story = Story(DEALS, zone="Pacific/Auckland").deal(**{**APPROVED, "approved_on": "2026-03-11"})
    assert story.value(at=NOON) == "1 = 1 0 0 0"


def test_a_figure_as_known_at_a_moment_is_the_one_given_then_that_moment_included() -> None:
    story = Story(DEALS).deal(**APPROVED)
    known = story.now
    story.deal(version=2, status="rejected")
    assert story.value() == "0 = 0 0 0 0"
    assert story.value(known_at=known) == "1 = 1 0 0 0"
    assert story.value(known_at=known - timedelta(microseconds=1)) == "0 = 0 0 0 0"


def test_tags_goals_and_names_are_those_known_then_too() -> None:
    story = Story(LEADS).campaign("spring").lead(campaign_id="c1")
    known = story.now
    story.campaign("autumn").strategy(REGISTERED)
    assert story.value() == "0 = 0 0 0 0"
    assert story.value(known_at=known) == "1 = 1 0 0 0"
    assert story.world.progress(PLAN, NOON, known)["strategy_name"] == "Strategy 2"
    assert story.world.progress(PLAN, NOON, story.now)["strategy_name"] == "Strategy 7"


def test_before_a_plan_existed_and_after_it_is_deleted_there_is_none() -> None:
    story = Story(DEALS)
    created = story.now
    with pytest.raises(UnknownHereError):
        story.world.progress(PLAN, NOON, created - timedelta(microseconds=1))
    story.plan(deleted=True)
    with pytest.raises(UnknownHereError):
        story.world.progress(PLAN, NOON, story.now)
    assert story.value(known_at=created) == "0 = 0 0 0 0"


# --- versions, conflicts, deletions ---------------------------------------------------------------
def test_the_newest_version_counts_whatever_order_they_come_in() -> None:
    story = Story(DEALS).deal(**APPROVED, version=5).deal(version=4, status="rejected")
    assert story.value() == "1 = 1 0 0 0"


def test_of_two_bodies_of_a_version_the_greater_canonical_one_counts() -> None:
    amounts = [{**WON, "amount": "9.00"}, {**WON, "amount": "10.00"}]
    for one, other in (amounts, reversed(amounts)):
        story = Story(AMOUNT).deal(**one).deal(**other)
        assert story.value() == "9.00 = 9.00 0.00 0.00 0.00"
        assert story.world.ledger.conflicts("deal/d1", story.now)


def test_the_same_version_again_is_the_same_thing_and_known_from_the_first_time() -> None:
    story = Story(DEALS).deal(**APPROVED)
    known = story.now
    story.deal(**APPROVED)
    assert story.value() == story.value(known_at=known) == "1 = 1 0 0 0"
    assert not story.world.ledger.conflicts("deal/d1", story.now)


def test_a_deletion_holds_until_a_higher_version_and_is_remembered_when_it_comes_first() -> None:
    story = Story(DEALS).hear("deal", "deleted", deal_id="d1", version=2).deal(**APPROVED)
    assert story.value() == "0 = 0 0 0 0"
    assert story.deal(**APPROVED, version=3).value() == "1 = 1 0 0 0"


def test_a_deal_given_to_another_partner_leaves_the_first() -> None:
    story = Story(DEALS).deal(**APPROVED).deal(**APPROVED, partner_id="p2", version=2)
    assert story.value() == "0 = 0 0 0 0"


def test_nothing_counts_for_a_partner_that_is_unknown_or_deleted() -> None:
    story = Story(DEALS).deal(**APPROVED)
    story.hear("partner", "deleted", partner_id="p1", version=50)
    assert story.value() == "0 = 0 0 0 0"
    assert story.partner(version=51).value() == "1 = 1 0 0 0"


def test_an_inactive_partners_plan_goes_on_counting() -> None:
    assert Story(DEALS).deal(**APPROVED).partner(active=False).value() == "1 = 1 0 0 0"


# --- explanations ---------------------------------------------------------------------------------
def test_a_verdict_says_for_every_goal_whether_the_record_counts() -> None:
    story = Story(DEALS, goal("closed_won_total_deals_amount", "goal-2", currency="USD")).deal(
        **APPROVED
    )
    assert story.world.verdicts(PLAN, "deal/d1", NOON, story.now) == {
        GOAL: Verdict(GOAL, counts=True, amount=Decimal(1), quarter=1),
        "goal-2": Verdict("goal-2", counts=False),
    }


def test_there_is_no_verdict_on_another_partners_record() -> None:
    story = Story(DEALS).deal(partner_id="p2")
    with pytest.raises(UnknownHereError):
        story.world.verdicts(PLAN, "deal/d1", NOON, story.now)


def test_targets_and_percent_stand_beside_the_values() -> None:
    target = {"annual": "10", "q1": "3", "q2": "3", "q3": "2", "q4": "2"}
    story = Story(DEALS).deal(**APPROVED).plan({GOAL: target})
    [group] = story.world.progress(PLAN, NOON, story.now)["goal_groups"]
    [one] = group["goals"]
    assert (one["target"], one["value"], one["percent"], one["unit"]) == (
        "10",
        "1",
        "10.0",
        "count",
    )
    assert one["quarters"][0] == {
        "quarter": 1,
        "starts": "2026-01-01",
        "ends": "2026-04-01",
        "target": "3",
        "value": "1",
        "percent": "33.3",
    }


# --- mail -----------------------------------------------------------------------------------------
def user(email: str, role: str = "admin") -> dict[str, str]:
    return {"email": email, "name": email, "role": role}


def test_mail_goes_to_each_admin_address_once_whatever_its_case() -> None:
    users = [
        user("A@p1.example"),
        user("a@P1.example"),
        user("b@p1.example"),
        user("m@p1.example", "member"),
    ]
    story = Story(DEALS).partner(users=users)
    assert story.world.recipients(PLAN, story.now) == ["a@p1.example", "b@p1.example"]


def test_mail_goes_to_the_admins_known_at_the_due_time() -> None:
    story = Story(DEALS).partner(users=[user("old@p1.example")])
    known = story.now
    story.partner(users=[user("new@p1.example")])
    assert story.world.recipients(PLAN, known) == ["old@p1.example"]
    assert story.world.recipients(PLAN, story.now) == ["new@p1.example"]


def test_an_inactive_or_deleted_partner_gets_no_mail() -> None:
    story = Story(DEALS).partner(users=[user("a@p1.example")], active=False)
    assert story.world.recipients(PLAN, story.now) == []
    story = Story(DEALS).partner(users=[user("a@p1.example")])
    story.hear("partner", "deleted", partner_id="p1", version=50)
    assert story.world.recipients(PLAN, story.now) == []


def test_a_plans_dues_follow_its_strategy() -> None:
    story = Story(DEALS)
    assert len(story.world.dues(PLAN, story.now)) == 10
    story.strategy(DEALS, start="2026-03-05")
    assert [due.period for due in story.world.dues(PLAN, story.now)][:2] == ["2026-03", "2026-04"]
