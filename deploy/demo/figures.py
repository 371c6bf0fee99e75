"""What a year comes to, per goal, partner and quarter, counted straight from what is told.

It serves to set targets before the year is played, and to hold the figures that Milepost shows at
its end against. It knows the sample year only: nothing there is moved, deleted or told twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from deploy.demo.strategies import PlannedGoal
from deploy.demo.told import Told
from shared.kernel.period import quarter_of

Quarters = tuple[Decimal, Decimal, Decimal, Decimal]
ONE: Final = Decimal(1)
DEAL_GOALS: Final = {"approved_registered_deals", "closed_won_total_deals_amount"}


class Counted(NamedTuple):
    """What a record adds to a goal of its partner, on a day."""

    partner_id: str
    day: date
    amount: Decimal


def figures(told: Iterable[Told], goal: PlannedGoal, starts: date) -> dict[str, Quarters]:
    """Partner id → a goal's four quarters in the year that begins on a day."""
    sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for counted in _counted(list(told), goal, starts):
        quarter = quarter_of(counted.day, starts)
        if quarter:
            sums[counted.partner_id][quarter - 1] += counted.amount
    return {partner: (q[0], q[1], q[2], q[3]) for partner, q in sums.items()}


def _counted(told: list[Told], goal: PlannedGoal, starts: date) -> Iterator[Counted]:
    if goal.type in DEAL_GOALS:
        return _deals(told, goal)
    if goal.type == "approved_accounts":
        return _by_day(told, "account", "approved_on")
    if goal.type == "completed_certifications":
        return _certified(told, goal, starts)
    if goal.type == "custom_partner_field":
        return _field(told, goal, starts)
    return _leads(told, goal)


def _deals(told: list[Told], goal: PlannedGoal) -> Iterator[Counted]:
    newest = {one.record_id: one.data for one in sorted(_of(told, "deal"), key=_version)}
    types = goal.options.get("deal_types")
    for data in newest.values():
        if types and data["deal_type"] not in types:
            continue
        if goal.type == "approved_registered_deals":
            if "approved_on" in data:
                yield Counted(data["partner_id"], date.fromisoformat(data["approved_on"]), ONE)
        elif data["status"] == "closed_won":
            closed = date.fromisoformat(data["closed_on"])
            yield Counted(data["partner_id"], closed, Decimal(data["amount"]))


def _by_day(told: list[Told], record: str, day: str) -> Iterator[Counted]:
    for one in _of(told, record):
        yield Counted(one.data["partner_id"], date.fromisoformat(one.data[day]), ONE)


def _leads(told: list[Told], goal: PlannedGoal) -> Iterator[Counted]:
    tags = set(goal.options.get("campaign_tags", ()))
    tagged = {
        one.data["campaign_id"] for one in _of(told, "campaign") if tags & set(one.data["tags"])
    }
    wanted = tagged if goal.type == "campaign_leads" else {None}
    leads = [one for one in _of(told, "lead") if one.data.get("campaign_id") in wanted]
    yield from _by_day(leads, "lead", "captured_on")


def _certified(told: list[Told], goal: PlannedGoal, starts: date) -> Iterator[Counted]:
    first: dict[tuple[str, str], date] = {}
    for one in _of(told, "certification"):
        who = (one.data["partner_id"], one.data["user_id"])
        day = date.fromisoformat(one.data["completed_on"])
        if one.data["certification"] == goal.options["certification"] and day >= starts:
            first[who] = min(day, first.get(who, day))
    for (partner_id, _), day in first.items():
        yield Counted(partner_id, day, ONE)


def _field(told: list[Told], goal: PlannedGoal, starts: date) -> Iterator[Counted]:
    """The value carried into the year counts on its first day, each change on its own."""
    values: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for one in _of(told, "partner_field"):
        if one.data["field"] == goal.options["field"]:
            day = date.fromisoformat(one.data["effective_on"])
            values[one.data["partner_id"]].append((day, Decimal(one.data["value"])))
    for partner_id, course in values.items():
        before = Decimal(0)
        for day, value in sorted(course):
            yield Counted(partner_id, max(day, starts), value - before)
            before = value


def _of(told: Iterable[Told], record: str) -> Iterator[Told]:
    return (one for one in told if one.record == record)


def _version(one: Told) -> int:
    return int(one.data["version"])
