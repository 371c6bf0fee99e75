"""The seller oracle against examples worked out by hand, a sentence of section 3 each."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.oracle.insight import Company, PeerFigure, Rules, peer_figure
from tests.oracle.insight.period import Period
from tests.oracle.insight.rules import change, half_up, hours, pair, three

Data = dict[str, Any]

ANN, BOB, CAT, DAN = (f"{name}@home.example" for name in ("ann", "bob", "cat", "dan"))
ZOE, YAN = "zoe@acme.example", "yan@acme.example"
STRANGER = "who@nowhere.example"
LATER = datetime(2026, 6, 1, tzinfo=UTC)
MONTH = "2026-03"


class Story:
    """A company of four; what is told is accepted a second after what was told before."""

    def __init__(self, **rules: Any) -> None:
        self.company = Company(Rules(**rules))
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.told = 0
        for person, manager in ((ANN, BOB), (BOB, CAT), (CAT, DAN), (DAN, None)):
            self.person(person, manager_id=manager, organization="Sales")

    def tell(self, kind: str, data: Data, *, deleted: bool = False) -> datetime:
        self.told += 1
        self.at += timedelta(seconds=1)
        what = "deleted" if deleted else "recorded"
        self.company.hear(f"milepost.{kind}.{what}.v1", {"version": self.told, **data}, self.at)
        return self.at

    def person(self, person: str, effective_on: str = "2025-01-01", **values: Any) -> datetime:
        row = {"person_id": person, "effective_on": effective_on}
        return self.tell("person", {**row, "licensed": True, "opted_out": False, **values})

    def account(self, account_id: str, effective_on: str = "2025-01-01", **values: Any) -> datetime:
        row = {"account_id": account_id, "effective_on": effective_on, "name": account_id.title()}
        return self.tell("crm_account", {**row, **values})

    def contact(
        self, email: str, account_id: str, effective_on: str = "2025-01-01", contact_id: str = ""
    ) -> datetime:
        row = {"contact_id": contact_id or email, "effective_on": effective_on}
        return self.tell("crm_contact", {**row, "account_id": account_id, "email": email})

    def happens(self, kind: str, starts: str, people: Any, ends: str = "", **values: Any) -> str:
        """Something in March 2026: `09 10:00` is the time, the first of the people began it."""
        data = {
            "interaction_id": values.pop("name", f"i{self.told:03}"),
            "kind": kind,
            "started_at": _time(starts),
            "participants": [_listed(kind, at, one) for at, one in enumerate(people)],
            **({"ended_at": _time(ends)} if ends else {}),
            **values,
        }
        self.tell("interaction", data)
        return str(data["interaction_id"])

    def seconds(self, person: str = ANN) -> dict[str, Fraction]:
        return self.company.known(self.at, LATER).measured(person).seconds

    def insight(
        self,
        period: str = MONTH,
        person: str = ANN,
        known_at: datetime | None = None,
        **at: datetime,
    ) -> Data:
        return self.company.insights(person, period, known_at or self.at, at.get("now", LATER))


def _time(text: str) -> str:
    return text if "T" in text else f"2026-03-{text.replace(' ', 'T')}:00Z"


def _listed(kind: str, at: int, one: Any) -> Data:
    if isinstance(one, dict):
        return {"role": "attendee", **one}
    first, other = (
        ("sender", "recipient") if kind in ("email", "chat") else ("organizer", "attendee")
    )
    return {"address": one, "role": other if at else first}


def others(count: int) -> list[str]:
    return [f"p{number}@home.example" for number in range(count)]


def responding(address: str, response: str | None = None, **more: Any) -> Data:
    return {"address": address, "role": "attendee", "response": response, **more}


# --- addresses ------------------------------------------------------------------------------------
def test_addresses_compare_trimmed_and_in_lower_case() -> None:
    story = Story()
    story.happens("email", "02 09:00", [" ANN@Home.Example ", BOB])
    assert story.seconds() == {"i004": 300}


def test_one_listed_twice_is_one_person_with_the_strongest_role_and_best_response() -> None:
    story = Story()
    twice = [responding(ANN, "declined"), responding(ANN.upper(), "tentative"), responding(BOB)]
    story.happens("meeting", "02 09:00", twice, "02 10:00", name="a")
    alone = [responding(ANN), responding(ANN, "accepted")]
    story.happens("meeting", "03 09:00", alone, "03 10:00", name="b")
    sent = [{"address": ANN, "role": "recipient"}, {"address": ANN, "role": "sender"}, BOB]
    story.happens("email", "04 09:00", sent, name="c")
    assert story.seconds() == {"a": 3600, "c": 300}


def test_a_new_address_is_a_new_person() -> None:
    story = Story()
    story.happens("email", "02 09:00", ["ann.new@home.example", BOB])
    assert story.seconds() == {}


# --- seconds --------------------------------------------------------------------------------------
def test_a_meeting_takes_what_is_booked() -> None:
    story = Story()
    story.happens("meeting", "02 09:00", [ANN, BOB], "02 09:50")
    assert list(story.seconds().values()) == [3000]


def test_a_call_takes_from_joining_to_leaving_and_each_bound_falls_back_to_the_calls() -> None:
    story = Story()
    late = responding(ANN, joined_at=_time("02 09:10"))
    early = responding(BOB, left_at=_time("02 09:20"))
    story.happens("call", "02 09:00", [late, early, CAT], "02 10:00")
    assert [*story.seconds(ANN).values()] == [50 * 60]
    assert [*story.seconds(BOB).values()] == [20 * 60]
    assert [*story.seconds(CAT).values()] == [60 * 60]


def test_an_email_takes_300_seconds_to_send_and_150_to_receive() -> None:
    story = Story()
    story.happens("email", "02 09:00", [ANN, BOB])
    assert [*story.seconds(ANN).values()] == [300]
    assert [*story.seconds(BOB).values()] == [150]


def test_an_email_is_cut_off_at_the_next_email_action_in_order_of_time_then_id() -> None:
    story = Story()
    story.happens("email", "02 09:00", [ANN, BOB], name="a")
    story.happens("email", "02 09:04", [BOB, ANN], name="c")
    story.happens("email", "02 09:04", [BOB, ANN], name="b")
    assert story.seconds(ANN) == {"a": 240, "b": 0, "c": 150}


def test_emails_cut_each_other_off_across_days_and_periods() -> None:
    story = Story()
    story.happens("email", "31 23:58", [ANN, BOB], name="a")
    story.happens("email", "2026-04-01T00:00:00Z", [ANN, BOB], name="b")
    assert story.insight("2026-03")["collaboration"]["seconds"] == 120
    assert story.insight("2026-04")["collaboration"]["seconds"] == 300


def test_a_chat_takes_22_seconds_a_message_of_ones_own_and_8_a_message_of_others() -> None:
    story = Story()
    counted = [
        {**_listed("chat", at, who), "messages": at + 1} for at, who in enumerate((ANN, BOB))
    ]
    story.happens("chat", "02 09:00", counted, name="a")
    story.happens("chat", "02 10:00", [BOB, ANN, CAT], name="b")
    assert story.seconds(ANN) == {"a": 22 + 2 * 8, "b": 8}
    assert story.seconds(BOB) == {"a": 2 * 22 + 8, "b": 22}


# --- who was there --------------------------------------------------------------------------------
def test_who_declined_was_not_there_for_size_external_head_count_or_depth() -> None:
    story = Story()
    story.account("acme")
    story.contact(ZOE, "acme")
    declined = [ANN, BOB, responding(ZOE, "declined")]
    story.happens("meeting", "02 09:00", declined, "02 10:00")
    story.happens("meeting", "03 09:00", [ANN, responding(BOB, "declined")], "03 10:00")
    found = story.insight()
    assert found["collaboration"]["internal"]["seconds"] == 3600
    assert found["internal_networks"]["groups"][0]["seconds"] == 3600
    assert found["depth_of_engagement"]["accounts"] == []


def test_an_organizer_was_there_whatever_it_answered_and_no_answer_is_none() -> None:
    story = Story()
    organizer = {"address": ANN, "role": "organizer", "response": "declined"}
    story.happens("meeting", "02 09:00", [organizer, responding(BOB)], "02 10:00", name="a")
    assert story.seconds(ANN) == story.seconds(BOB) == {"a": 3600}


@pytest.mark.parametrize("kind", ["email", "meeting", "call", "chat"])
def test_cancelled_alone_and_250_people_are_excluded(kind: str) -> None:
    story = Story()
    story.happens(kind, "02 09:00", [ANN, BOB], "02 10:00", name="cancelled", cancelled=True)
    story.happens(kind, "03 09:00", [ANN], "03 10:00", name="alone")
    story.happens(kind, "04 09:00", [ANN, *others(249)], "04 10:00", name="crowd")
    story.happens(kind, "05 09:00", [ANN, *others(248)], "05 10:00", name="many")
    assert [*story.seconds()] == ["many"]


def test_meetings_and_calls_of_eight_hours_as_booked_or_of_no_length_are_excluded() -> None:
    story = Story()
    short = responding(ANN, joined_at=_time("02 09:00"), left_at=_time("02 09:05"))
    story.happens("call", "02 09:00", [short, BOB], "02 17:00")
    story.happens("meeting", "03 09:00", [ANN, BOB], "03 17:00")
    story.happens("meeting", "04 09:00", [ANN, BOB], "04 09:00")
    story.happens("meeting", "05 09:00", [ANN, BOB], "05 16:59", name="long")
    assert story.seconds() == {"long": 8 * 3600 - 60}


def test_excluded_emails_are_no_actions() -> None:
    story = Story()
    story.happens("email", "02 09:00", [ANN, BOB], name="a")
    story.happens("email", "02 09:01", [ANN], name="b")
    story.happens("email", "02 09:02", [ANN, *others(249)], name="c")
    assert story.seconds() == {"a": 300}


# --- overlaps -------------------------------------------------------------------------------------
def test_overlapping_meetings_and_calls_count_once() -> None:
    story = Story()
    story.happens("meeting", "02 14:00", [ANN, BOB], "02 15:00", name="a")
    story.happens("call", "02 14:30", [ANN, BOB], "02 15:30", name="b")
    assert story.seconds() == {"a": 3600, "b": 1800}


def test_an_overlapped_second_goes_to_the_one_most_likely_attended() -> None:
    story = Story()
    for name, response in (("d", "none"), ("c", "tentative"), ("b", "accepted")):
        there = [responding(ANN, response), BOB]
        story.happens("meeting", "02 09:00", there, "02 12:00", name=name)
    story.happens("meeting", "02 11:00", [ANN, BOB], "02 12:00", name="z")
    assert story.seconds() == {"d": 0, "c": 0, "b": 7200, "z": 3600}


def test_of_equal_likelihood_fewer_people_then_earlier_own_start_then_id_decide() -> None:
    story = Story()
    story.happens("meeting", "02 09:00", [ANN, BOB, CAT], "02 10:00", name="a")
    story.happens("meeting", "02 09:30", [ANN, BOB], "02 10:00", name="b")
    joined = {"address": ANN, "role": "organizer", "joined_at": _time("03 09:20")}
    story.happens("call", "03 09:00", [joined, BOB], "03 10:00", name="c")
    story.happens("call", "03 09:10", [ANN, BOB], "03 10:00", name="d")
    story.happens("call", "04 09:00", [ANN, BOB], "04 10:00", name="f")
    story.happens("call", "04 09:00", [ANN, BOB], "04 10:00", name="e")
    assert story.seconds() == {"a": 1800, "b": 1800, "c": 0, "d": 3000, "e": 3600, "f": 0}


def test_one_time_line_across_days_and_periods() -> None:
    story = Story()
    story.happens("meeting", "31 23:30", [ANN, BOB], "2026-04-01T00:30:00Z", name="a")
    story.happens("meeting", "2026-04-01T00:00:00Z", [BOB, ANN], "2026-04-01T01:00:00Z", name="b")
    assert story.insight("2026-03")["collaboration"]["seconds"] == 3600
    assert story.insight("2026-04")["collaboration"]["seconds"] == 1800


# --- days -----------------------------------------------------------------------------------------
def test_an_activity_belongs_with_all_its_seconds_to_the_local_day_of_its_start() -> None:
    story = Story()
    story.person(ANN, time_zone="America/New_York", organization="Sales")
    story.happens("meeting", "2026-04-01T03:30:00Z", [ANN, BOB], "2026-04-01T04:30:00Z")
    assert story.insight("2026-03")["collaboration"]["seconds"] == 3600
    assert story.insight("2026-04", BOB)["collaboration"]["seconds"] == 3600
    assert story.insight("2026-03")["time_zone"] == "America/New_York"


def test_the_zone_is_of_the_row_in_force_on_the_starts_utc_day_and_else_the_organizations() -> None:
    story = Story(zone=ZoneInfo("Asia/Tokyo"))
    story.person(ANN, "2026-03-31", time_zone="UTC")
    story.happens("email", "2026-03-31T23:00:00Z", [ANN, BOB])
    story.happens("email", "30 23:00", [ANN, BOB])
    assert story.insight("2026-03")["collaboration"]["seconds"] == 600
    assert story.insight("2026-04", BOB)["collaboration"]["seconds"] == 150


def test_daylight_saving_moves_the_local_day() -> None:
    story = Story()
    story.person(ANN, time_zone="Europe/Berlin")
    story.happens("email", "28 23:30", [ANN, BOB])  # 00:30 on the 29th, still winter
    story.happens("email", "29 22:30", [ANN, BOB])  # 00:30 on the 30th, summer
    days = story.company.known(story.at, LATER).measured(ANN)._days
    assert sorted(str(day) for day in days.values()) == ["2026-03-29", "2026-03-30"]


def test_what_is_dated_later_than_now_counts_once_it_has_begun() -> None:
    story = Story()
    story.happens("meeting", "10 09:00", [ANN, BOB], "10 10:00")
    before = datetime(2026, 3, 10, 8, 59, tzinfo=UTC)
    begun = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    assert story.insight(now=before)["collaboration"]["seconds"] == 0
    assert story.insight(now=begun)["collaboration"]["seconds"] == 3600


# --- insiders and customers -----------------------------------------------------------------------
def external(story: Story) -> int:
    return int(story.insight()["collaboration"]["external"]["seconds"])


def test_external_hours_count_an_activity_with_an_outsider_whole_and_all_others_are_internal() -> (
    None
):
    story = Story()
    story.happens("meeting", "02 09:00", [ANN, BOB, CAT, STRANGER], "02 10:00")
    story.happens("meeting", "03 09:00", [ANN, BOB], "03 09:30")
    found = story.insight()["collaboration"]
    assert (found["seconds"], found["hours"]) == (5400, "1.50")
    assert (found["external"]["seconds"], found["internal"]["seconds"]) == (3600, 1800)
    assert (found["external"]["percent"], found["internal"]["percent"]) == (67, 33)


def test_an_insider_is_a_known_person_or_of_the_organizations_domains() -> None:
    story = Story(domains=frozenset({"home.example"}))
    story.person("guest@gmail.com")
    story.happens("email", "02 09:00", [ANN, "new@home.example"])
    story.happens("email", "03 09:00", [ANN, "guest@gmail.com"])
    assert external(story) == 0
    story.happens("email", "04 09:00", [ANN, "new@sub.home.example"])
    story.happens("email", "05 09:00", [ANN, "other@gmail.com"])
    assert external(story) == 600


def test_without_a_setting_the_domains_are_those_of_known_people_but_never_public_ones() -> None:
    story = Story()
    story.person("guest@gmail.com")
    story.happens("email", "02 09:00", [ANN, "new@home.example"])
    story.happens("email", "03 09:00", [ANN, "other@gmail.com"])
    assert external(story) == 300


def customers(story: Story, period: str = MONTH) -> dict[str, int]:
    found = story.insight(period)["time_with_customers"]
    return {one["account_id"]: one["seconds"] for one in found}


def test_a_customer_is_matched_by_its_exact_address_first() -> None:
    story = Story()
    story.account("acme")
    story.account("other")
    story.contact(ZOE, "acme")
    story.contact("x@acme.example", "other")
    story.happens("email", "02 09:00", [ANN, ZOE])
    story.happens("email", "03 09:00", [ANN, YAN])  # the domain gives two accounts
    assert customers(story) == {"acme": 300}


def test_of_several_contacts_the_newest_row_then_the_smallest_account_id_counts() -> None:
    story = Story()
    for account in ("a", "b", "c"):
        story.account(account)
    story.contact(ZOE, "a", "2025-01-01", "k1")
    story.contact(ZOE, "c", "2025-02-01", "k2")
    story.contact(ZOE, "b", "2025-02-01", "k3")
    story.happens("email", "02 09:00", [ANN, ZOE])
    assert customers(story) == {"b": 300}


def test_else_a_work_domain_that_the_contacts_in_force_give_to_one_account() -> None:
    story = Story()
    story.account("acme")
    story.account("mail")
    story.contact(ZOE, "acme")
    story.contact("someone@gmail.com", "mail")
    story.happens("email", "02 09:00", [ANN, YAN])
    story.happens("email", "03 09:00", [ANN, "other@gmail.com"])
    story.happens("email", "04 09:00", [ANN, "someone@gmail.com"])
    assert customers(story) == {"acme": 300, "mail": 300}


def test_a_contact_moves_to_another_account_on_its_day() -> None:
    story = Story()
    story.account("a")
    story.account("b")
    story.contact(ZOE, "a", "2026-01-01", "k")
    story.contact(ZOE, "b", "2026-03-03", "k")
    for day in ("02", "03", "04"):
        story.happens("email", f"{day} 09:00", [ANN, ZOE])
    assert customers(story) == {"b": 600, "a": 300}


def test_before_the_first_row_the_first_row_applies() -> None:
    story = Story()
    story.account("a", "2026-12-01", annual_revenue="946000")
    story.contact(ZOE, "a", "2026-12-01")
    story.happens("email", "02 09:00", [ANN, ZOE])
    first = story.insight()["time_with_customers"][0]
    assert (first["name"], first["annual_revenue"], first["currency"]) == ("A", "946000", "USD")


def test_a_contact_whose_account_is_unknown_waits_for_it() -> None:
    story = Story()
    story.contact(ZOE, "acme")
    story.happens("email", "02 09:00", [ANN, ZOE])
    assert customers(story) == {}
    story.account("acme")
    assert customers(story) == {"acme": 300}


# --- allocation -----------------------------------------------------------------------------------
def test_the_seconds_are_divided_over_the_other_people_by_head_count() -> None:
    story = Story()
    story.account("acme")
    story.contact(ZOE, "acme")
    story.person(BOB, organization="Presales")
    there = [ANN, BOB, CAT, ZOE, YAN, STRANGER]
    story.happens("meeting", "02 09:00", there, "02 10:00")
    assert customers(story) == {"acme": 1440}
    groups = story.insight()["internal_networks"]["groups"]
    assert [(one["group"], one["seconds"]) for one in groups] == [("Presales", 720), ("Sales", 720)]


def test_a_figure_is_rounded_once_at_the_end() -> None:
    story = Story()
    story.account("acme")
    story.contact(ZOE, "acme")
    for day in ("02", "03", "04"):
        story.happens("email", f"{day} 09:00", [ZOE, ANN, *others(7)])  # 150 / 8 = 18.75 each
    assert customers(story) == {"acme": 56}  # 56.25; rounded each time it would be 57


def test_the_group_attribute_is_a_setting() -> None:
    story = Story(group_attribute="function")
    story.person(BOB, organization="Sales", function="Presales")
    story.happens("email", "02 09:00", [ANN, BOB])
    found = story.insight()["internal_networks"]
    assert found["attribute"] == "function"
    assert found["groups"] == [{"group": "Presales", "seconds": 300, "hours": "0.08"}]


# --- depth ----------------------------------------------------------------------------------------
def depth(story: Story, period: str = MONTH) -> dict[str, int]:
    found = story.insight(period)["depth_of_engagement"]["accounts"]
    return {one["account_id"]: one["people"] for one in found}


def engaged() -> Story:
    story = Story()
    story.account("acme")
    story.contact(ZOE, "acme")
    return story


def test_depth_counts_distinct_matched_outsiders_with_a_meaningful_interaction() -> None:
    story = engaged()
    story.happens("email", "10 09:00", [ANN, ZOE, YAN, STRANGER])
    story.happens("call", "11 09:00", [ANN, ZOE], "11 09:30")
    assert depth(story) == {"acme": 2}


def test_depth_looks_at_the_28_days_that_end_with_the_period() -> None:
    story = engaged()
    story.happens("email", "03 23:59", [ANN, ZOE])
    assert depth(story) == {}
    story.happens("email", "04 00:00", [ANN, ZOE])
    assert depth(story) == {"acme": 1}
    found = story.insight("2026-03-01")["depth_of_engagement"]
    assert (found["starts"], found["ends"]) == ("2026-02-08", "2026-03-08")


def test_nine_people_are_too_many_for_a_meaningful_interaction() -> None:
    story = engaged()
    story.happens("meeting", "10 09:00", [ANN, ZOE, *others(7)], "10 10:00")
    assert depth(story) == {}
    story.happens("meeting", "11 09:00", [ANN, ZOE, *others(6)], "11 10:00")
    assert depth(story) == {"acme": 1}


def test_chats_need_three_messages_of_one_chat_and_local_day() -> None:
    story = engaged()
    story.happens("chat", "10 09:00", [ANN, ZOE], chat_id="c1")
    story.happens("chat", "10 10:00", [ANN, ZOE], chat_id="c1")
    story.happens("chat", "11 10:00", [ANN, ZOE], chat_id="c1")
    story.happens("chat", "10 11:00", [ANN, ZOE], chat_id="c2")
    story.happens("chat", "10 12:00", [ANN, ZOE])
    story.happens("chat", "10 13:00", [ANN, ZOE])
    story.happens("chat", "10 14:00", [ANN, ZOE])
    assert depth(story) == {}
    story.happens("chat", "10 15:00", [ZOE, ANN], chat_id="c1")
    assert depth(story) == {"acme": 1}


def test_a_chat_without_an_id_counts_by_itself() -> None:
    story = engaged()
    three_of = {"address": ANN, "role": "sender", "messages": 3}
    story.happens("chat", "10 09:00", [three_of, {"address": ZOE, "role": "recipient"}])
    assert depth(story) == {"acme": 1}


# --- manager --------------------------------------------------------------------------------------
def managed(story: Story) -> Data:
    found: Data = story.insight()["manager_interactions"]
    return found


def test_meeting_hours_with_an_account_are_split_by_leadership_else_manager_else_alone() -> None:
    story = engaged()
    story.happens("meeting", "02 09:00", [ANN, ZOE], "02 10:00")
    story.happens("meeting", "03 09:00", [ANN, ZOE, BOB], "03 10:00")
    story.happens("meeting", "04 09:00", [ANN, ZOE, BOB, CAT], "04 10:00")
    story.happens("meeting", "05 09:00", [ANN, ZOE, DAN], "05 10:00")
    story.happens("call", "06 09:00", [ANN, ZOE, DAN], "06 10:00")
    (account,) = managed(story)["accounts"]
    assert account["seconds"] == 3600 + 1800 + 1200 + 1800
    assert account["alone"] == {"seconds": 3600, "hours": "1.00", "percent": 43}
    assert account["with_manager"] == {"seconds": 1800, "hours": "0.50", "percent": 21}
    assert account["with_leadership"] == {"seconds": 3000, "hours": "0.83", "percent": 36}


def test_one_to_one_is_a_meeting_of_exactly_the_seller_and_its_manager() -> None:
    story = Story()
    story.happens("meeting", "02 09:00", [BOB, ANN], "02 09:30")
    story.happens("meeting", "03 09:00", [BOB, ANN, responding(CAT, "declined")], "03 09:30")
    story.happens("meeting", "04 09:00", [BOB, ANN, CAT], "04 09:30")
    story.happens("call", "05 09:00", [BOB, ANN], "05 09:30")
    assert managed(story)["one_to_one"] == {"seconds": 3600, "hours": "1.00"}


def test_the_manager_is_that_of_the_row_in_force_on_the_day() -> None:
    story = Story()
    story.person(ANN, "2026-03-03", manager_id=DAN)
    story.happens("meeting", "02 09:00", [DAN, ANN], "02 09:30")
    story.happens("meeting", "03 09:00", [DAN, ANN], "03 09:10")
    assert managed(story)["one_to_one"]["seconds"] == 600


def test_a_loop_of_managers_comes_to_an_end() -> None:
    story = engaged()
    story.person(CAT, manager_id=ANN)
    leaders = story.company.known(story.at, LATER)._directory.leadership(ANN, date(2026, 3, 1))
    assert leaders == {CAT}


# --- periods, names, changes ----------------------------------------------------------------------
def test_a_month_is_of_the_calendar_and_a_week_runs_from_sunday_to_saturday() -> None:
    assert Period.parse("2026-12").ends == date(2027, 1, 1)
    assert Period.parse("2026-03").before.name == "2026-02"
    assert Period.parse("2026-03-01").ends == date(2026, 3, 8)
    assert Period.parse("2026-03-01").before.name == "2026-02-22"
    for wrong in ("2026-03-02", "2026-13", "2026", "2026-3", "", "2026-02-30"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            Period.parse(wrong)


def test_name_and_revenue_are_those_in_force_on_the_last_day() -> None:
    story = engaged()
    story.account("acme", "2026-03-31", name="Acme New", annual_revenue="5", currency="EUR")
    story.account("acme", "2026-04-01", name="Acme Newest")
    story.happens("email", "02 09:00", [ANN, ZOE])
    (found,) = story.insight()["time_with_customers"]
    named = {key: found[key] for key in ("name", "annual_revenue", "currency")}
    assert named == {"name": "Acme New", "annual_revenue": "5", "currency": "EUR"}


def test_change_is_of_the_hours_in_whole_percent_and_none_from_nothing() -> None:
    story = engaged()
    story.happens("meeting", "2026-02-02T09:00:00Z", [ANN, ZOE], "2026-02-02T10:00:00Z")
    story.happens("meeting", "02 09:00", [ANN, ZOE], "02 09:40")
    story.happens("meeting", "03 09:00", [ANN, BOB], "03 10:00")
    found = story.insight()
    assert found["time_with_customers"][0]["change_percent"] == -33
    assert found["collaboration"]["external"]["change_percent"] == -33
    assert found["collaboration"]["internal"]["change_percent"] is None
    assert change(Fraction(5), Fraction(0)) is None


def test_shares_add_up_to_100() -> None:
    assert pair(Fraction(1), Fraction(2)) == (33, 67)
    assert pair(Fraction(1), Fraction(199)) == (1, 99)
    assert three([Fraction(1), Fraction(1), Fraction(1)]) == [34, 33, 33]
    assert three([Fraction(2), Fraction(3), Fraction(1)]) == [33, 50, 17]


def test_halves_are_rounded_up() -> None:
    assert [half_up(Fraction(n, 2)) for n in (1, 3, 5)] == [1, 2, 3]
    assert hours(Fraction(18)) == "0.01"  # 0.005 hours
    assert hours(Fraction(45000)) == "12.50"


# --- known at -------------------------------------------------------------------------------------
def test_figures_are_those_known_at_a_moment() -> None:
    story = Story()
    story.happens("email", "02 09:00", [ANN, ZOE], name="a")
    first = story.at
    story.account("acme")
    story.contact(ZOE, "acme")
    uploaded = story.at
    story.tell("interaction", {"interaction_id": "a"}, deleted=True)
    assert story.insight(known_at=first)["time_with_customers"] == []
    assert story.insight(known_at=uploaded)["time_with_customers"][0]["seconds"] == 300
    assert story.insight()["collaboration"]["seconds"] == 0


# --- peers ----------------------------------------------------------------------------------------
def both(external_hours: int, internal_hours: int) -> tuple[Fraction, Fraction]:
    return Fraction(external_hours), Fraction(internal_hours)


def test_the_peer_split_is_of_the_means_and_needs_enough_people_with_collaboration() -> None:
    busy = {f"p{n}": both(n, 2) for n in range(5)}
    found = peer_figure("2026-03", busy, 5, None)
    assert found == PeerFigure("2026-03", 50, 50, frozenset(busy))
    assert peer_figure("2026-03", {**busy, "p0": both(0, 0)}, 5, None) is None


def test_a_cohort_that_differs_by_a_few_gets_the_older_figure() -> None:
    busy = {f"p{n}": both(1, 1) for n in range(12)}
    last = peer_figure("2026-03", busy, 5, None)
    fewer = {name: both(3, 1) for name in [*busy][1:]}
    assert peer_figure("2026-04", fewer, 5, last) == last
    fewest = {name: both(3, 1) for name in [*busy][5:]}
    assert peer_figure("2026-04", fewest, 5, last) == PeerFigure(
        "2026-04", 75, 25, frozenset(fewest)
    )
    assert peer_figure("2026-04", busy, 5, last) == PeerFigure("2026-04", 50, 50, frozenset(busy))
