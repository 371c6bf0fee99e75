"""From an upstream event to the figures of a plan, through the services' own doors."""

import asyncio
import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.flow.doors import Data, Doors, event, eventually, fresh
from tests.oracle import quarter_of, quarters, year_end

pytestmark = pytest.mark.flow

APPROVED = {"type": "approved_registered_deals", "options": {}}
WON = {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
REGISTERED = {"type": "registered_leads", "options": {}}
ACCOUNTS = {"type": "approved_accounts", "options": {}}


def days_ago(doors: Doors, days: int) -> str:
    return str(doors.today() - timedelta(days=days))


def deal(doors: Doors, partner: str, **changes: Any) -> Data:
    """A deal approved ten days ago and won five days ago."""
    told = {
        "deal_id": fresh("d"),
        "version": 1,
        "partner_id": partner,
        "products": ["Disk"],
        "status": "closed_won",
        "amount": "100.50",
        "currency": "USD",
        "approved_on": days_ago(doors, 10),
        "closed_on": days_ago(doors, 5),
    }
    return {**told, **changes}


def planned(doors: Doors, *goals: Data, **changes: Any) -> tuple[str, Data, Data]:
    """A partner, a strategy with goals and a plan of the two."""
    partner = doors.partner()
    strategy = doors.strategy(*goals, **changes)
    return partner, strategy, doors.plan(strategy, partner)


def goals_of(strategy: Data) -> list[Data]:
    return [goal for group in strategy["goal_groups"] for goal in group["goals"]]


# --- the answer ---------------------------------------------------------------------------------
def test_a_deal_told_over_http_shows_in_the_plan_in_the_contracts_shape(doors: Doors) -> None:
    partner, strategy, plan = planned(doors, APPROVED, WON)
    goal = goals_of(strategy)[1]
    targets = {goal["goal_id"]: {"annual": "1000"}}
    doors.call("PUT", "plans", f"/v1/plans/{plan['plan_id']}/targets", json={"targets": targets})
    doors.tell("deal", **deal(doors, partner))
    found = doors.shows(plan["plan_id"], "1", "100.50")
    eventually(
        lambda: doors.progress(plan["plan_id"])["goal_groups"][0]["goals"][1]["target"],
        lambda target: target == "1000.00",
    )
    found = doors.progress(plan["plan_id"])
    start = date.fromisoformat(strategy["start_date"])
    wanted = {"plan_id", "strategy_name", "partner_id", "start_date", "end_date", "status", "at"}
    assert wanted | {"known_at", "complete_to", "goal_groups"} <= set(found)
    assert found["plan_id"] == plan["plan_id"]
    assert found["strategy_name"] == strategy["name"]
    assert found["partner_id"] == partner
    assert (found["start_date"], found["end_date"]) == (str(start), str(year_end(start)))
    assert found["status"] == "in_progress"
    [group] = found["goal_groups"]
    assert group["name"] == "Goals"
    one = group["goals"][1]
    assert (one["goal_id"], one["type"], one["unit"]) == (goal["goal_id"], goal["type"], "USD")
    assert (one["target"], one["value"], one["percent"]) == ("1000.00", "100.50", "10.1")
    assert [(q["quarter"], q["starts"], q["ends"], q["target"]) for q in one["quarters"]] == [
        (number, str(first), str(after), "250.00")
        for number, (first, after) in enumerate(quarters(start), 1)
    ]
    assert sum(Decimal(quarter["value"]) for quarter in one["quarters"]) == Decimal("100.50")
    assert group["goals"][0]["unit"] == "count"
    assert group["goals"][0]["percent"] is None


def test_a_goal_without_a_name_is_called_by_its_types_label(doors: Doors) -> None:
    _, _, plan = planned(doors, APPROVED, {**WON, "name": "Umsatz"})
    names = [g["name"] for g in doors.progress(plan["plan_id"])["goal_groups"][0]["goals"]]
    assert names == ["Approved Registered Deals", "Umsatz"]


async def _produce(
    bootstrap: str, *messages: tuple[bytes | None, bytes, list[tuple[str, bytes]]]
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for key, value, headers in messages:
            await producer.send_and_wait("milepost.inbound.v1", value, key=key, headers=headers)
    finally:
        await producer.stop()


def produce(doors: Doors, *messages: tuple[bytes | None, bytes, list[tuple[str, bytes]]]) -> None:
    asyncio.run(_produce(doors.stack["kafka"], *messages))


def binary(told: Data, **changes: bytes) -> tuple[None, bytes, list[tuple[str, bytes]]]:
    """A message in Kafka's binary mode."""
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": told["id"].encode(),
        "ce_source": told["source"].encode(),
        "ce_type": told["type"].encode(),
        "content-type": b"application/json",
        **changes,
    }
    return None, json.dumps(told["data"]).encode(), list(headers.items())


def structured(told: Data) -> tuple[None, bytes, list[tuple[str, bytes]]]:
    """A message in structured mode."""
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    return None, json.dumps(told).encode(), headers


def test_events_on_the_raw_inbound_topic_count_in_both_modes(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    one, other = (event("deal", deal(doors, partner)) for _ in range(2))
    produce(doors, binary(one), structured(other))
    doors.shows(plan["plan_id"], "2")


# --- late, repeated, corrected ------------------------------------------------------------------
def test_a_repeated_event_counts_once(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED, WON)
    told = event("deal", deal(doors, partner))
    doors.send(told, told)
    doors.send(told)
    doors.send({**told, "id": "another-id"})
    doors.shows(plan["plan_id"], "1", "100.50")
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["1", "100.50"]


def test_corrections_move_the_figures_each_in_its_own_quarter(doors: Doors) -> None:
    start = doors.today() - timedelta(days=200)
    partner, _, plan = planned(doors, WON, start=start)
    told = deal(doors, partner)
    doors.tell("deal", **told)
    doors.shows(plan["plan_id"], "100.50")
    early = str(start + timedelta(days=3))
    doors.tell("deal", **{**told, "version": 5, "amount": "7", "closed_on": early})
    found = doors.shows(plan["plan_id"], "7.00")
    by_quarter = [q["value"] for q in found["goal_groups"][0]["goals"][0]["quarters"]]
    assert by_quarter == ["7.00", "0.00", "0.00", "0.00"]
    doors.tell("deal", **{**told, "version": 3, "amount": "55"})  # stale: changes nothing
    doors.tell("deal", **{**told, "version": 6, "status": "approved"})  # reopened
    doors.shows(plan["plan_id"], "0.00")
    doors.tell("deal", **{**told, "version": 7, "currency": "EUR"})
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["0.00"]
    doors.tell("deal", **{**told, "version": 8})
    doors.shows(plan["plan_id"], "100.50")


def test_a_deleted_deal_is_gone_until_a_higher_version(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    told = deal(doors, partner)
    doors.tell("deal", **told)
    doors.shows(plan["plan_id"], "1")
    doors.forget("deal", deal_id=told["deal_id"], version=4)
    doors.shows(plan["plan_id"], "0")
    doors.tell("deal", **{**told, "version": 3})
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["0"]
    doors.tell("deal", **{**told, "version": 5})
    doors.shows(plan["plan_id"], "1")


def test_a_deletion_that_comes_first_is_remembered(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    told = deal(doors, partner)
    doors.forget("deal", deal_id=told["deal_id"], version=2, partner_id="ignored", extra=1)
    doors.tell("deal", **told)
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["0"]


def test_a_deal_given_to_another_partner_moves_with_its_amount(doors: Doors) -> None:
    strategy = doors.strategy(WON)
    first, second = doors.partner(), doors.partner()
    one, other = doors.plan(strategy, first), doors.plan(strategy, second)
    told = deal(doors, first)
    doors.tell("deal", **told)
    doors.shows(one["plan_id"], "100.50")
    doors.tell("deal", **{**told, "version": 2, "partner_id": second})
    doors.shows(other["plan_id"], "100.50")
    doors.shows(one["plan_id"], "0.00")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_conflict_the_greater_canonical_body_counts_in_any_order(
    doors: Doors, order: tuple[int, int]
) -> None:
    partner, _, plan = planned(doors, WON)
    told = deal(doors, partner)
    bodies = [{**told, "amount": "300.00"}, {**told, "amount": "2000.00"}]
    for index in order:
        doors.tell("deal", **bodies[index])
    doors.shows(plan["plan_id"], "300.00")
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["300.00"]


def test_events_of_a_partner_that_is_not_known_yet_count_once_it_is(doors: Doors) -> None:
    strategy = doors.strategy(APPROVED)
    partner = fresh("p")
    doors.tell("deal", **deal(doors, partner))
    doors.settled()
    doors.partner(partner_id=partner)
    plan = doors.plan(strategy, partner)
    doors.shows(plan["plan_id"], "1")
    doors.forget("partner", partner_id=partner, version=2)
    doors.shows(plan["plan_id"], "0")


def test_a_future_day_counts_from_its_day_on(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    day = doors.today() + timedelta(days=20)
    doors.tell("deal", **deal(doors, partner, approved_on=str(day)))
    doors.settled()
    assert doors.values(plan["plan_id"]) == ["0"]
    assert doors.values(plan["plan_id"], at=f"{day - timedelta(days=1)}T23:59:59Z") == ["0"]
    assert doors.values(plan["plan_id"], at=f"{day}T00:00:00Z") == ["1"]
    # A plain day is asked for as its end.
    assert doors.values(plan["plan_id"], at=f"{day - timedelta(days=1)}") == ["0"]
    assert doors.progress(plan["plan_id"], at=f"{day}")["at"].startswith(f"{day}T23:59:59")


def test_a_day_sent_as_a_time_becomes_a_day_of_the_organizations_zone(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    day = doors.today() - timedelta(days=3)
    doors.tell("deal", **deal(doors, partner, approved_on=f"{day}T23:30:00-05:00"))
    doors.shows(plan["plan_id"], "1")
    goal = doors.progress(plan["plan_id"])["goal_groups"][0]["goals"][0]["goal_id"]
    path = f"/v1/plans/{plan['plan_id']}/goals/{goal}/contributions"
    assert doors.all("progress", path)[0]["day"] == str(day + timedelta(days=1))


# --- retroactive --------------------------------------------------------------------------------
def test_a_campaigns_new_tags_count_for_leads_of_long_ago(doors: Doors) -> None:
    tag, campaign = fresh("tag"), fresh("c")
    goal = {"type": "campaign_leads", "options": {"campaign_tags": [tag]}}
    partner, _, plan = planned(doors, goal, REGISTERED)
    lead = {"version": 1, "partner_id": partner, "captured_on": days_ago(doors, 30)}
    doors.tell("lead", lead_id=fresh("l"), campaign_id=campaign, **lead)
    doors.tell("lead", lead_id=fresh("l"), **lead)
    doors.shows(plan["plan_id"], "0", "1")
    doors.tell("campaign", campaign_id=campaign, version=1, name="C", tags=[tag, "x"])
    doors.shows(plan["plan_id"], "1", "1")
    doors.tell("campaign", campaign_id=campaign, version=2, name="C", tags=["x"])
    doors.shows(plan["plan_id"], "0", "1")
    doors.tell("campaign", campaign_id=campaign, version=3, name="C", tags=[tag])
    doors.shows(plan["plan_id"], "1", "1")
    doors.forget("campaign", campaign_id=campaign, version=4)
    doors.shows(plan["plan_id"], "0", "1")


def test_a_plan_made_after_the_activity_counts_it(doors: Doors) -> None:
    partner = doors.partner()
    doors.tell("deal", **deal(doors, partner))
    doors.tell(
        "account",
        account_id=fresh("a"),
        version=1,
        partner_id=partner,
        name="A",
        status="approved",
        approved_on=days_ago(doors, 20),
    )
    doors.settled()
    plan = doors.plan(doors.strategy(APPROVED, ACCOUNTS), partner)
    doors.shows(plan["plan_id"], "1", "1")


def test_a_goal_added_changed_and_removed_while_in_progress_follows_at_once(doors: Doors) -> None:
    partner, strategy, plan = planned(doors, APPROVED)
    doors.tell("deal", **deal(doors, partner, products=["Disk"], deal_type="new"))
    doors.tell("deal", **deal(doors, partner, products=["Tape"], deal_type="renewal"))
    doors.shows(plan["plan_id"], "2")
    [group] = strategy["goal_groups"]
    more = {**group, "goals": [*group["goals"], WON]}
    strategy = doors.replace(strategy, goal_groups=[more])
    doors.shows(plan["plan_id"], "2", "201.00")
    [group] = strategy["goal_groups"]
    narrowed = [{**group["goals"][0], "options": {"products": ["Tape"]}}, group["goals"][1]]
    doors.replace(strategy, goal_groups=[{**group, "goals": narrowed}])
    doors.shows(plan["plan_id"], "1", "201.00")
    doors.replace(strategy, goal_groups=[{**group, "goals": group["goals"][1:]}])
    doors.shows(plan["plan_id"], "201.00")


def test_a_strategy_that_moves_its_start_takes_everything_along(doors: Doors) -> None:
    partner, strategy, plan = planned(doors, APPROVED)
    doors.tell("deal", **deal(doors, partner, approved_on=days_ago(doors, 10)))
    doors.shows(plan["plan_id"], "1")
    doors.replace(strategy, start_date=days_ago(doors, 5))
    found = doors.shows(plan["plan_id"], "0")
    assert found["start_date"] == days_ago(doors, 5)
    doors.replace(strategy, start_date=days_ago(doors, 300))
    found = doors.shows(plan["plan_id"], "1")
    start = date.fromisoformat(days_ago(doors, 300))
    quarter = quarter_of(date.fromisoformat(days_ago(doors, 10)), start)
    values = [q["value"] for q in found["goal_groups"][0]["goals"][0]["quarters"]]
    assert values == ["1" if number == quarter else "0" for number in range(1, 5)]


def test_a_deleted_plan_is_gone_and_a_deleted_strategy_takes_its_plans(doors: Doors) -> None:
    _, strategy, plan = planned(doors, APPROVED)
    other = doors.plan(strategy, doors.partner())
    doors.progress(plan["plan_id"])
    doors.progress(other["plan_id"])
    before = doors.now()
    time.sleep(0.01)
    assert doors.call("DELETE", "plans", f"/v1/plans/{plan['plan_id']}").status_code == 204
    path = f"/v1/plans/{plan['plan_id']}/progress"
    eventually(
        lambda: doors.call("GET", "progress", path).status_code, lambda status: status == 404
    )
    assert doors.call("GET", "progress", path, params={"known_at": before.isoformat()}).is_success
    doors.call("DELETE", "plans", f"/v1/strategies/{strategy['strategy_id']}")
    path = f"/v1/plans/{other['plan_id']}/progress"
    eventually(
        lambda: doors.call("GET", "progress", path).status_code, lambda status: status == 404
    )


# --- as of, as known ----------------------------------------------------------------------------
def test_answers_for_a_past_moment_are_the_ones_given_then(doors: Doors) -> None:
    tag, campaign = fresh("tag"), fresh("c")
    leads = {"type": "campaign_leads", "options": {"campaign_tags": [tag]}}
    before = doors.now()
    partner, strategy, plan = planned(doors, WON, leads)
    told = deal(doors, partner)
    doors.tell("deal", **told)
    doors.tell("campaign", campaign_id=campaign, version=1, name="C", tags=[tag])
    doors.tell(
        "lead",
        lead_id=fresh("l"),
        version=1,
        partner_id=partner,
        campaign_id=campaign,
        captured_on=days_ago(doors, 3),
    )
    doors.shows(plan["plan_id"], "100.50", "1")
    doors.settled()
    known = doors.now().isoformat()
    given = doors.progress(plan["plan_id"], known_at=known, at=known)
    doors.tell("deal", **{**told, "version": 2, "amount": "1"})
    doors.tell("campaign", campaign_id=campaign, version=2, name="C", tags=[])
    goal = goals_of(strategy)[0]["goal_id"]
    targets = {"targets": {goal: {"annual": "10"}}}
    doors.call("PUT", "plans", f"/v1/plans/{plan['plan_id']}/targets", json=targets)
    renamed = doors.replace(strategy, name=fresh("Renamed"))
    doors.shows(plan["plan_id"], "1.00", "0")
    eventually(
        lambda: doors.progress(plan["plan_id"])["strategy_name"], lambda n: n == renamed["name"]
    )
    again = doors.progress(plan["plan_id"], known_at=known, at=known)
    assert {**again, "complete_to": None} == {**given, "complete_to": None}
    path = f"/v1/plans/{plan['plan_id']}/progress"
    assert (
        doors.call("GET", "progress", path, params={"known_at": before.isoformat()}).status_code
        == 404
    )
    doors.forget("partner", partner_id=partner, version=9)
    doors.shows(plan["plan_id"], "0.00", "0")
    again = doors.progress(plan["plan_id"], known_at=known, at=known)
    assert {**again, "complete_to": None} == {**given, "complete_to": None}


def test_known_at_goes_by_acceptance_never_by_the_events_own_time(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    doors.progress(plan["plan_id"])
    doors.settled()
    before = doors.now()
    doors.send(event("deal", deal(doors, partner), time="2001-01-01T00:00:00Z"))
    doors.shows(plan["plan_id"], "1")
    assert doors.values(plan["plan_id"], known_at=before.isoformat()) == ["0"]


@pytest.mark.parametrize("bad", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", ""])
@pytest.mark.parametrize("name", ["at", "known_at"])
def test_a_moment_that_is_none_is_refused(doors: Doors, name: str, bad: str) -> None:
    _, _, plan = planned(doors, APPROVED)
    doors.progress(plan["plan_id"])
    answer = doors.call(
        "GET", "progress", f"/v1/plans/{plan['plan_id']}/progress", params={name: bad}
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["errors"][0]["pointer"].endswith(name)


# --- explanations -------------------------------------------------------------------------------
def test_contributions_are_dated_and_add_up_to_the_value(doors: Doors) -> None:
    partner, strategy, plan = planned(doors, WON, start=doors.today() - timedelta(days=200))
    told = [
        deal(doors, partner, amount=f"{n}.25", closed_on=days_ago(doors, 10 + 15 * n), version=n)
        for n in range(9)
    ]
    doors.send(*(event("deal", one) for one in told))
    doors.shows(plan["plan_id"], "38.25")
    goal = goals_of(strategy)[0]["goal_id"]
    path = f"/v1/plans/{plan['plan_id']}/goals/{goal}/contributions"
    items = doors.all("progress", path, params={"limit": 4})
    assert sum(Decimal(item["amount"]) for item in items) == Decimal("38.25")
    start = date.fromisoformat(strategy["start_date"])
    assert sorted(
        (i["record"], i["version"], i["day"], i["amount"], i["quarter"]) for i in items
    ) == sorted(
        (
            f"deal/{one['deal_id']}",
            one["version"],
            one["closed_on"],
            f"{Decimal(one['amount']):.2f}",
            quarter_of(date.fromisoformat(one["closed_on"]), start),
        )
        for one in told
    )


def test_verdicts_say_for_each_goal_whether_a_record_counts_and_why_not(doors: Doors) -> None:
    goals = [
        APPROVED,
        WON,
        {**WON, "options": {"currency": "EUR"}},
        {**APPROVED, "options": {"products": ["Tape"]}},
        {**APPROVED, "options": {"deal_types": ["renewal"]}},
        REGISTERED,
    ]
    partner, strategy, plan = planned(doors, *goals)
    told = deal(doors, partner, deal_type="new")
    doors.tell("deal", **told)
    doors.shows(plan["plan_id"], "1", "100.50", "0.00", "0", "0", "0")
    path = f"/v1/plans/{plan['plan_id']}/verdicts"
    items = doors.all("progress", path, params={"record": f"deal/{told['deal_id']}"})
    ids = [goal["goal_id"] for goal in goals_of(strategy)]
    assert [item["goal_id"] for item in items] == ids
    assert [item["counts"] for item in items] == [True, True, False, False, False, False]
    assert [item["amount"] for item in items[:2]] == ["1", "100.50"]
    start = date.fromisoformat(strategy["start_date"])
    assert items[1]["quarter"] == quarter_of(date.fromisoformat(told["closed_on"]), start)
    reasons = [item["reason"] for item in items[2:]]
    assert all(isinstance(reason, str) and reason for reason in reasons)
    assert len(set(reasons)) == len(reasons), "different reasons are told differently"


@pytest.mark.parametrize(
    "record", ["deal/nowhere", "deal", "nonsense/1", "partner/p1", "deal/", "%00"]
)
def test_there_is_no_verdict_on_what_is_not_the_partners_record(doors: Doors, record: str) -> None:
    _, _, plan = planned(doors, APPROVED)
    doors.progress(plan["plan_id"])
    path = f"/v1/plans/{plan['plan_id']}/verdicts"
    assert doors.call("GET", "progress", path, params={"record": record}).status_code in (404, 422)


def test_there_is_no_verdict_on_another_partners_deal(doors: Doors) -> None:
    _, _, plan = planned(doors, APPROVED)
    told = deal(doors, doors.partner())
    doors.tell("deal", **told)
    doors.progress(plan["plan_id"])
    doors.settled()
    path = f"/v1/plans/{plan['plan_id']}/verdicts"
    record = {"record": f"deal/{told['deal_id']}"}
    assert doors.call("GET", "progress", path, params=record).status_code == 404


def test_a_fields_verdict_names_partner_field_and_day(doors: Doors) -> None:
    field = fresh("seats")
    goal = {"type": "custom_partner_field", "options": {"field": field}}
    partner, strategy, plan = planned(doors, goal)
    before, day = days_ago(doors, 100), days_ago(doors, 2)
    told = {"partner_id": partner, "field": field, "version": 1}
    doors.tell("partner_field", **told, effective_on=before, value="10")
    doors.tell("partner_field", **told, effective_on=day, value="12.5")
    found = doors.shows(plan["plan_id"], "12.50")
    assert found["goal_groups"][0]["goals"][0]["unit"] == "number"
    path = f"/v1/plans/{plan['plan_id']}/goals/{goals_of(strategy)[0]['goal_id']}/contributions"
    items = doors.all("progress", path)
    assert {(i["record"], i["day"], i["amount"]) for i in items} == {
        (f"partner_field/{partner}/{field}/{before}", strategy["start_date"], "10.00"),
        (f"partner_field/{partner}/{field}/{day}", day, "2.50"),
    }
    path = f"/v1/plans/{plan['plan_id']}/verdicts"
    [verdict] = doors.all(
        "progress", path, params={"record": f"partner_field/{partner}/{field}/{day}"}
    )
    assert (verdict["counts"], verdict["amount"]) == (True, "2.50")


# --- the partner's own plans --------------------------------------------------------------------
def test_a_partners_plans_are_listed(doors: Doors) -> None:
    partner, _, plan = planned(doors, APPROVED)
    doors.progress(plan["plan_id"])
    items = doors.all("progress", f"/v1/partners/{partner}/plans")
    assert [item["plan_id"] for item in items] == [plan["plan_id"]]
    member = doors.token("partner_member", partner=partner)
    items = doors.all("progress", f"/v1/partners/{partner}/plans", token=member)
    assert [item["plan_id"] for item in items] == [plan["plan_id"]]


def test_a_partner_does_not_see_an_upcoming_plan_and_its_supplier_does(doors: Doors) -> None:
    start = doors.today() + timedelta(days=30)
    partner, _, plan = planned(doors, APPROVED, start=start)
    assert doors.progress(plan["plan_id"])["status"] == "upcoming"
    own = doors.token("partner_admin", partner=partner)
    path = f"/v1/plans/{plan['plan_id']}/progress"
    assert doors.call("GET", "progress", path, token=own).status_code == 404
    later = {"at": f"{start + timedelta(days=1)}T00:00:00Z"}
    assert doors.call("GET", "progress", path, token=own, params=later).status_code == 404
    assert doors.all("progress", f"/v1/partners/{partner}/plans", token=own) == []


# --- after everything ---------------------------------------------------------------------------
def test_the_watermark_tells_how_far_each_source_is_consumed(doors: Doors) -> None:
    doors.settled()
    found = doors.get("progress", "/v1/watermark")["sources"]
    assert {one["source"] for one in found} >= {"ingest", "plans"}
    assert all(isinstance(one["lag"], int) and one["lag"] >= 0 for one in found)
    eventually(
        lambda: [one["lag"] for one in doors.get("progress", "/v1/watermark")["sources"]],
        lambda lags: not any(lags),
    )


def test_complete_to_moves_on_and_never_back(doors: Doors) -> None:
    _, _, plan = planned(doors, APPROVED)
    seen = []
    for _ in range(6):
        seen.append(datetime.fromisoformat(doors.progress(plan["plan_id"])["complete_to"]))
        time.sleep(0.3)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    assert doors.now() - seen[-1] < timedelta(seconds=5)
    assert seen[-1].tzinfo is not None
    assert seen[-1] <= doors.now().astimezone(UTC)


def test_verify_finds_no_difference(doors: Doors) -> None:
    partner, _, _ = planned(doors, APPROVED, WON)
    doors.tell("deal", **deal(doors, partner))
    doors.settled()
    found = doors.verify()
    assert found["differences"] == 0
    assert all(isinstance(found[name], int) for name in ("plans", "goals", "cells"))
    assert found["plans"] > 0
