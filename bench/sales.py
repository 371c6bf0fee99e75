"""Sellers who collaborate: who they are, and two months of what they do, spelled as ingest does it.

Sellers work in teams of ten with a manager and customers of their own. A seller begins fifty
interactions a week and is asked into fifty; four people are there on average, often at the same
time. All of it depends on numbers alone.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from shared.events.envelope import Headers, stamp
from shared.messaging.topics import COLLABORATION

Data = dict[str, Any]

TYPE = "milepost.interaction.recorded.v1"
SOURCE = "bench/mailboxes"
SINCE = "2020-01-01"
TEAM = 10
CUSTOMERS_A_TEAM = 2
WEEKS = 9
WORKDAYS = 5
A_DAY = 10
"""Interactions that a seller begins on a workday."""
CONTACTS = 10
"""People of each customer."""
COLLEAGUES = 200
MOVED = 100
"""One in so many contacts has an address that the contact upload gives to another account."""
KINDS = ("email", "email", "meeting", "meeting", "chat", "call")
RESPONSES = ("accepted", "accepted", "tentative", "none")
GROUPS = ("Finance", "Legal", "Solutions", "Support")
REQUEST = 1_000
"""So many events come in one request: all of it is accepted at one moment."""


@dataclass(frozen=True)
class Sales:
    """The sellers of a benchmark, and the day on which their nine weeks end."""

    label: str
    sellers: int
    ends: date

    @property
    def domain(self) -> str:
        return f"sales-{self.label}.example"

    @property
    def starts(self) -> date:
        return self.ends - timedelta(weeks=WEEKS)

    @property
    def customers(self) -> int:
        return self.sellers // TEAM * CUSTOMERS_A_TEAM

    def seller(self, number: int) -> str:
        return f"seller{number:05}@{self.domain}"

    def contact(self, number: int) -> str:
        """Customers share no domain with each other, nor with those that are moved."""
        customer, place = divmod(number, CONTACTS)
        domain = f"moved{number}" if is_moved(number) else f"customer{customer:05}"
        return f"contact{place}@{domain}-{self.label}.example"

    def team_of(self, contact: int) -> int:
        """The team that a contact belongs to."""
        return contact // (CUSTOMERS_A_TEAM * CONTACTS)

    def account(self, customer: int) -> str:
        return f"{self.label}-account-{customer:05}"

    # --- who --------------------------------------------------------------------------------------
    def directory(self) -> Iterator[tuple[str, Data]]:
        """People, accounts and contacts: record and data."""
        yield "person", self._person(self._leader, "Leadership", None)
        for team in range(self.sellers // TEAM):
            yield "person", self._person(self._manager(team), "Sales", self._leader)
        for number in range(self.sellers):
            manager = self._manager(number // TEAM)
            yield "person", self._person(self.seller(number), "Sales", manager)
        for number in range(COLLEAGUES):
            group = GROUPS[number % len(GROUPS)]
            yield "person", self._person(self._colleague(number), group, None)
        for customer in range(self.customers):
            named = {"account_id": self.account(customer), "name": f"Customer {customer}"}
            yield "crm_account", {**named, "effective_on": SINCE, "version": 1}
        for number in range(self.customers * CONTACTS):
            yield "crm_contact", {**self.contact_row(number), "version": 1}

    def contact_row(self, number: int, account: str | None = None) -> Data:
        """A contact, of its own customer or of another account."""
        return {
            "contact_id": f"{self.label}-contact-{number:06}",
            "effective_on": SINCE,
            "account_id": account or self.account(number // CONTACTS),
            "email": self.contact(number),
        }

    def _person(self, address: str, organization: str, manager: str | None) -> Data:
        told = {
            "person_id": address,
            "effective_on": SINCE,
            "version": 1,
            "organization": organization,
            "function": organization,
            "time_zone": "Europe/Berlin",
            "licensed": True,
            "opted_out": False,
        }
        return told | ({"manager_id": manager} if manager else {})

    @property
    def _leader(self) -> str:
        return f"leader@{self.domain}"

    def _manager(self, team: int) -> str:
        return f"manager{team:04}@{self.domain}"

    def _colleague(self, number: int) -> str:
        return f"colleague{number:03}@{self.domain}"

    # --- what they do -----------------------------------------------------------------------------
    def interactions(
        self, first_week: int, end_week: int, team: int | None = None
    ) -> Iterator[Data]:
        """What happens in some weeks, day by day; of one team alone if it is asked for."""
        everybody = range(self.sellers)
        sellers = everybody if team is None else everybody[team * TEAM : (team + 1) * TEAM]
        for week in range(first_week, end_week):
            for day in range(WORKDAYS):
                for number in sellers:
                    chance = random.Random(f"{self.label}/{week}/{day}/{number}")
                    for place in range(A_DAY):
                        yield self._interaction(chance, week, day, number, place)

    def _interaction(
        self, chance: random.Random, week: int, day: int, number: int, place: int
    ) -> Data:
        draw = chance.random
        kind = KINDS[int(draw() * len(KINDS))]
        begins = datetime.combine(self.starts, time(7), UTC)
        begins += timedelta(weeks=week, days=day, hours=place, minutes=15 * int(draw() * 4))
        data: Data = {
            "interaction_id": f"{self.label}-{week}-{day}-{number:05}-{place}",
            "kind": kind,
            "started_at": spelled(begins),
            "participants": self._participants(chance, kind, number, place + day * A_DAY),
            "version": 1,
        }
        if kind in ("meeting", "call"):
            data["ended_at"] = spelled(begins + timedelta(minutes=30 + 30 * int(draw() * 2)))
        if kind == "chat":
            data["chat_id"] = f"{self.label}-chat-{number}"
        return data

    def _participants(self, chance: random.Random, kind: str, number: int, turn: int) -> list[Data]:
        draw, team = chance.random, number // TEAM
        mate = team * TEAM + (number + 1 + turn % (TEAM - 1)) % TEAM
        contact = (team * CUSTOMERS_A_TEAM * CONTACTS) + int(draw() * CUSTOMERS_A_TEAM * CONTACTS)
        others = [self.seller(mate), self.contact(contact)]
        if draw() < 0.5:
            others.append(self._colleague(int(draw() * COLLEAGUES)))
        if draw() < 0.3:
            others.append(self._colleague(int(draw() * COLLEAGUES)))
        if draw() < 0.2:
            others.append(self._manager(team))
        told = kind in ("meeting", "call")
        people: list[Data] = [
            {"address": self.seller(number), "role": "organizer" if told else "sender"}
        ]
        for one in others:
            if told:
                answer = RESPONSES[int(draw() * len(RESPONSES))]
                people.append({"address": one, "response": answer, "role": "attendee"})
            elif kind == "chat":
                people.append({"address": one, "messages": int(draw() * 4), "role": "recipient"})
            else:
                people.append({"address": one, "role": "recipient"})
        return people


@dataclass(frozen=True)
class Collaboration:
    """Some weeks of it, as ingest publishes them."""

    sales: Sales
    first_week: int
    end_week: int

    def entries(self, accepted_at: datetime) -> Iterator[tuple[str, str, bytes, Headers]]:
        """Topic, key, value and headers of each event."""
        fixed: Headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]
        named: Headers = [("ce_type", TYPE.encode()), ("ce_source", SOURCE.encode())]
        told = self.sales.interactions(self.first_week, self.end_week)
        for number, data in enumerate(told):
            moment = stamp(accepted_at + timedelta(milliseconds=number // REQUEST)).encode()
            key = data["interaction_id"]
            headers = [*fixed, ("ce_id", key.encode()), *named, ("ce_acceptedat", moment)]
            yield COLLABORATION, key, orjson.dumps(data, option=orjson.OPT_SORT_KEYS), headers


def is_moved(contact: int) -> bool:
    return contact % MOVED == 0


def spelled(moment: datetime) -> str:
    """A time as canonical JSON has it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
