"""A backlog of deal events: new ones, updates, exact repeats and versions that come too late.

Bodies are spelled here as `shared.events.records.canonical` spells them (a test holds the two
against each other), because validating a million of them would take longer than consuming them.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.events.envelope import Headers, stamp
from shared.kernel.period import year_end
from shared.messaging.topics import ACTIVITY

TYPE = "milepost.deal.recorded.v1"
SOURCE = "bench/crm"
DEAL_TYPES = ("GTX", "MG", "GTK")
PRODUCTS = ("GTX Basic", "GTX Pro", "MG Special", "MG Advanced", "GTK 500", "GTX Plus")
STATUSES = ("approved", "closed_won", "closed_lost")
REQUEST = 1_000
"""So many events come in one request: all of it is accepted at one moment."""
VERSION_STEP = 10
"""Between two versions that are told in order there is room for one that comes too late."""

GOALS: tuple[dict[str, Any], ...] = (
    {"name": "Won", "type": "closed_won_total_deals_amount", "options": {"currency": "USD"}},
    {
        "name": "Won GTX",
        "type": "closed_won_total_deals_amount",
        "options": {"currency": "USD", "deal_types": ["GTX"]},
    },
    {
        "name": "Won basics",
        "type": "closed_won_total_deals_amount",
        "options": {"currency": "USD", "products": ["GTX Basic", "MG Special"]},
    },
    {"name": "Deals", "type": "approved_registered_deals", "options": {}},
    {"name": "MG deals", "type": "approved_registered_deals", "options": {"deal_types": ["MG"]}},
)


def partner(number: int) -> str:
    return f"bench-{number:05}"


@dataclass(frozen=True, slots=True)
class Deal:
    """One version of a deal."""

    number: int
    version: int
    partner: int
    deal_type: str
    product: str
    status: str
    cents: int
    approved_on: date
    closed_on: date | None


@dataclass(frozen=True)
class Mix:
    """What a backlog is made of; the rest of the events are new deals."""

    events: int = 1_000_000
    partners: int = 10_000
    updates: float = 1 / 3
    duplicates: float = 0.03
    stale: float = 0.03


@dataclass
class Backlog:
    """A backlog that begins anew, the same every time, whenever `versions` is asked for."""

    label: str
    starts: date
    mix: Mix = field(default_factory=Mix)
    first_partner: int = 0
    newest: list[Deal] = field(default_factory=list)
    """What each deal has come to, once `versions` was used up."""

    def versions(self) -> Iterator[Deal]:
        """The events in the order in which they are told."""
        chance = random.Random(self.label)
        newest: list[Deal] = []
        for _ in range(self.mix.events):
            told, is_newest = self._next(chance, newest)
            if is_newest:
                if told.number == len(newest):
                    newest.append(told)
                else:
                    newest[told.number] = told
            yield told
        self.newest = newest

    def _next(self, chance: random.Random, newest: list[Deal]) -> tuple[Deal, bool]:
        at, mix = chance.random(), self.mix
        if newest and at < mix.updates + mix.duplicates + mix.stale:
            known = newest[int(chance.random() * len(newest))]
            if at < mix.updates:
                version = known.version + VERSION_STEP
                return self._version(chance, known.number, version, known.partner), True
            if at < mix.updates + mix.duplicates:
                return known, False
            stale = known.version - VERSION_STEP // 2
            return self._version(chance, known.number, stale, known.partner), False
        partner = self.first_partner + int(chance.random() * mix.partners)
        return self._version(chance, len(newest), VERSION_STEP, partner), True

    def _version(self, chance: random.Random, number: int, version: int, partner: int) -> Deal:
        draw = chance.random
        status = STATUSES[int(draw() * len(STATUSES))]
        approved = int(draw() * 300) - 10
        closed = None if status == "approved" else self._day(approved + int(draw() * 60))
        return Deal(
            number,
            version,
            partner,
            DEAL_TYPES[int(draw() * len(DEAL_TYPES))],
            PRODUCTS[int(draw() * len(PRODUCTS))],
            status,
            int(draw() * 2_000_000),
            self._day(approved),
            closed,
        )

    def _day(self, number: int) -> date:
        return self.starts + timedelta(days=number)

    def body(self, deal: Deal) -> bytes:
        """The canonical JSON of a version."""
        closed = f'"closed_on":"{deal.closed_on}",' if deal.closed_on else ""
        return (
            f'{{"amount":"{_spelled(deal.cents)}",'
            f'"approved_on":"{deal.approved_on}",{closed}"currency":"USD",'
            f'"deal_id":"{self.label}-{deal.number}","deal_type":"{deal.deal_type}",'
            f'"name":"Deal {deal.number} of the benchmark","partner_id":"{partner(deal.partner)}",'
            f'"products":["{deal.product}"],"registered_on":"{deal.approved_on}",'
            f'"status":"{deal.status}","version":{deal.version}}}'
        ).encode()

    def entries(self, accepted_at: datetime) -> Iterator[tuple[str, str, bytes, Headers]]:
        """The events as ingest publishes them: topic, key, value, headers."""
        fixed: Headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]
        named: Headers = [("ce_type", TYPE.encode()), ("ce_source", SOURCE.encode())]
        for number, deal in enumerate(self.versions()):
            moment = stamp(accepted_at + timedelta(milliseconds=number // REQUEST)).encode()
            event_id = f"{self.label}-{number}".encode()
            headers = [*fixed, ("ce_id", event_id), *named, ("ce_acceptedat", moment)]
            yield ACTIVITY, partner(deal.partner), self.body(deal), headers


def _spelled(cents: int) -> str:
    """An amount as canonical JSON has it: whole ones without decimals."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02}" if rest else str(whole)


Totals = dict[tuple[int, str], Decimal]
"""Partner number, goal name → the value of the plan year's goal."""


def totals(deals: list[Deal], starts: date, at: date) -> Totals:
    """What the goals of all partners come to by a day, folded in plain Python."""
    sums: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for deal in deals:
        for goal in GOALS:
            day = _counts_on(deal, goal)
            if day is not None and day <= at and starts <= day < year_end(starts):
                sums[deal.partner, goal["name"]] += _amount(deal, goal)
    return sums


def _counts_on(deal: Deal, goal: dict[str, Any]) -> date | None:
    options = goal["options"]
    if deal.deal_type not in options.get("deal_types", (deal.deal_type,)):
        return None
    if deal.product not in options.get("products", (deal.product,)):
        return None
    if goal["type"] == "approved_registered_deals":
        return deal.approved_on
    return deal.closed_on if deal.status == "closed_won" else None


def _amount(deal: Deal, goal: dict[str, Any]) -> Decimal:
    is_money = goal["type"] == "closed_won_total_deals_amount"
    return Decimal(deal.cents) / 100 if is_money else Decimal(1)
