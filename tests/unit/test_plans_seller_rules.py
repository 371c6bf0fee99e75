"""The pure rules of seller plans: dates, states, dues, names, numbers, filters, files."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.plans.domain.address_file import read_addresses
from services.plans.domain.people_filter import FilterDraft, PeopleFilter, read_filters
from services.plans.domain.refusal import ConflictError, InvalidError
from services.plans.domain.seller_due import seller_dues
from services.plans.domain.seller_plan import (
    SellerPlan,
    SellerPlanDraft,
    begin_seller_plan,
    default_name,
    default_start,
    sum_up,
    told_count,
)
from services.plans.pages.sellers import draft_of, rows_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = NOW.date()
SUNDAY = date(2026, 3, 15)


def a_plan(**changes: Any) -> SellerPlan:
    told: dict[str, Any] = {
        "seller_plan_id": "x",
        "revision": 1,
        "name": "N",
        "cadence": "monthly",
        "start_date": SUNDAY,
        "created_at": NOW,
        **changes,
    }
    return SellerPlan(**told)


def test_the_default_start_is_the_first_sunday_after_the_day() -> None:
    for days in range(14):
        day = TODAY + timedelta(days=days)
        start = default_start(day)
        assert start.isoweekday() == 7
        assert day < start <= day + timedelta(days=7)
    assert default_start(SUNDAY) == SUNDAY + timedelta(days=7)


def test_states_follow_the_calendar_once_it_is_started() -> None:
    plan = a_plan(scheduled_at=NOW)
    assert plan.end_date == SUNDAY + timedelta(days=84)
    assert a_plan().state_on(plan.end_date) == "draft"
    states = [(-1, "scheduled"), (0, "active"), (83, "active"), (84, "completed")]
    for days, state in states:
        assert plan.state_on(SUNDAY + timedelta(days=days)) == state
    stopped = a_plan(scheduled_at=NOW, stopped_at=NOW)
    assert {stopped.state_on(TODAY + timedelta(days=n)) for n in (0, 10, 200)} == {"stopped"}


def test_only_drafts_start_and_only_what_runs_stops() -> None:
    draft = a_plan()
    scheduled = draft.scheduled(NOW, TODAY)
    assert (scheduled.revision, scheduled.scheduled_at) == (2, NOW)
    for plan in (scheduled, scheduled.stopped(NOW, TODAY)):
        with pytest.raises(ConflictError):
            plan.scheduled(NOW, TODAY)
    for plan, day in ((draft, TODAY), (scheduled, scheduled.end_date)):
        with pytest.raises(ConflictError):
            plan.stopped(NOW, day)
    assert scheduled.stopped(NOW, SUNDAY).stopped_at == NOW
    with pytest.raises(ConflictError, match="passed"):
        draft.scheduled(NOW, SUNDAY + timedelta(days=1))
    assert draft.scheduled(NOW, SUNDAY).state_on(SUNDAY) == "active"


def test_edits_end_with_the_plan_and_dates_with_its_beginning() -> None:
    plan = a_plan(scheduled_at=NOW)
    later = SellerPlanDraft(start_date=SUNDAY + timedelta(days=7))
    assert plan.revised(later, TODAY).start_date == later.start_date
    assert plan.revised(SellerPlanDraft("N", "monthly", SUNDAY), TODAY) is plan
    for change in (later, SellerPlanDraft(cadence="weekly")):
        with pytest.raises(ConflictError, match="active"):
            plan.revised(change, SUNDAY)
    assert plan.revised(SellerPlanDraft(name="M"), SUNDAY).name == "M"
    with pytest.raises(ConflictError, match="completed"):
        plan.revised(SellerPlanDraft(name="M"), plan.end_date)
    past = SellerPlanDraft(start_date=TODAY - timedelta(days=1))
    acts: list[Callable[[], object]] = [
        lambda: plan.revised(past, TODAY),
        lambda: begin_seller_plan(past, "N", "x", NOW, TODAY),
    ]
    for act in acts:
        with pytest.raises(InvalidError) as refused:
            act()
        assert [flaw.pointer for flaw in refused.value.flaws] == ["/start_date"]
    today = SellerPlanDraft(start_date=TODAY)
    assert begin_seller_plan(today, "N", "x", NOW, TODAY).start_date == TODAY


def test_the_default_name_is_numbered_when_taken() -> None:
    assert default_name([]) == "Seller success plan"
    assert default_name(["seller success plan"]) == "Seller success plan 2"
    taken = ["seller success plan", "seller success plan 2", "seller success plan 4"]
    assert default_name(taken) == "Seller success plan 3"


def test_weeks_are_told_on_mondays_within_the_plan() -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)
    end = SUNDAY + timedelta(days=84)
    dues = seller_dues("weekly", SUNDAY, end, ZoneInfo("America/New_York"), 8, early)
    assert len(dues) == 12
    assert dues[0].at == datetime(2026, 3, 16, 12, tzinfo=UTC)  # 08:00 in summer there
    assert [due.period for due in dues[:2]] == ["2026-03-08", "2026-03-15"]
    monday = date(2026, 3, 16)
    assert [
        due.at.date() for due in seller_dues("weekly", monday, monday, ZoneInfo("UTC"), 8, early)
    ] == []
    one = seller_dues("weekly", monday, monday + timedelta(days=1), ZoneInfo("UTC"), 8, early)
    assert [due.period for due in one] == ["2026-03-08"]
    assert (
        seller_dues(
            "weekly",
            monday,
            monday + timedelta(days=1),
            ZoneInfo("UTC"),
            8,
            datetime(2026, 3, 16, 9, tzinfo=UTC),
        )
        == []
    )


def test_months_are_told_on_the_2nd_within_the_plan() -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)

    def told(start: date, end: date) -> list[tuple[str, date]]:
        found = seller_dues("monthly", start, end, ZoneInfo("UTC"), 8, early)
        return [(due.period, due.at.date()) for due in found]

    assert told(SUNDAY, SUNDAY + timedelta(days=84)) == [
        ("2026-03", date(2026, 4, 2)),
        ("2026-04", date(2026, 5, 2)),
        ("2026-05", date(2026, 6, 2)),
    ]
    assert told(date(2026, 1, 2), date(2026, 2, 2)) == [("2025-12", date(2026, 1, 2))]
    assert told(date(2026, 1, 3), date(2026, 2, 2)) == []


def test_below_the_minimum_no_kinds_are_told() -> None:
    few = sum_up({None: 9, "unknown": 1}, 10)
    assert few.answer() == {
        "candidates": 10,
        "qualified": 9,
        "errors": None,
        "minimum_group_size": 10,
        "ready": False,
    }
    enough = sum_up({None: 10, "opted_out": 2}, 10)
    assert enough.ready
    kinds = {"unknown": 0, "unlicensed": 0, "opted_out": 2, "in_another_plan": 0}
    assert (enough.candidates, enough.errors) == (12, kinds)
    assert [told_count(n, 10) for n in (0, 9, 10)] == [None, None, 10]


def test_filters_take_the_names_of_files_and_records_and_custom_ones() -> None:
    drafts = [
        FilterDraft("Organization", "Equals", ["Sales"]),
        FilterDraft("level", "NOT_EQUALS", ["IC", "ic"]),
        FilterDraft("Region", "equals", ["West"]),
        FilterDraft("TimeZone", "equals", ["Pacific Standard Time"]),
        FilterDraft("manager_id", "equals", [" Boss@X.example "]),
    ]
    found = read_filters(drafts, {"Region"})
    assert found == [
        PeopleFilter("Organization", "equals", ("Sales",)),
        PeopleFilter("level", "not_equals", ("IC", "ic")),
        PeopleFilter("Region", "equals", ("West",)),
        PeopleFilter("TimeZone", "equals", ("America/Los_Angeles",)),
        PeopleFilter("manager_id", "equals", ("boss@x.example",)),
    ]
    assert [one.field for one in found] == [
        "organization",
        "level",
        None,
        "time_zone",
        "manager",
    ]


@pytest.mark.parametrize(
    ("draft", "pointer"),
    [
        (FilterDraft("", "equals", ["a"]), "/filters/0/attribute"),
        (FilterDraft("Region", "equals", ["a"]), "/filters/0/attribute"),
        (FilterDraft("PersonId", "equals", ["a@x.example"]), "/filters/0/attribute"),
        (FilterDraft("Organization", "like", ["a"]), "/filters/0/operator"),
        (FilterDraft("Organization", "equals", []), "/filters/0/values"),
        (FilterDraft("Organization", "equals", ["a", " "]), "/filters/0/values/1"),
    ],
)
def test_filters_that_mean_nothing_are_named(draft: FilterDraft, pointer: str) -> None:
    with pytest.raises(InvalidError) as refused:
        read_filters([draft], set())
    assert [flaw.pointer for flaw in refused.value.flaws] == [pointer]


def test_no_filter_is_no_way_to_say_everybody() -> None:
    with pytest.raises(InvalidError):
        read_filters([], set())


def test_rows_of_a_form_that_are_blank_are_no_filters() -> None:
    rows = [
        {"attribute": "Organization", "operator": "equals", "values": "Sales; Inside Sales ;"},
        {"attribute": "", "operator": "equals", "values": ""},
        {"attribute": "", "operator": "not_equals", "values": "x"},
        "no row",
    ]
    assert [draft_of(row) for row in rows_of(rows)] == [
        FilterDraft("Organization", "equals", ["Sales", "Inside Sales"]),
        FilterDraft("", "not_equals", ["x"]),
    ]
    assert rows_of(None) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"a@x.example\nb@x.example\n",
        b"\xef\xbb\xbfEmail\r\nA@x.example \r\n\r\n b@X.example\r\na@x.example",
        b'"PersonId"\n"a@x.example"\n\n"b@x.example"\n',
        b"Email;\na@x.example;\nb@x.example;\n;\n",
        b"Email,\n\"a@x.example\";\n'b@x.example',,\n",
        "Persönlich\na@x.example\rb@x.example".encode("latin-1"),
        "Email\na@x.example\nb@x.example".encode("utf-16"),
    ],
)
def test_files_with_one_column_read_the_same(raw: bytes) -> None:
    assert read_addresses(raw) == ["a@x.example", "b@x.example"]


def test_what_is_no_address_stays_a_candidate_that_nobody_knows() -> None:
    assert read_addresses(b"a@x.example\nnobody\n") == ["a@x.example", "nobody"]
    assert read_addresses("müller@x.example\n".encode("latin-1")) == ["müller@x.example"]
    assert read_addresses(b"") == []
    assert read_addresses(b"Email\n\n") == []


@pytest.mark.parametrize(
    "raw", [b"a@x.example,b@x.example\n", b"Name;Email\nA;a@x.example\n", b"a@x\x00", b"a" * 400]
)
def test_other_files_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidError):
        read_addresses(b"a@x.example\n" + raw)
