"""Sellers from end to end: events in, a plan by an analyst, one's own insight, leaving."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.flow.doors import Data, Doors, event, eventually, fresh
from tests.flow.test_operator import Operator

pytestmark = pytest.mark.flow

SELLERS = 12
SINCE = "2020-01-01"
ROLES = (
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "source",
    "service",
    "partner_admin",
    "partner_member",
)
OWN_DOORS = ("/v1/me/insights?period={period}", "/v1/me/reads", "/v1/me/export", "/v1/me/network")


@dataclass
class Company:
    """Sellers of a domain of their own, a customer, and a plan that they take part in."""

    doors: Doors
    domain: str
    customer: str
    account: str
    month: date
    plan: Data

    def seller(self, number: int) -> str:
        return f"s{number:02}@{self.domain}"

    @property
    def period(self) -> str:
        return f"{self.month:%Y-%m}"

    def own(self, number: int, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        service = options.pop("service", "progress")
        token = self.doors.token("seller", email=self.seller(number))
        where = path.format(period=self.period)
        return self.doors.call(method, service, where, token=token, **options)

    def insights(self, number: int) -> Data:
        answer = self.own(number, OWN_DOORS[0])
        assert answer.status_code == 200, answer.text
        found: Data = answer.json()
        return found

    def meeting(self, *people: str, day: int = 10, hour: int = 9, **changes: Any) -> Data:
        begin = datetime(self.month.year, self.month.month, day, hour, tzinfo=UTC)
        told = {
            "interaction_id": fresh("i"),
            "version": 1,
            "kind": "meeting",
            "started_at": begin.isoformat(),
            "ended_at": (begin + timedelta(hours=1)).isoformat(),
            "participants": [{"address": one, "role": "attendee"} for one in people],
        }
        return event("interaction", told | changes)


@pytest.fixture(scope="module")
def company(doors: Doors) -> Company:
    domain, customer = f"{fresh('own')}.example", f"c@{fresh('acme')}.example"
    account = fresh("acc")
    month = (doors.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    made = Company(doors, domain, customer, account, month, {})
    since = {"effective_on": SINCE, "version": 1}
    people = [
        {"person_id": made.seller(number), "organization": domain, "licensed": number != 11}
        for number in range(SELLERS)
    ]
    doors.send(
        *(event("person", {**one, **since, "opted_out": False}) for one in people),
        event("crm_account", {"account_id": account, "name": "Acme", **since}),
        event(
            "crm_contact",
            {"contact_id": fresh("k"), "account_id": account, "email": customer, **since},
        ),
        *(made.meeting(made.seller(n), customer, hour=8 + n) for n in range(SELLERS)),
    )
    made.plan = eventually(
        lambda: doors.call(
            "POST", "plans", "/v1/seller-plans", role="analyst", json={"name": fresh("Sellers")}
        ),
        lambda answer: answer.status_code == 201,
    ).json()
    path = f"/v1/seller-plans/{made.plan['seller_plan_id']}"
    rows = "\n".join(["Email", *(made.seller(n) for n in range(SELLERS)), "nobody@x.example"])
    listed = eventually(
        lambda: doors.call(
            "POST",
            "plans",
            f"{path}/participants",
            role="limited_analyst",
            content=rows,
            headers={"Content-Type": "text/csv"},
        ),
        lambda answer: answer.json().get("qualified") == SELLERS - 1,
    ).json()
    assert listed["errors"] == {
        "unknown": 1,
        "unlicensed": 1,
        "opted_out": 0,
        "in_another_plan": 0,
    }
    started = doors.call("POST", "plans", f"{path}/start", role="analyst")
    assert started.json()["status"] == "scheduled", started.text
    eventually(lambda: made.own(0, OWN_DOORS[0]), lambda answer: answer.status_code == 200)
    return made


def test_a_seller_sees_its_own_month(company: Company) -> None:
    found = eventually(
        lambda: company.insights(1), lambda found: found["collaboration"]["seconds"] > 0
    )
    assert found["person"] == company.seller(1)
    assert found["collaboration"]["external"]["percent"] == 100
    [customer] = found["time_with_customers"]
    assert (customer["account_id"], customer["hours"]) == (company.account, "1.00")
    assert found["depth_of_engagement"]["accounts"][0]["people"] == 1
    assert set(found["methods"]) >= {"collaboration", "time_with_customers"}
    for note in found["methods"].values():
        assert set(note) == {"definition", "window", "source", "complete_to"}


def test_a_late_contact_turns_meetings_into_customer_time(company: Company) -> None:
    stranger, account = f"x@{fresh('beta')}.example", fresh("acc")
    company.doors.send(company.meeting(company.seller(2), stranger, day=12))
    eventually(lambda: company.insights(2), lambda f: f["collaboration"]["hours"] == "2.00")
    assert len(company.insights(2)["time_with_customers"]) == 1
    since = {"effective_on": str(company.doors.today()), "version": 1}
    company.doors.send(
        event(
            "crm_contact",
            {"contact_id": fresh("k"), "account_id": account, "email": stranger, **since},
        )
    )
    company.doors.send(event("crm_account", {"account_id": account, "name": "Beta", **since}))
    found = eventually(lambda: company.insights(2), lambda f: len(f["time_with_customers"]) == 2)
    assert {one["name"] for one in found["time_with_customers"]} == {"Acme", "Beta"}


def test_a_meeting_that_is_corrected_or_deleted_moves_the_figures(company: Company) -> None:
    told = company.meeting(company.seller(3), company.customer, day=15)
    company.doors.send(told)
    eventually(lambda: company.insights(3), lambda f: f["collaboration"]["hours"] == "2.00")
    company.doors.send(event("interaction", {**told["data"], "version": 2, "cancelled": True}))
    eventually(lambda: company.insights(3), lambda f: f["collaboration"]["hours"] == "1.00")
    company.doors.send(event("interaction", {**told["data"], "version": 3}), told)
    eventually(lambda: company.insights(3), lambda f: f["collaboration"]["hours"] == "2.00")
    key = {"interaction_id": told["data"]["interaction_id"], "version": 4}
    company.doors.send(event("interaction", key, what="deleted"))
    eventually(lambda: company.insights(3), lambda f: f["collaboration"]["hours"] == "1.00")


@pytest.mark.parametrize("path", OWN_DOORS)
@pytest.mark.parametrize("role", ROLES)
def test_no_other_role_passes(company: Company, role: str, path: str) -> None:
    partner = "p1" if role.startswith("partner") else None
    token = company.doors.token(role, partner=partner, email=company.seller(1))
    answer = company.doors.call("GET", "progress", path.format(period=company.period), token=token)
    assert answer.status_code == 403
    assert "hours" not in answer.text


@pytest.mark.parametrize("path", OWN_DOORS)
def test_a_stranger_and_somebody_unlicensed_are_nobody(company: Company, path: str) -> None:
    where = path.format(period=company.period)
    answers = []
    for email in (f"{fresh('no')}@x.example", company.seller(11), company.customer):
        token = company.doors.token("seller", email=email)
        answer = company.doors.call("GET", "progress", where, token=token)
        assert answer.status_code == 404
        answers.append(answer.json())
    assert all(one == answers[0] for one in answers)


@pytest.mark.parametrize("period", ["", "2026", "2026-13", "2026-03-02", "03-2026", "x", "%00"])
def test_what_is_no_period_is_named(company: Company, period: str) -> None:
    answer = company.own(1, f"/v1/me/insights?period={period}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/period"
    assert company.own(1, "/v1/me/insights").status_code == 422


def test_reads_are_recorded_and_exported(company: Company) -> None:
    company.insights(4)
    reads = company.own(4, "/v1/me/reads").json()
    assert reads["items"][0]["period"] == company.period
    export = company.own(4, "/v1/me/export").json()
    assert export["person"] == company.seller(4)
    assert company.seller(5) not in json.dumps(export)
    first = company.own(4, "/v1/me/reads?limit=1").json()
    second = company.own(4, f"/v1/me/reads?limit=1&cursor={first['next']}").json()
    assert first["items"] != second["items"]
    assert company.own(4, "/v1/me/reads?cursor=x").status_code == 422


def test_statements_of_ticks_that_nobody_heard_of_tell_nothing(company: Company) -> None:
    body = {"tick_ids": ["0198f3a0-0000-7000-8000-000000000000"]}
    path = "/v1/statements"
    for role in ("administrator", "analyst", "channel_manager", "source"):
        assert company.doors.call("POST", "progress", path, role=role, json=body).status_code == 403
    answer = company.doors.call("POST", "progress", path, role="service", json=body)
    assert answer.status_code in (404, 503)
    assert company.domain not in answer.text


def test_analysts_never_see_a_person(company: Company) -> None:
    path = f"/v1/seller-plans/{company.plan['seller_plan_id']}"
    for where in (path, "/v1/seller-plans"):
        answer = company.doors.call("GET", "plans", where, role="analyst")
        assert answer.status_code == 200
        assert company.domain not in answer.text
    assert company.doors.call("GET", "plans", path, role="administrator").status_code == 403


def test_who_leaves_is_forgotten_everywhere(company: Company) -> None:
    company.insights(6)
    assert company.own(6, "/v1/me/leave", "POST", service="plans").status_code in (200, 204)
    eventually(lambda: company.own(6, OWN_DOORS[0]).status_code, lambda status: status == 404)
    assert company.own(6, "/v1/me/leave", "POST", service="plans").status_code in (200, 204)
    assert company.own(7, OWN_DOORS[0]).status_code == 200


def test_who_opts_out_is_not_taken_in_again(company: Company) -> None:
    path = "/v1/me/opt-out"
    assert company.own(8, path, "POST", service="plans").status_code in (200, 204)
    eventually(lambda: company.own(8, OWN_DOORS[0]).status_code, lambda status: status == 404)
    since = {"effective_on": SINCE, "version": 2}
    told = {"person_id": company.seller(8), "organization": company.domain, "licensed": True}
    company.doors.send(event("person", {**told, **since, "opted_out": False}))
    made = company.doors.call(
        "POST", "plans", "/v1/seller-plans", role="analyst", json={"name": fresh("Again")}
    ).json()
    listed = company.doors.call(
        "POST",
        "plans",
        f"/v1/seller-plans/{made['seller_plan_id']}/participants",
        role="analyst",
        json={
            "filters": [
                {"attribute": "Organization", "operator": "equals", "values": [company.domain]}
            ]
        },
    ).json()
    assert listed["errors"] is None or listed["errors"]["opted_out"] == 1
    assert listed["ready"] is False


def test_an_operator_says_what_is_held_of_a_person_and_erases_it(company: Company) -> None:
    """What goes is what leaving takes; no insight is ever shown."""
    operator, email = Operator(company.doors), company.seller(9)
    company.insights(9)
    held = operator.ask("export", "person", email.upper())
    assert [one["seller_plan_id"] for one in held["plans"]["participations"]] == [
        company.plan["seller_plan_id"]
    ]
    assert held["plans"]["opted_out"] is False
    assert company.customer not in str(held)
    assert company.account not in str(held)
    assert operator.ask("erase", "person", email, "--yes") == {"participations_ended": 1}
    assert operator.ask("erase", "person", email, "--yes") == {"participations_ended": 0}
    eventually(lambda: company.own(9, OWN_DOORS[0]).status_code, lambda status: status == 404)
    none: Data = {"participations": [], "candidate_of": [], "opted_out": True}
    assert operator.ask("export", "person", email) == {
        "plans": none,
        "notifier": {"deliveries": [], "streams": []},
    }


@pytest.mark.parametrize("role", ["analyst", "limited_analyst", "channel_manager", "seller"])
@pytest.mark.parametrize("door", ["plans held", "plans erase", "notifier held"])
def test_no_other_role_asks_what_is_held_of_a_person(
    company: Company, role: str, door: str
) -> None:
    service, what = door.split()
    body = {"email": company.seller(7)}
    answer = company.doors.call("POST", service, f"/v1/people/{what}", role=role, json=body)
    assert answer.status_code == 403


# --- mails ----------------------------------------------------------------------------------------


def first_due(starts: date) -> datetime:
    """08:00 on the first 2nd of a month that is not before a plan's start."""
    month = starts.replace(day=1)
    if starts.day > 2:
        month = (month + timedelta(days=32)).replace(day=1)
    return datetime(month.year, month.month, 2, 8, tzinfo=UTC)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@dataclass
class Mailed:
    """A company whose first mails have gone out, and what they say of seller 0 and 1."""

    company: Company
    period: str
    mails: dict[str, EmailMessage]


@pytest.fixture(scope="module")
def mailed(company: Company) -> Mailed:
    doors, plan = company.doors, company.plan
    due = first_due(date.fromisoformat(plan["start_date"]))
    company.month = (due.date().replace(day=1) - timedelta(days=1)).replace(day=1)
    doors.send(
        *(
            company.meeting(company.seller(n), company.customer, day=9, hour=8 + n % 12)
            for n in range(SELLERS)
        )
    )
    doors.settled()
    doors.jump(due + timedelta(seconds=1))
    found = eventually(
        lambda: {str(mail["To"]): mail for mail in doors.mails(plan["seller_plan_id"])},
        lambda mails: {company.seller(n) for n in (0, 1, 5)} <= mails.keys(),
        within=40,
    )
    return Mailed(company, company.period, found)


def test_each_participant_gets_its_own_mail_of_the_month(mailed: Mailed) -> None:
    company, mail = mailed.company, mailed.mails[mailed.company.seller(0)]
    assert mail["X-Milepost-Plan"] == company.plan["seller_plan_id"]
    assert mail["X-Milepost-Period"] == mailed.period
    text = text_of(mail)
    insight = company.insights(0)
    external = insight["collaboration"]["external"]["percent"]
    assert f"{external}% of your collaboration was external" in text
    for heading in ("Time with customers", "Depth of engagement"):
        assert heading in text.splitlines()
    [customer] = insight["time_with_customers"]
    assert f"{customer['name']}:" in text
    assert company.seller(11) not in mailed.mails
    others = [company.seller(n) for n in range(1, SELLERS)]
    assert not any(other in text for other in others)
    read = company.own(0, "/v1/me/reads").json()["items"]
    assert any(one["kind"] == "email" and one["period"] == mailed.period for one in read)


def test_subjects_are_the_same_and_tell_nothing(mailed: Mailed) -> None:
    assert len({mail["Subject"] for mail in mailed.mails.values()}) == 1
    for mail in mailed.mails.values():
        assert not any(char.isdigit() for char in text_of(mail)[:100])


def test_the_delivery_log_says_when_and_never_what(mailed: Mailed) -> None:
    company = mailed.company
    params = {"plan_id": company.plan["seller_plan_id"], "period": mailed.period}
    found = company.doors.all("notifier", "/v1/deliveries", params=params)
    assert {one["state"] for one in found} <= {"accepted", "suppressed"}
    assert "external" not in json.dumps(found)
    assert (
        company.doors.call("GET", "notifier", "/v1/deliveries", role="analyst").status_code == 403
    )


def test_a_statement_is_not_given_again_once_its_mail_is_out(mailed: Mailed) -> None:
    doors = mailed.company.doors
    ticks = doors.all(
        "notifier", "/v1/ticks", params={"plan_id": mailed.company.plan["seller_plan_id"]}
    )
    body = {"tick_ids": [one["tick_id"] for one in ticks]}

    def answer() -> str:
        return doors.call("POST", "progress", "/v1/statements", role="service", json=body).text

    text = eventually(answer, lambda text: text.count('"done"') >= len(ticks) - 2)
    assert mailed.company.seller(0) not in text


def test_leaving_from_the_mail(mailed: Mailed) -> None:
    company, number = mailed.company, 5
    text = text_of(mailed.mails[company.seller(number)])
    link = next(line for line in text.splitlines() if line.startswith("Leave the plan: "))
    url = link.partition(": ")[2]
    assert "Leave the plan?" in httpx.get(url).text
    assert company.own(number, OWN_DOORS[0]).status_code == 200
    assert httpx.post(url).status_code == 200
    eventually(lambda: company.own(number, OWN_DOORS[0]).status_code, lambda status: status == 404)
    params = {"plan_id": company.plan["seller_plan_id"]}
    eventually(
        lambda: json.dumps(company.doors.all("notifier", "/v1/deliveries", params=params)),
        lambda told: company.seller(number) not in told,
    )
    assert httpx.post(url).status_code == 200, "a second click is no error"
    assert httpx.post(url.replace("/leave", "/opt-out")).status_code in (200, 409)
