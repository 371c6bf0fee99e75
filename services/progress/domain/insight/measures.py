"""A person's insight: what its time was spent on, exact until each figure is rounded once.

Time that several people share is divided by head count over the others. Shares are kept apart by
the number of others, so that all sums are of whole microseconds until the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from math import lcm
from typing import Any, Final
from zoneinfo import ZoneInfo

from services.progress.domain.insight.asking import Asked
from services.progress.domain.insight.directory import Directory
from services.progress.domain.insight.notes import notes_on
from services.progress.domain.insight.period import Period
from services.progress.domain.insight.timeline import Involvement, time_of
from shared.events.envelope import stamp

KINDS: Final = ("email", "meeting", "call", "chat")
MICROSECONDS: Final = 1_000_000
NOTHING: Final = Fraction(0)
DEFAULT_CURRENCY: Final = "USD"
MOST_IN_NETWORK: Final = 200


@dataclass
class Shares:
    """Shares of time by whom they belong to; whole microseconds, kept apart by their divisor."""

    parts: dict[str, dict[int, int]] = field(default_factory=dict)

    def add(self, key: str, microseconds: int, divisor: int) -> None:
        """Add a share of some time; of no time nobody has a share."""
        if not microseconds:
            return
        parts = self.parts.setdefault(key, {})
        parts[divisor] = parts.get(divisor, 0) + microseconds

    def seconds(self, key: str) -> Fraction:
        """What a key comes to, in seconds."""
        parts = self.parts.get(key)
        if not parts:
            return NOTHING
        whole = lcm(*parts)
        total = sum(part * (whole // divisor) for divisor, part in parts.items())
        return Fraction(total, whole * MICROSECONDS)

    def ordered(self) -> list[tuple[str, Fraction]]:
        """Keys and seconds, the longest first, then by key."""
        found = [(key, self.seconds(key)) for key in self.parts]
        return sorted(found, key=lambda one: (-one[1], one[0]))


@dataclass(slots=True)
class Part:
    """An involvement on its local day, with the time it takes and who else was there."""

    own: Involvement
    day: date
    microseconds: int
    others: Sequence[str]
    outsiders: Sequence[str]
    accounts: dict[str, int] | None = None
    """How many people of which account were there, once it was asked for."""


class Measured:
    """Everything that one person took part in, ready to be asked about periods."""

    def __init__(self, person: str, own: Sequence[Involvement], directory: Directory) -> None:
        self._person = person
        self._directory = directory
        self._zones: dict[date, ZoneInfo] = {}
        self._days: dict[date, list[Part]] = {}
        taken = time_of(own, directory.rules)
        for one in own:
            part = self._part(one, taken[one.interaction_id])
            self._days.setdefault(part.day, []).append(part)

    def _part(self, own: Involvement, microseconds: int) -> Part:
        person, inside = self._person, self._directory.is_insider
        others = [one for one in own.people if one != person]
        outsiders = [one for one in others if not inside(one)]
        return Part(own, self._local_day(own.starts), microseconds, others, outsiders)

    def _local_day(self, starts: datetime) -> date:
        """In the zone of the row that is in force on the start's UTC day."""
        day = starts.astimezone(UTC).date()
        zone = self._zones.get(day)
        if zone is None:
            zone = self._zones[day] = self._directory.zone_of(self._person, day)
        return starts.astimezone(zone).date()

    def within(self, first: date, end: date) -> list[Part]:
        """What began on local days from `first` to before `end`."""
        return [part for day, parts in self._days.items() if first <= day < end for part in parts]

    def of(self, period: Period) -> list[Part]:
        return self.within(period.starts, period.ends)

    # --- hours --------------------------------------------------------------------------------

    def both(self, period: Period) -> tuple[Fraction, Fraction]:
        """External and internal seconds of a period."""
        parts = self.of(period)
        external = sum(part.microseconds for part in parts if part.outsiders)
        whole = sum(part.microseconds for part in parts)
        return Fraction(external, MICROSECONDS), Fraction(whole - external, MICROSECONDS)

    def by_kind(self, period: Period) -> dict[str, Fraction]:
        found = dict.fromkeys(KINDS, 0)
        for part in self.of(period):
            found[part.own.kind] += part.microseconds
        return {kind: Fraction(total, MICROSECONDS) for kind, total in found.items()}

    def by_account(self, parts: Iterable[Part]) -> Shares:
        """Time with customers, each account by its contacts' share."""
        shares = Shares()
        for part in parts:
            for account, count in self._accounts(part).items():
                shares.add(account, part.microseconds * count, len(part.others))
        return shares

    def by_group(self, parts: Iterable[Part]) -> Shares:
        """Time with internal groups, each by its members' share."""
        inside, group_of, shares = self._directory.is_insider, self._directory.group_of, Shares()
        for part in parts:
            for one in part.others:
                if inside(one) and (group := group_of(one, part.day)):
                    shares.add(group, part.microseconds, len(part.others))
        return shares

    def by_person(self, parts: Iterable[Part]) -> Shares:
        shares = Shares()
        for part in parts:
            for one in part.others:
                shares.add(one, part.microseconds, len(part.others))
        return shares

    def _accounts(self, part: Part) -> dict[str, int]:
        """How many people of which account were there."""
        if part.accounts is None:
            found: dict[str, int] = {}
            for one in part.outsiders:
                account = self._directory.account_of(one, part.day)
                if account is not None:
                    found[account] = found.get(account, 0) + 1
            part.accounts = found
        return part.accounts

    # --- people and managers ------------------------------------------------------------------

    def depth(self, period: Period) -> dict[str, set[str]]:
        """Account → the people of it with a meaningful interaction in the 28 days."""
        directory, found = self._directory, dict[str, set[str]]()
        parts = self.within(period.depth_starts, period.ends)
        messages = _messages(parts)
        for part in parts:
            if not self._is_meaningful(part, messages):
                continue
            for one in part.outsiders:
                account = directory.account_of(one, part.day)
                if account is not None:
                    found.setdefault(account, set()).add(one)
        return found

    def _is_meaningful(self, part: Part, messages: Mapping[tuple[str, date], int]) -> bool:
        rules, own = self._directory.rules, part.own
        if len(own.people) > rules.meaningful_people:
            return False
        return own.kind != "chat" or messages[_chat(part)] >= rules.meaningful_messages

    def manager(self, period: Period) -> tuple[Fraction, dict[str, Shares]]:
        """Seconds in one-to-ones with the manager, and meeting time by who came along."""
        alone_with, came = 0, {name: Shares() for name in ("alone", "manager", "leadership")}
        for part in self.of(period):
            if part.own.kind != "meeting":
                continue
            manager, leaders = self._directory.managers_of(self._person, part.day)
            if manager is not None and part.others == [manager]:
                alone_with += part.microseconds
            there = set(part.others)
            who = "leadership" if there & leaders else "manager" if manager in there else "alone"
            for account, count in self._accounts(part).items():
                came[who].add(account, part.microseconds * count, len(part.others))
        return Fraction(alone_with, MICROSECONDS), came


def _messages(parts: Iterable[Part]) -> dict[tuple[str, date], int]:
    """Messages of each chat on each local day."""
    found: dict[tuple[str, date], int] = {}
    for part in parts:
        if part.own.kind == "chat":
            found[_chat(part)] = found.get(_chat(part), 0) + part.own.all_messages
    return found


def _chat(part: Part) -> tuple[str, date]:
    """The chat that a record is of, else the record itself; no id begins with a separator."""
    own = part.own
    return own.chat_id or f"\x1f{own.interaction_id}", part.day


# --- the answer -----------------------------------------------------------------------------------


def answer(asked: Asked, own: Sequence[Involvement], directory: Directory) -> dict[str, Any]:
    """The contract's `GET /me/insights`, with `peers` left to others."""
    measured, period = Measured(asked.person, own, directory), asked.period
    zone = directory.zone_of(asked.person, period.last_day)
    return {
        "person": asked.person,
        "period": str(period),
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "time_zone": zone.key,
        "complete_to": stamp(asked.complete_to) if asked.complete_to else None,
        "collaboration": _collaboration(measured, period),
        "peers": None,
        "time_with_customers": _customers(measured, period, directory),
        "depth_of_engagement": _depth(measured, period, directory),
        "internal_networks": _networks(measured, period, directory),
        "manager_interactions": _manager(measured, period, directory),
        "methods": notes_on(asked, directory.rules),
    }


def _collaboration(measured: Measured, period: Period) -> dict[str, Any]:
    external, internal = measured.both(period)
    before = measured.both(period.before)
    percents = pair(external, internal)
    sides = zip(("external", "internal"), (external, internal), before, percents, strict=True)
    return {
        **told(external + internal),
        "kinds": {kind: told(total) for kind, total in measured.by_kind(period).items()},
        **{
            name: {**told(now), "percent": percent, "change_percent": change(now, then)}
            for name, now, then, percent in sides
        },
    }


def _customers(measured: Measured, period: Period, directory: Directory) -> list[dict[str, Any]]:
    before = measured.by_account(measured.of(period.before))
    return [
        {
            **_account(account, period, directory),
            **told(now),
            "change_percent": change(now, before.seconds(account)),
        }
        for account, now in measured.by_account(measured.of(period)).ordered()
    ]


def _depth(measured: Measured, period: Period, directory: Directory) -> dict[str, Any]:
    found = measured.depth(period)
    ordered = sorted(found, key=lambda account: (-len(found[account]), account))
    return {
        "starts": period.depth_starts.isoformat(),
        "ends": period.ends.isoformat(),
        "accounts": [
            {**_account(account, period, directory), "people": len(found[account])}
            for account in ordered
        ],
    }


def _networks(measured: Measured, period: Period, directory: Directory) -> dict[str, Any]:
    groups = measured.by_group(measured.of(period)).ordered()
    return {
        "attribute": directory.rules.group_attribute,
        "groups": [{"group": group, **told(seconds)} for group, seconds in groups],
    }


def _manager(measured: Measured, period: Period, directory: Directory) -> dict[str, Any]:
    alone_with, came = measured.manager(period)
    accounts = {account for shares in came.values() for account in shares.parts}
    whole = {a: sum((s.seconds(a) for s in came.values()), Fraction(0)) for a in accounts}
    ordered = sorted(accounts, key=lambda account: (-whole[account], account))
    return {
        "one_to_one": told(alone_with),
        "accounts": [
            {
                **_account(account, period, directory),
                **told(whole[account]),
                **_along(account, came),
            }
            for account in ordered
        ],
    }


def _along(account: str, came: Mapping[str, Shares]) -> dict[str, Any]:
    """Who of one's own came along to meetings with an account."""
    names = {"alone": "alone", "manager": "with_manager", "leadership": "with_leadership"}
    seconds = [came[who].seconds(account) for who in names]
    return {
        name: {**told(part), "percent": percent}
        for name, part, percent in zip(names.values(), seconds, whole_shares(seconds), strict=True)
    }


def _account(account_id: str, period: Period, directory: Directory) -> dict[str, Any]:
    row = directory.accounts[account_id].on(period.last_day)
    return {
        "account_id": account_id,
        "name": row.name,
        "annual_revenue": None if row.annual_revenue is None else f"{row.annual_revenue:f}",
        "currency": row.currency or DEFAULT_CURRENCY,
    }


def network(
    person: str, own: Sequence[Involvement], directory: Directory, first: date, end: date
) -> list[dict[str, Any]]:
    """With whom the days from `first` to before `end` were spent, the most first."""
    measured = Measured(person, own, directory)
    found = measured.by_person(measured.within(first, end)).ordered()[:MOST_IN_NETWORK]
    return [
        {"address": address, **_whose(address, end, directory), **told(seconds)}
        for address, seconds in found
        if seconds
    ]


def _whose(address: str, end: date, directory: Directory) -> dict[str, Any]:
    day = date.fromordinal(end.toordinal() - 1)
    course = directory.people.get(address)
    account = None if directory.is_insider(address) else directory.account_of(address, day)
    return {
        "name": course.on(day).name if course else None,
        "account": directory.accounts[account].on(day).name if account else None,
        "group": directory.group_of(address, day),
    }


# --- rounding -------------------------------------------------------------------------------------


def half_up(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def told(seconds: Fraction) -> dict[str, Any]:
    """Time as answers tell it: whole seconds, and hours with two decimals."""
    hundredths = half_up(seconds / 36)
    return {"seconds": half_up(seconds), "hours": f"{hundredths // 100}.{hundredths % 100:02}"}


def change(now: Fraction, before: Fraction) -> int | None:
    """Change in whole percent; None where there was nothing before."""
    return half_up(100 * (now - before) / before) if before else None


def pair(first: Fraction, second: Fraction) -> tuple[int, int]:
    """Two shares in whole percent that add up to 100; of nothing both are 0."""
    if not first + second:
        return 0, 0
    percent = half_up(100 * first / (first + second))
    return percent, 100 - percent


def whole_shares(parts: Sequence[Fraction]) -> list[int]:
    """Shares in whole percent that add up to 100, by largest remainder; the first of equals."""
    total = sum(parts, Fraction(0))
    if not total:
        return [0] * len(parts)
    exact = [100 * part / total for part in parts]
    whole = [share.numerator // share.denominator for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_remainder[: 100 - sum(whole)]:
        whole[at] += 1
    return whole
