"""A believable company that collaborates: `python -m deploy.local.simulator --out FOLDER`.

Sellers in teams with managers and leaders, customers with contacts, weeks of emails, meetings,
calls and chats with holidays, one-to-ones, double bookings, things declined and cancelled. All of
it depends on names and days alone: the same on every machine; longer runs begin as shorter ones.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from deploy.local.chance import between, pick, share, weighted

SELLERS: Final = 300
CUSTOMERS: Final = 120
CONTACTS: Final = 4
TEAM: Final = 12
WORKDAYS: Final = 5
A_WEEK: Final = 14
"""Interactions that a seller begins in a week."""
SOURCE: Final = "milepost-simulator"
DOMAIN: Final = "northwind-sim.example"
LONG_AGO: Final = "2020-01-01"
ZONES: Final = ("Europe/Berlin", "Europe/London", "America/New_York")
GROUPS: Final = ("Engineering", "Legal", "Finance", "Solution Specialists", "Support")
FIRST: Final = ("Ada", "Ben", "Cleo", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "June", "Kofi")
LAST: Final = ("Abel", "Brandt", "Cole", "Duarte", "Eriksen", "Farah", "Gomez", "Hale", "Ito")
HOLIDAYS: Final = ((1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31))
RESPONSES: Final = (("accepted", 8.0), ("tentative", 1.0), ("none", 1.5), ("declined", 1.0))
KINDS: Final = (("email", 5.0), ("meeting", 4.0), ("call", 1.5), ("chat", 2.5))
Data = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """A record, and the day on which its system tells it; None: from the beginning."""

    day: date | None
    record: str
    data: Data

    def line(self) -> bytes:
        """The fact as a line of NDJSON: CloudEvents 1.0 in JSON."""
        key = next(iter(self.data.values()))
        return orjson.dumps(
            {
                "specversion": "1.0",
                "id": f"{self.record}/{key}/{self.data['version']}",
                "source": SOURCE,
                "type": f"milepost.{self.record}.recorded.v1",
                "data": self.data,
            }
        )


@dataclass(frozen=True)
class Company:
    """A company of so many sellers, from a Monday on."""

    starts: date
    weeks: int
    sellers: int = SELLERS
    customers: int = CUSTOMERS

    # --- who --------------------------------------------------------------------------------------

    def seller(self, number: int) -> str:
        """A seller's address."""
        return f"seller{number:04}@{DOMAIN}"

    def manager_of(self, number: int) -> str:
        return f"manager{number // TEAM:03}@{DOMAIN}"

    def contact(self, customer: int, number: int) -> str:
        return f"contact{number}@customer{customer:03}.example"

    def colleague(self, number: int) -> str:
        return f"colleague{number:02}@{DOMAIN}"

    @property
    def leader(self) -> str:
        return f"leader@{DOMAIN}"

    def directory(self) -> Iterator[Fact]:
        """People, customers and their contacts."""
        yield _person(self.leader, None, "Leadership", "Europe/Berlin")
        for team in range((self.sellers + TEAM - 1) // TEAM):
            address = self.manager_of(team * TEAM)
            yield _person(address, self.leader, "Sales", pick(ZONES, address))
        for number in range(self.sellers):
            address = self.seller(number)
            licensed = share("licensed", address) > 0.02  # noqa: PLR2004 - one in fifty
            zone = pick(ZONES, "zone", address)
            yield _person(address, self.manager_of(number), "Sales", zone, licensed=licensed)
        for number in range(len(GROUPS) * 3):
            yield _person(self.colleague(number), None, GROUPS[number % len(GROUPS)], ZONES[0])
        for customer in range(self.customers):
            yield from self._customer(customer)

    def _customer(self, customer: int) -> Iterator[Fact]:
        account = f"sim-account-{customer:03}"
        revenue = between(8, 9_000, "revenue", customer) * 1000
        since = {"effective_on": LONG_AGO, "version": 1}
        named = {"name": f"Customer {customer:03}", "annual_revenue": str(revenue)}
        yield Fact(
            None, "crm_account", {"account_id": account, **since, **named, "currency": "USD"}
        )
        for number in range(CONTACTS):
            key = f"sim-contact-{customer:03}-{number}"
            told = {"account_id": account, "email": self.contact(customer, number)}
            yield Fact(None, "crm_contact", {"contact_id": key, **since, **told})

    # --- what they do -----------------------------------------------------------------------------

    def collaboration(self) -> Iterator[Fact]:
        """Interactions, week by week; each is told on its day."""
        for week in range(self.weeks):
            for number in range(self.sellers):
                for place in range(A_WEEK):
                    fact = self._interaction(week, number, place)
                    if fact is not None:
                        yield fact
                yield from self._one_to_one(week, number)

    def _interaction(self, week: int, number: int, place: int) -> Fact | None:
        about = (week, number, place)
        day = self.starts + timedelta(weeks=week, days=between(0, WORKDAYS - 1, "day", *about))
        if (day.month, day.day) in HOLIDAYS:
            return None
        kind = weighted(KINDS, "kind", *about)
        begin = datetime.combine(day, time(between(8, 16, "hour", *about), 0), UTC)
        begin += timedelta(minutes=15 * between(0, 3, "quarter", *about))
        others = self._others(number, about)
        data: Data = {
            "interaction_id": f"sim-{week:03}-{number:04}-{place:02}",
            "version": 1,
            "kind": kind,
            "started_at": begin.isoformat(),
            "participants": _participants(kind, self.seller(number), others, about),
        }
        if kind in ("meeting", "call"):
            minutes = pick((15, 30, 30, 45, 60, 90), "length", *about)
            data["ended_at"] = (begin + timedelta(minutes=minutes)).isoformat()
        if kind == "chat":
            data["chat_id"] = f"sim-chat-{number:04}-{others[0]}"
        if share("cancelled", *about) < 0.03:  # noqa: PLR2004 - three in a hundred
            data["cancelled"] = True
        return Fact(day, "interaction", data)

    def _others(self, number: int, about: tuple[int, ...]) -> list[str]:
        """Whom a seller meets: mostly a few customers of its own, and colleagues."""
        customer = (number * 7 + between(0, 9, "customer", *about)) % self.customers
        found: list[str] = []
        if share("external", *about) < 0.6:  # noqa: PLR2004 - six in ten
            met = range(between(1, 3, "contacts", *about))
            found += [self.contact(customer, (place + about[0]) % CONTACTS) for place in met]
        if not found or share("colleague", *about) < 0.4:  # noqa: PLR2004 - four in ten
            found.append(self.colleague(between(0, 14, "who", *about)))
        if share("manager", *about) < 0.15:  # noqa: PLR2004 - one in seven
            found.append(self.manager_of(number))
        if share("leader", *about) < 0.03:  # noqa: PLR2004 - three in a hundred
            found.append(self.leader)
        return list(dict.fromkeys(found))

    def _one_to_one(self, week: int, number: int) -> Iterator[Fact]:
        """Half an hour with the manager every other week."""
        if (week + number) % 2:
            return
        day = self.starts + timedelta(weeks=week, days=number % WORKDAYS)
        if (day.month, day.day) in HOLIDAYS:
            return
        begin = datetime.combine(day, time(13, 30), UTC)
        seller, manager = self.seller(number), self.manager_of(number)
        data = {
            "interaction_id": f"sim-{week:03}-{number:04}-11",
            "version": 1,
            "kind": "meeting",
            "started_at": begin.isoformat(),
            "ended_at": (begin + timedelta(minutes=30)).isoformat(),
            "participants": [
                {"address": manager, "role": "organizer"},
                {"address": seller, "role": "attendee", "response": "accepted"},
            ],
        }
        yield Fact(day, "interaction", {**data, "interaction_id": f"sim-{week:03}-{number:04}-m"})


def _person(
    address: str, manager: str | None, organization: str, zone: str, *, licensed: bool = True
) -> Fact:
    name = f"{pick(FIRST, 'first', address)} {pick(LAST, 'last', address)}"
    data = {
        "person_id": address,
        "effective_on": LONG_AGO,
        "version": 1,
        "name": name,
        "organization": organization,
        "function": organization,
        "time_zone": zone,
        "licensed": licensed,
        "opted_out": False,
    }
    return Fact(None, "person", data | ({"manager_id": manager} if manager else {}))


def _participants(
    kind: str, seller: str, others: Sequence[str], about: tuple[int, ...]
) -> list[Data]:
    if kind in ("email", "chat"):
        people = [seller, *others]
        if share("received", *about) < 0.5:  # noqa: PLR2004 - as much comes as goes
            people = [others[0], seller, *others[1:]]
        told: list[Data] = [
            {"address": one, "role": "recipient" if place else "sender"}
            for place, one in enumerate(people)
        ]
        if kind == "chat":
            for place, one in enumerate(told):
                one["messages"] = between(0, 4, "messages", place, *about)
        return told
    answered = [
        {"address": one, "role": "attendee", "response": weighted(RESPONSES, one, *about)}
        for one in others
    ]
    return [{"address": seller, "role": "organizer"}, *answered]


def as_csv(facts: Sequence[Fact]) -> str:
    """Facts of one record as a CSV upload, its columns named as the contract names them."""
    columns = list(dict.fromkeys(key for fact in facts for key in fact.data if key != "version"))
    output = io.StringIO()
    writer = csv.DictWriter(output, columns, restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(fact.data for fact in facts)
    return output.getvalue()


def main(
    *,
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    starts: Annotated[str, typer.Option(help="The Monday of the first week.")] = "2026-01-05",
    weeks: Annotated[int, typer.Option(min=1, max=104)] = 52,
    sellers: Annotated[int, typer.Option(min=1, max=10_000)] = SELLERS,
) -> None:
    """Write the company's directory and collaboration as NDJSON, and its directory as CSV."""
    company = Company(date.fromisoformat(starts), weeks, sellers)
    out.mkdir(parents=True, exist_ok=True)
    directory = list(company.directory())
    for record in ("person", "crm_account", "crm_contact"):
        facts = [fact for fact in directory if fact.record == record]
        (out / f"{record}.csv").write_text(as_csv(facts))
    count = 0
    with (out / "events.ndjson").open("wb") as file:
        for fact in [*directory, *company.collaboration()]:
            file.write(fact.line() + b"\n")
            count += 1
    typer.echo(f"{count:,} events in {out}")


if __name__ == "__main__":
    typer.run(main)
