"""What the sources of the demo tell: CloudEvents, each on the day it becomes known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from deploy.demo.moving import PlanYear
from deploy.demo.sales import Opportunity, Sales, Seller, Stage
from shared.events.records import RECORDS

CURRENCY: Final = "USD"
FIRST_VERSION: Final = 1
CLOSING_VERSION: Final = 2


@dataclass(frozen=True)
class Told:
    """An event and the day on which its source tells it; None = with the first ones."""

    known_on: date | None
    record: str
    source: str
    data: dict[str, Any]

    @property
    def record_id(self) -> str:
        return "/".join(str(self.data[key]) for key in RECORDS[self.record].keys)

    def line(self) -> bytes:
        """The event as a line of NDJSON: CloudEvents 1.0 in JSON."""
        event = {
            "specversion": "1.0",
            "id": f"{self.record}/{self.record_id}/{self.data['version']}",
            "source": self.source,
            "type": RECORDS[self.record].recorded,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        if self.known_on:
            event["time"] = f"{self.known_on}T12:00:00Z"
        return orjson.dumps(event)


def slug(name: str) -> str:
    """A name as it stands in ids and addresses: `Mei-Mei Johns` → `mei-mei-johns`."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def partner_id(seller: str) -> str:
    return slug(seller)


def groups_of(seller: Seller) -> list[str]:
    """A partner's groups: its region, and the portfolio of its channel account manager."""
    return [seller.group, f"CAM {seller.manager}"]


def of_sales(sales: Sales, year: PlanYear) -> Iterator[Told]:
    """Deals and deal accounts, as the sales data has them."""
    source = f"milepost-demo/{sales.origin}"
    for opportunity in sales.opportunities:
        yield from _deal(source, opportunity, year)
    yield from _accounts(source, sales, year)


def _deal(source: str, opportunity: Opportunity, year: PlanYear) -> Iterator[Told]:
    """A deal is told when it is engaged, and again when it is decided."""
    named: dict[str, Any] = {
        "deal_id": opportunity.opportunity_id,
        "partner_id": partner_id(opportunity.seller),
        "deal_type": opportunity.series,
        "products": [opportunity.product],
        "name": f"{opportunity.product} for {opportunity.account or 'a prospect'}",
    }
    if opportunity.account:
        named["account_id"] = _account_id(opportunity.seller, opportunity.account)
    if opportunity.engaged_on is None:
        yield Told(None, "deal", source, {**named, "version": FIRST_VERSION, "status": "draft"})
        return
    engaged = year.moved(opportunity.engaged_on)
    named |= {"registered_on": str(engaged), "approved_on": str(engaged)}
    yield Told(engaged, "deal", source, {**named, "version": FIRST_VERSION, "status": "approved"})
    if opportunity.closed_on:
        closed = year.moved(opportunity.closed_on)
        yield Told(closed, "deal", source, named | _decision(opportunity, closed))


def _decision(opportunity: Opportunity, closed: date) -> dict[str, Any]:
    decision: dict[str, Any] = {"version": CLOSING_VERSION, "closed_on": str(closed)}
    if opportunity.stage is not Stage.WON:
        return {**decision, "status": "closed_lost"}
    return {
        **decision,
        "status": "closed_won",
        "amount": str(opportunity.value),
        "currency": CURRENCY,
    }


def _accounts(source: str, sales: Sales, year: PlanYear) -> Iterator[Told]:
    """An account is approved for a partner on the day of the first deal it has there."""
    first: dict[tuple[str, str], date] = {}
    for opportunity in sales.opportunities:
        if opportunity.account and opportunity.engaged_on:
            pair = (opportunity.seller, opportunity.account)
            first[pair] = min(opportunity.engaged_on, first.get(pair, opportunity.engaged_on))
    for (seller, account), day in sorted(first.items()):
        approved = year.moved(day)
        data = {
            "account_id": _account_id(seller, account),
            "version": FIRST_VERSION,
            "partner_id": partner_id(seller),
            "name": account,
            "status": "approved",
            "approved_on": str(approved),
        }
        yield Told(approved, "account", source, data)


def _account_id(seller: str, account: str) -> str:
    return f"{partner_id(seller)}/{slug(account)}"
