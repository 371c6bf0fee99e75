"""The rules of seller insights on examples small enough to be counted by hand (rules, 3)."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.progress.domain.insight.directory import (
    AccountFacts,
    ContactFacts,
    Course,
    Directory,
    PersonFacts,
)
from services.progress.domain.insight.measures import Measured, change, half_up, pair, whole_shares
from services.progress.domain.insight.period import Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.domain.insight.timeline import Involvement, time_of

RULES = InsightRules(zone=ZoneInfo("UTC"))
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MARCH = Period.parse("2026-03")
SELLER, BOSS, CHIEF, BUYER = "ann@our.com", "bob@our.com", "cleo@our.com", "zed@buyer.com"


def act(
    name: str,
    kind: str,
    *people: str,
    at: int = 0,
    minutes: int = 0,
    rank: int = 4,
    sent: bool = False,
    messages: tuple[int, int] = (0, 0),
    chat: str | None = None,
) -> Involvement:
    """Ann's part in an activity that began so many minutes after noon."""
    starts = NOON + timedelta(minutes=at)
    until = starts + timedelta(minutes=minutes) if minutes else None
    there = sorted({SELLER, *people})
    return Involvement(name, kind, starts, starts, until, rank, sent, *messages, chat, there)


def person(
    manager: str | None = None, zone: str | None = None, since: str = "2020-01-01"
) -> PersonFacts:
    return PersonFacts(date.fromisoformat(since), None, manager, "Sales", None, zone)


def measured(*own: Involvement, seller: list[PersonFacts] | None = None) -> Measured:
    people = {
        SELLER: Course(seller or [person(BOSS)]),
        BOSS: Course([person(CHIEF)]),
        CHIEF: Course([person(SELLER)]),
    }
    accounts = {"a1": Course([AccountFacts(date(2020, 1, 1), "Buyer", None, None)])}
    contacts = [Course([ContactFacts(date(2020, 1, 1), "a1", "other@buyer.com")])]
    directory = Directory(people, accounts, contacts, frozenset({"our.com"}), RULES)
    return Measured(SELLER, own, directory)


def seconds(*own: Involvement) -> dict[str, int]:
    return {name: taken // 1_000_000 for name, taken in time_of(own, RULES).items()}


def test_an_email_is_cut_off_at_the_next() -> None:
    first = act("b", "email", BUYER, sent=True)
    assert seconds(first, act("c", "email", BUYER, at=1)) == {"b": 60, "c": 150}
    assert seconds(first, act("a", "email", BUYER, at=0)) == {"a": 0, "b": 300}


def test_a_chat_counts_own_messages_and_those_of_others() -> None:
    assert seconds(act("x", "chat", BUYER, messages=(2, 5))) == {"x": 2 * 22 + 3 * 8}


def test_an_overlap_goes_to_the_likeliest() -> None:
    booked = act("a", "meeting", BUYER, minutes=60)
    accepted = act("b", "call", BUYER, BOSS, at=30, minutes=60, rank=2)
    assert seconds(booked, accepted) == {"a": 1800, "b": 3600}
    smaller = act("c", "meeting", BUYER, minutes=60)
    larger = act("a", "meeting", BUYER, BOSS, minutes=60)
    assert seconds(smaller, larger) == {"a": 0, "c": 3600}


def test_a_day_is_local_in_the_zone_in_force() -> None:
    late = act("a", "email", BUYER, at=12 * 60 + 31 * 24 * 60 - 10 * 24 * 60)
    assert late.starts == datetime(2026, 4, 1, tzinfo=UTC)
    west = [person(), person(zone="America/New_York", since="2026-03-20")]
    assert not measured(late).of(MARCH)
    assert measured(late, seller=west).of(MARCH)


def test_external_is_whole_and_accounts_share_by_head() -> None:
    meeting = act("a", "meeting", BUYER, BOSS, "who@gmail.com", minutes=60)
    found = measured(meeting, act("b", "meeting", BOSS, at=90, minutes=30))
    assert found.both(MARCH) == (Fraction(3600), Fraction(1800))
    assert found.by_account(found.of(MARCH)).ordered() == [("a1", Fraction(1200))]
    assert found.by_group(found.of(MARCH)).ordered() == [("Sales", Fraction(1200 + 1800))]


def test_depth_needs_a_small_group_and_three_messages_of_a_day() -> None:
    few = act("a", "chat", BUYER, messages=(1, 2), chat="c")
    assert measured(few).depth(MARCH) == {}
    more = act("b", "chat", BUYER, at=5, messages=(0, 1), chat="c")
    assert measured(few, more).depth(MARCH) == {"a1": {BUYER}}
    crowd = act("d", "email", BUYER, *(f"p{n}@our.com" for n in range(7)))
    assert measured(crowd).depth(MARCH) == {}


def test_leaders_come_before_the_manager_and_calls_do_not_count() -> None:
    found = measured(
        act("a", "meeting", BUYER, BOSS, CHIEF, minutes=60),
        act("b", "meeting", BUYER, BOSS, at=60, minutes=60),
        act("c", "meeting", BUYER, at=120, minutes=60),
        act("d", "call", BUYER, at=180, minutes=60),
        act("e", "meeting", BOSS, at=240, minutes=30),
    )
    alone_with, came = found.manager(MARCH)
    assert alone_with == 1800
    assert {who: shares.seconds("a1") for who, shares in came.items()} == {
        "alone": 3600,
        "manager": 1800,
        "leadership": 1200,
    }


def test_figures_are_rounded_once_half_up() -> None:
    assert half_up(Fraction(5, 2)) == 3
    assert change(Fraction(3), Fraction(2)) == 50
    assert change(Fraction(3), Fraction(0)) is None
    assert pair(Fraction(1), Fraction(199)) == (1, 99)
    assert whole_shares([Fraction(1)] * 3) == [34, 33, 33]
