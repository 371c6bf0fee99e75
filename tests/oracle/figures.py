"""The seven goal types: which record counts, on which day, for how much (rules 3 and 4)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from tests.oracle.ledger import Data, Version
from tests.oracle.plan_year import quarter_of, year_end

Records = dict[str, Version]


@dataclass(frozen=True)
class Contribution:
    """A record's share in a goal."""

    record: str
    version: int
    day: date
    amount: Decimal
    quarter: int


@dataclass(frozen=True)
class Verdict:
    """Whether a record counts for a goal, and for how much, in which quarter."""

    goal_id: str
    counts: bool
    amount: Decimal | None = None
    quarter: int | None = None


@dataclass(frozen=True)
class Partner:
    """The living records of one partner, and the campaigns that its leads may name."""

    deals: Records
    accounts: Records
    leads: Records
    certifications: Records
    fields: Records
    campaigns: Records


Found = Iterator[tuple[str, Version, date, Decimal]]
ONE = Decimal(1)


def unit_of(goal: Data) -> str:
    """The unit of a goal: count, number or the currency that the goal asks for."""
    if goal["type"] == "closed_won_total_deals_amount":
        return str(goal["options"]["currency"])
    return "number" if goal["type"] == "custom_partner_field" else "count"


def plain(value: Decimal, unit: str) -> str:
    """A figure in plain notation: counts whole, everything else with two decimals."""
    return f"{value:.0f}" if unit == "count" else f"{value:.2f}"


def percent(value: Decimal, target: Decimal | None) -> str | None:
    """Percent of a target, half up to one place; None without a target or with one of 0."""
    if target is None or target == 0:
        return None
    share = (value * 1000 / target).quantize(Decimal(1), ROUND_HALF_UP) / 10
    return f"{share:.1f}"


def contributions(goal: Data, start: date, today: date, partner: Partner) -> list[Contribution]:
    """All that counts for a goal on a day: inside the plan, up to and including that day."""
    found = []
    for record, version, day, amount in _TYPES[goal["type"]](goal["options"], start, partner):
        quarter = quarter_of(day, start)
        if quarter is not None and day <= today:
            found.append(Contribution(record, version.number, day, amount, quarter))
    return sorted(found, key=lambda one: (one.day, one.record))


def _approved_accounts(_options: Data, _start: date, partner: Partner) -> Found:
    for record, version in partner.accounts.items():
        if version.data["status"] == "approved" and "approved_on" in version.data:
            yield record, version, _day(version.data["approved_on"]), ONE


def _approved_registered_deals(options: Data, _start: date, partner: Partner) -> Found:
    for record, version in partner.deals.items():
        deal = version.data
        approved = deal["status"] in ("approved", "closed_won", "closed_lost")
        if approved and "approved_on" in deal and _deal_passes(options, deal):
            yield record, version, _day(deal["approved_on"]), ONE


def _closed_won_amount(options: Data, _start: date, partner: Partner) -> Found:
    for record, version in partner.deals.items():
        deal = version.data
        won = deal["status"] == "closed_won" and "closed_on" in deal
        priced = "amount" in deal and deal.get("currency") == options["currency"]
        if won and priced and _deal_passes(options, deal):
            yield record, version, _day(deal["closed_on"]), Decimal(str(deal["amount"]))


def _deal_passes(options: Data, deal: Data) -> bool:
    types, products = options.get("deal_types") or [], options.get("products") or []
    type_fits = not types or deal.get("deal_type") in types
    product_fits = not products or any(one in products for one in deal.get("products", []))
    return type_fits and product_fits


def _campaign_leads(options: Data, _start: date, partner: Partner) -> Found:
    activities = options.get("activity_types") or []
    for record, version in partner.leads.items():
        lead = version.data
        campaign = partner.campaigns.get(f"campaign/{lead.get('campaign_id')}")
        if "campaign_id" not in lead or campaign is None:
            continue
        tagged = any(tag in options["campaign_tags"] for tag in campaign.data.get("tags", []))
        if tagged and (not activities or lead.get("activity_type") in activities):
            yield record, version, _day(lead["captured_on"]), ONE


def _registered_leads(_options: Data, _start: date, partner: Partner) -> Found:
    for record, version in partner.leads.items():
        if "campaign_id" not in version.data:
            yield record, version, _day(version.data["captured_on"]), ONE


def _completed_certifications(options: Data, start: date, partner: Partner) -> Found:
    """One a user: the first completion inside the plan, or before it where the goal says so."""
    first: dict[str, tuple[date, str, Version]] = {}
    for record, version in partner.certifications.items():
        done = _day(version.data["completed_on"])
        early = done < start and bool(options.get("count_earlier"))
        inside = start <= done < year_end(start)
        if version.data["certification"] != options["certification"] or not (early or inside):
            continue
        user = version.data["user_id"]
        if user not in first or (done, record) < first[user][:2]:
            first[user] = (done, record, version)
    for done, record, version in first.values():
        yield record, version, max(done, start), ONE


def _custom_partner_field(options: Data, start: date, partner: Partner) -> Found:
    """The value carried into the plan on the first day, then each change on its own day."""
    dated = _of_field(options["field"], partner.fields)
    carried = [one for one in dated if one[0] <= start][-1:]
    value = Decimal(0)
    for day, record, version in [*carried, *(one for one in dated if one[0] > start)]:
        now = Decimal(str(version.data["value"]))
        yield record, version, max(day, start), now - value
        value = now


def _of_field(field: str, records: Records) -> list[tuple[date, str, Version]]:
    of_field: Iterable[tuple[str, Version]] = (
        (record, version) for record, version in records.items() if version.data["field"] == field
    )
    return sorted(
        ((_day(version.data["effective_on"]), record, version) for record, version in of_field),
        key=lambda one: one[0],
    )


def _day(text: str) -> date:
    return date.fromisoformat(text)


_TYPES: dict[str, Callable[[Data, date, Partner], Found]] = {
    "approved_accounts": _approved_accounts,
    "approved_registered_deals": _approved_registered_deals,
    "campaign_leads": _campaign_leads,
    "closed_won_total_deals_amount": _closed_won_amount,
    "completed_certifications": _completed_certifications,
    "custom_partner_field": _custom_partner_field,
    "registered_leads": _registered_leads,
}
