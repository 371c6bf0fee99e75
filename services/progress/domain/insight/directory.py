"""Who people are on a day: their zone, group and managers, and which customer an address is of.

Rows are effective from a day on. In force is the latest from before or on the day, before the first
row the first one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from services.progress.domain.insight.rules import InsightRules


class PersonFacts(NamedTuple):
    """An organizational row."""

    effective_on: date
    name: str | None
    manager: str | None
    organization: str | None
    function: str | None
    time_zone: str | None


class AccountFacts(NamedTuple):
    """A row of a CRM account."""

    effective_on: date
    name: str
    annual_revenue: Decimal | None
    currency: str | None


class ContactFacts(NamedTuple):
    """A row of a CRM contact."""

    effective_on: date
    account_id: str
    email: str


Facts = TypeVar("Facts", PersonFacts, AccountFacts, ContactFacts)


class Course(Generic[Facts]):
    """The rows of one thing, by the day from which each holds."""

    def __init__(self, rows: Iterable[Facts]) -> None:
        self.rows: Sequence[Facts] = sorted(rows, key=lambda row: row.effective_on)
        self._days = [row.effective_on for row in self.rows]

    def on(self, day: date) -> Facts:
        """The row in force on a day."""
        return self.rows[max(bisect_right(self._days, day) - 1, 0)]

    def spans(self) -> Iterable[tuple[date, date, Facts]]:
        """Each row with the first day it holds and the first day it does not."""
        for place, row in enumerate(self.rows):
            first = row.effective_on if place else date.min
            last = self._days[place + 1] if place + 1 < len(self.rows) else date.max
            if first < last or row is self.rows[-1]:
                yield first, last, row


class _Claim(NamedTuple):
    """That an address or a domain is of an account, for a while."""

    first: date
    last: date
    effective_on: date
    account_id: str


@dataclass(frozen=True)
class Directory:
    """Everybody and every customer that some activities are about, as known at a moment."""

    people: Mapping[str, Course[PersonFacts]]
    accounts: Mapping[str, Course[AccountFacts]]
    contacts: Sequence[Course[ContactFacts]]
    own_domains: frozenset[str]
    """The organization's domains, as the rules or its people tell them."""
    rules: InsightRules

    # --- insiders -----------------------------------------------------------------------------

    def is_insider(self, address: str) -> bool:
        """Whether somebody is one of ours."""
        known = self._inside.get(address)
        if known is None:
            known = address in self.people or domain_of(address) in self.own_domains
            self._inside[address] = known
        return known

    def zone_of(self, person: str, day: date) -> ZoneInfo:
        """The zone that a person's days are counted in."""
        course = self.people.get(person)
        name = course.on(day).time_zone if course else None
        return ZoneInfo(name) if name else self.rules.zone

    def group_of(self, address: str, day: date) -> str | None:
        """The internal group of somebody on a day."""
        key = (address, day)
        if key not in self._groups:
            course = self.people.get(address)
            row = course.on(day) if course else None
            by_organization = self.rules.group_attribute == "organization"
            self._groups[key] = row and (row.organization if by_organization else row.function)
        return self._groups[key]

    def managers_of(self, person: str, day: date) -> tuple[str | None, frozenset[str]]:
        """The manager of a person on a day, and the managers above."""
        chain: list[str] = []
        seen = {person}
        current: str | None = person
        while current is not None:
            course = self.people.get(current)
            above = course.on(day).manager if course else None
            if above is None or above in seen:
                break
            chain.append(above)
            seen.add(above)
            current = above
        return (chain[0] if chain else None), frozenset(chain[1:])

    # --- customers ----------------------------------------------------------------------------

    def account_of(self, address: str, day: date) -> str | None:
        """The account of an outsider on a day: by contact, else by a domain that is only its."""
        key = (address, day)
        if key not in self._found:
            found = self._by_contact(address, day) or self._by_domain(address, day)
            self._found[key] = found
        return self._found[key]

    def _by_contact(self, address: str, day: date) -> str | None:
        claims = [one for one in self._by_email.get(address, ()) if one.first <= day < one.last]
        if not claims:
            return None
        newest = max(one.effective_on for one in claims)
        return min(one.account_id for one in claims if one.effective_on == newest)

    def _by_domain(self, address: str, day: date) -> str | None:
        claims = self._by_work_domain.get(domain_of(address), ())
        accounts = {one.account_id for one in claims if one.first <= day < one.last}
        return accounts.pop() if len(accounts) == 1 else None

    @cached_property
    def _inside(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _groups(self) -> dict[tuple[str, date], str | None]:
        return {}

    @cached_property
    def _found(self) -> dict[tuple[str, date], str | None]:
        return {}

    @cached_property
    def _claims(self) -> Sequence[tuple[str, _Claim]]:
        """What contacts say, where their account is known."""
        return [
            (row.email, _Claim(first, last, row.effective_on, row.account_id))
            for course in self.contacts
            for first, last, row in course.spans()
            if row.account_id in self.accounts
        ]

    @cached_property
    def _by_email(self) -> Mapping[str, Sequence[_Claim]]:
        found: dict[str, list[_Claim]] = {}
        for email, claim in self._claims:
            found.setdefault(email, []).append(claim)
        return found

    @cached_property
    def _by_work_domain(self) -> Mapping[str, Sequence[_Claim]]:
        found: dict[str, list[_Claim]] = {}
        for email, claim in self._claims:
            domain = domain_of(email)
            if domain not in self.rules.public_domains:
                found.setdefault(domain, []).append(claim)
        return found


def domain_of(address: str) -> str:
    """What stands after the last at sign; nothing for a name without one."""
    _, at, domain = address.rpartition("@")
    return domain if at else ""
