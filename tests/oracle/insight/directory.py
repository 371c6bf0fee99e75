"""Who people are on a day: rows in force, insiders, customers, managers."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.insight.rules import Rules
from tests.oracle.ledger import Data

Rows = dict[str, list[Data]]


def in_force(rows: list[Data], day: date) -> Data:
    """The latest row whose date has come by a day; before the first row, the first row."""
    begun = [row for row in rows if date.fromisoformat(row["effective_on"]) <= day]
    return max(begun, key=_effective) if begun else min(rows, key=_effective)


def _effective(row: Data) -> str:
    return str(row["effective_on"])


def domain_of(address: str) -> str | None:
    _, at, domain = address.rpartition("@")
    return domain if at else None


class Directory:
    """People, accounts and contacts as known at one moment."""

    def __init__(
        self,
        people: Iterable[Data],
        accounts: Iterable[Data],
        contacts: Iterable[Data],
        rules: Rules,
    ) -> None:
        self._rules = rules
        self._people = _grouped(people, "person_id")
        self._accounts = _grouped(accounts, "account_id")
        self._contacts = _grouped(contacts, "contact_id")
        self._on_day: dict[date, list[Data]] = {}
        known = {domain_of(person) for person in self._people} - rules.public_domains - {None}
        self._domains = rules.domains if rules.domains is not None else known

    # --- insiders ---------------------------------------------------------------------------------
    def is_insider(self, address: str) -> bool:
        return address in self._people or domain_of(address) in self._domains

    def row(self, person: str, day: date) -> Data:
        """What is told about a person on a day; nothing about somebody who is not known."""
        rows = self._people.get(person)
        return in_force(rows, day) if rows else {}

    def zone(self, person: str, day: date) -> ZoneInfo:
        name = self.row(person, day).get("time_zone")
        return ZoneInfo(name) if name else self._rules.zone

    def local_day(self, person: str, moment: datetime) -> date:
        """The person's calendar day of a moment, by the zone in force on its UTC day."""
        zone = self.zone(person, moment.astimezone(UTC).date())
        return moment.astimezone(zone).date()

    def group(self, address: str, day: date) -> str | None:
        """The internal group somebody belongs to on a day."""
        return self.row(address, day).get(self._rules.group_attribute) or None

    def manager(self, person: str, day: date) -> str | None:
        manager: str | None = self.row(person, day).get("manager_id")
        return None if manager == person else manager

    def leadership(self, person: str, day: date) -> set[str]:
        """The managers above a person's manager."""
        above: set[str] = set()
        manager = self.manager(person, day)
        leader = manager and self.manager(manager, day)
        while leader and leader not in above | {person, manager}:
            above.add(leader)
            leader = self.manager(leader, day)
        return above

    # --- customers --------------------------------------------------------------------------------
    def account_of(self, address: str, day: date) -> str | None:
        """The account an outsider belongs to on a day; None for insiders and strangers."""
        if self.is_insider(address):
            return None
        exact = [row for row in self._contacts_on(day) if row["email"] == address]
        if exact:
            newest = max(_effective(row) for row in exact)
            return min(str(r["account_id"]) for r in exact if _effective(r) == newest)
        return self._account_of_domain(domain_of(address), day)

    def _account_of_domain(self, domain: str | None, day: date) -> str | None:
        if domain is None or domain in self._rules.public_domains:
            return None
        given = {r["account_id"] for r in self._contacts_on(day) if domain_of(r["email"]) == domain}
        return given.pop() if len(given) == 1 else None

    def _contacts_on(self, day: date) -> list[Data]:
        """The contacts in force; one whose account is not known waits for it."""
        if day not in self._on_day:
            rows = [in_force(rows, day) for rows in self._contacts.values()]
            self._on_day[day] = [row for row in rows if row["account_id"] in self._accounts]
        return self._on_day[day]

    def account(self, account_id: str, day: date) -> dict[str, Any]:
        """An account as answers name it: as of a day; in USD where no currency is told."""
        row = in_force(self._accounts[account_id], day)
        revenue = row.get("annual_revenue")
        return {
            "account_id": account_id,
            "name": row["name"],
            "annual_revenue": None if revenue is None else str(revenue),
            "currency": row.get("currency") or "USD",
        }


def _grouped(rows: Iterable[Data], key: str) -> Rows:
    grouped: Rows = {}
    for row in rows:
        grouped.setdefault(row[key], []).append(row)
    return grouped
