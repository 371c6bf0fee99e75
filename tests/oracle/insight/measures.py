"""The blocks of an insight (rules, section 3), each as the contract's JSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from tests.oracle.insight.activity import Activity
from tests.oracle.insight.directory import Directory
from tests.oracle.insight.period import Period
from tests.oracle.insight.rules import Rules, change, hours, pair, three
from tests.oracle.ledger import Data

KINDS = ("email", "meeting", "call", "chat")
Sums = dict[str, Fraction]
ZERO = Fraction(0)


@dataclass
class Measured:
    """A person, all it ever took part in, and the seconds that each took of it."""

    person: str
    activities: list[Activity]
    seconds: dict[str, Fraction]
    directory: Directory
    rules: Rules
    _days: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._days = {
            one.activity_id: self.directory.local_day(self.person, one.starts)
            for one in self.activities
        }

    def day(self, one: Activity) -> date:
        return self._days[one.activity_id]

    def between(self, starts: date, ends: date) -> list[Activity]:
        """The activities of some of the person's days, `ends` exclusive."""
        return [one for one in self.activities if starts <= self.day(one) < ends]

    def during(self, period: Period) -> list[Activity]:
        return self.between(period.starts, period.ends)

    def total(self, activities: Iterable[Activity]) -> Fraction:
        return sum((self.seconds[one.activity_id] for one in activities), ZERO)

    def is_external(self, one: Activity) -> bool:
        return not all(self.directory.is_insider(address) for address in one.there)

    def external_and_internal(self, period: Period) -> tuple[Fraction, Fraction]:
        own = self.during(period)
        external = self.total(one for one in own if self.is_external(one))
        return external, self.total(own) - external

    def allocated(
        self, activities: Iterable[Activity], key: Callable[[str, date], str | None]
    ) -> Sums:
        """The person's seconds, divided by head over the other people, by what each belongs to."""
        sums: Sums = {}
        for one in activities:
            others = one.others(self.person)
            for other in others:
                name = key(other, self.day(one))
                if name is not None:
                    share = self.seconds[one.activity_id] / len(others)
                    sums[name] = sums.get(name, ZERO) + share
        return {name: seconds for name, seconds in sums.items() if seconds}


def answer(measured: Measured, period: Period) -> Data:
    """A person's insight about a period."""
    return {
        "person": measured.person,
        "period": period.name,
        "starts": str(period.starts),
        "ends": str(period.ends),
        "time_zone": measured.directory.zone(measured.person, period.last_day).key,
        "collaboration": _collaboration(measured, period),
        "time_with_customers": _time_with_customers(measured, period),
        "depth_of_engagement": _depth(measured, period),
        "internal_networks": _networks(measured, period),
        "manager_interactions": _manager(measured, period),
    }


def amount(seconds: Fraction) -> Data:
    """A time as answers show it: whole seconds and hours with two decimals, each rounded once."""
    return {"seconds": int(seconds + Fraction(1, 2)), "hours": hours(seconds)}


def _collaboration(measured: Measured, period: Period) -> Data:
    own = measured.during(period)
    external, internal = measured.external_and_internal(period)
    external_before, internal_before = measured.external_and_internal(period.before)
    percents = pair(external, internal)
    return {
        **amount(measured.total(own)),
        "kinds": {
            kind: amount(measured.total(one for one in own if one.kind == kind)) for kind in KINDS
        },
        "external": {
            **amount(external),
            "percent": percents[0],
            "change_percent": change(external, external_before),
        },
        "internal": {
            **amount(internal),
            "percent": percents[1],
            "change_percent": change(internal, internal_before),
        },
    }


def _time_with_customers(measured: Measured, period: Period) -> list[Data]:
    account_of = measured.directory.account_of
    now = measured.allocated(measured.during(period), account_of)
    before = measured.allocated(measured.during(period.before), account_of)
    return [
        {
            **measured.directory.account(account_id, period.last_day),
            **amount(now[account_id]),
            "change_percent": change(now[account_id], before.get(account_id, ZERO)),
        }
        for account_id in _ranked(now)
    ]


def _ranked(sums: Sums) -> list[str]:
    """Down by the exact figure, then by id."""
    return sorted(sums, key=lambda name: (-sums[name], name))


def _depth(measured: Measured, period: Period) -> Data:
    starts = period.ends - timedelta(days=measured.rules.depth_days)
    people: dict[str, set[str]] = {}
    for one in _meaningful(measured, measured.between(starts, period.ends)):
        for other in one.others(measured.person):
            account = measured.directory.account_of(other, measured.day(one))
            if account is not None:
                people.setdefault(account, set()).add(other)
    ranked = _ranked({account: Fraction(len(met)) for account, met in people.items()})
    return {
        "starts": str(starts),
        "ends": str(period.ends),
        "accounts": [
            {
                **measured.directory.account(account, period.last_day),
                "people": len(people[account]),
            }
            for account in ranked
        ],
    }


def _meaningful(measured: Measured, activities: Iterable[Activity]) -> list[Activity]:
    """Small enough; of chats those whose messages of the day come to enough."""
    everything = list(activities)
    small = [one for one in everything if len(one.there) <= measured.rules.meaningful_people]
    written: dict[tuple[str | None, str | None, date], int] = {}

    def chat(one: Activity) -> tuple[str | None, str | None, date]:
        alone = None if one.chat_id else one.activity_id
        return one.chat_id, alone, measured.day(one)

    for one in everything:
        if one.kind == "chat":
            written[chat(one)] = written.get(chat(one), 0) + one.messages
    enough = measured.rules.meaningful_messages
    return [one for one in small if one.kind != "chat" or written[chat(one)] >= enough]


def _networks(measured: Measured, period: Period) -> Data:
    groups = measured.allocated(measured.during(period), measured.directory.group)
    return {
        "attribute": measured.rules.group_attribute,
        "groups": [{"group": group, **amount(groups[group])} for group in _ranked(groups)],
    }


def _manager(measured: Measured, period: Period) -> Data:
    meetings = [one for one in measured.during(period) if one.kind == "meeting"]
    parts: dict[str, list[Activity]] = {"alone": [], "with_manager": [], "with_leadership": []}
    one_to_one = []
    for one in meetings:
        manager = measured.directory.manager(measured.person, measured.day(one))
        leaders = measured.directory.leadership(measured.person, measured.day(one))
        if leaders & one.there.keys():
            parts["with_leadership"].append(one)
        elif manager in one.there:
            parts["with_manager"].append(one)
        else:
            parts["alone"].append(one)
        if one.there.keys() == {measured.person, manager}:
            one_to_one.append(one)
    account_of = measured.directory.account_of
    whole = measured.allocated(meetings, account_of)
    split = {name: measured.allocated(part, account_of) for name, part in parts.items()}
    return {
        "one_to_one": amount(measured.total(one_to_one)),
        "accounts": [
            {
                **measured.directory.account(account, period.last_day),
                **amount(whole[account]),
                **_shares({name: sums.get(account, ZERO) for name, sums in split.items()}),
            }
            for account in _ranked(whole)
        ],
    }


def _shares(parts: Sums) -> Data:
    percents = three(list(parts.values()))
    return {
        name: {**amount(seconds), "percent": percent}
        for (name, seconds), percent in zip(parts.items(), percents, strict=True)
    }
