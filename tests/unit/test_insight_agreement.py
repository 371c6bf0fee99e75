"""The measures and the oracle, written apart, agree on invented companies."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from services.progress.domain.insight import interaction as reading
from services.progress.domain.insight.asking import Asked
from services.progress.domain.insight.directory import (
    AccountFacts,
    ContactFacts,
    Course,
    Directory,
    PersonFacts,
)
from services.progress.domain.insight.measures import answer
from services.progress.domain.insight.period import Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.domain.insight.timeline import Involvement
from tests.oracle.insight import Company, Rules

Data = dict[str, Any]

INSIDE = [f"p{n}@home.example" for n in range(5)]
OUTSIDE = ["a@one.example", "b@one.example", "c@two.example", "d@gmail.com", "e@new.example"]
DAYS = ("2026-01-01", "2026-03-05", "2026-03-20")
ZONES = (None, "America/New_York", "Asia/Tokyo")
LATER = datetime(2026, 6, 1, tzinfo=UTC)
ACCEPTED = datetime(2026, 1, 1, tzinfo=UTC)
OWN = ("complete_to", "peers", "methods")


def invent(chance: Random) -> dict[str, list[Data]]:
    """A company's rows and two months of what happened, much of it at the same time."""
    people: list[Data] = [
        {
            "person_id": p,
            "effective_on": day,
            "organization": chance.choice(["Sales", "Ops"]),
            "manager_id": chance.choice([None, *INSIDE]),
            "time_zone": chance.choice(ZONES),
        }
        for p in INSIDE
        for day in chance.sample(DAYS, 2)
    ]
    accounts: list[Data] = [
        {"account_id": a, "effective_on": day, "name": f"{a} {day}"}
        | {"annual_revenue": "5", "currency": "EUR"}
        for a in ("a1", "a2")
        for day in chance.sample(DAYS, 2)
    ]
    contacts: list[Data] = [
        {"contact_id": f"c{n}", "effective_on": day, "email": chance.choice(OUTSIDE[:4])}
        | {"account_id": chance.choice(["a1", "a2", "a3"])}
        for n in range(4)
        for day in chance.sample(DAYS, 2)
    ]
    happened = [_happen(chance, f"i{n}") for n in range(80)]
    return {
        "person": people,
        "crm_account": accounts,
        "crm_contact": contacts,
        "interaction": happened,
    }


def _happen(chance: Random, name: str) -> Data:
    kind = chance.choice(["email", "meeting", "call", "chat"])
    starts = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(
        days=chance.randrange(60), minutes=chance.choice([0, 1, 30, 1410])
    )
    there = chance.sample(INSIDE + OUTSIDE, chance.randint(1, 5))
    first, other = ("sender", "recipient") if kind in ("email", "chat") else ("organizer",) * 2
    participants: list[Data] = [
        {
            "address": one,
            "role": other if at and other != first else first if not at else "attendee",
        }
        | {"response": chance.choice([None, "accepted", "tentative", "declined"])}
        | ({"messages": chance.randrange(4)} if kind == "chat" and chance.random() < 0.5 else {})
        for at, one in enumerate(there)
    ]
    if kind == "call":
        participants[0]["left_at"] = (starts + timedelta(minutes=7)).isoformat()
    ends = (starts + timedelta(minutes=chance.choice([0, 45, 90, 480]))).isoformat()
    return {
        "interaction_id": name,
        "kind": kind,
        "started_at": starts.isoformat(),
        "participants": participants,
        **({"ended_at": ends} if kind in ("meeting", "call") else {}),
    }


def oracle_of(told: dict[str, list[Data]]) -> Company:
    company, version = Company(Rules()), 0
    for kind, rows in told.items():
        for row in rows:
            version += 1
            company.hear(f"milepost.{kind}.recorded.v1", {"version": version, **row}, ACCEPTED)
    return company


def directory_of(told: dict[str, list[Data]]) -> Directory:
    def courses(kind: str, key: str, facts: Any) -> dict[str, Course[Any]]:
        found: dict[str, list[Any]] = {}
        for row in told[kind]:
            found.setdefault(row[key], []).append(facts(row))
        return {name: Course(rows) for name, rows in found.items()}

    def on(row: Data) -> date:
        return date.fromisoformat(row["effective_on"])

    def person(r: Data) -> PersonFacts:
        return PersonFacts(on(r), None, r["manager_id"], r["organization"], None, r["time_zone"])

    return Directory(
        courses("person", "person_id", person),
        courses(
            "crm_account", "account_id", lambda r: AccountFacts(on(r), r["name"], Decimal(5), "EUR")
        ),
        list(
            courses(
                "crm_contact",
                "contact_id",
                lambda r: ContactFacts(on(r), r["account_id"], r["email"]),
            ).values()
        ),
        frozenset({"home.example"}),
        InsightRules(zone=ZoneInfo("UTC")),
    )


def involvements(told: dict[str, list[Data]], person: str) -> list[Involvement]:
    found = []
    for row in told["interaction"]:
        one = msgspec.json.decode(json.dumps(row | {"version": 1}), type=reading.Interaction)
        parts = reading.parts_of(one, reading.Bounds())
        people, written = [p.person for p in parts], sum(p.own_messages for p in parts)
        found += [
            Involvement(
                one.interaction_id,
                one.kind,
                one.started_at,
                p.own_from,
                p.own_until,
                p.response_rank,
                p.is_sender,
                p.own_messages,
                written,
                one.chat_id,
                people,
            )
            for p in parts
            if p.person == person
        ]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_they_agree(seed: int) -> None:
    told = invent(Random(seed))
    company, directory = oracle_of(told), directory_of(told)
    for person in INSIDE:
        for period in ("2026-03", "2026-03-08"):
            asked = Asked(person, Period.parse(period), LATER, LATER, None)
            found = answer(asked, involvements(told, person), directory)
            expected = company.insights(person, period, LATER, LATER)
            assert {k: v for k, v in found.items() if k not in OWN} == expected
