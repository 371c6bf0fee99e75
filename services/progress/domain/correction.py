"""What was told once and is otherwise by what is known since: the figure then, now, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from services.progress.domain.sheet import NOTHING, Figures, KnownPlan
from shared.events.envelope import stamp
from shared.events.plans import Goal
from shared.kernel.money import plain
from shared.kernel.period import local_day

MOST_RECORDS: Final = 3
"""Records that a correction names; how many there are more is counted."""


class SentQuarter(msgspec.Struct, frozen=True):
    quarter: int
    starts: date
    ends: date
    value: Decimal


class SentGoal(msgspec.Struct, frozen=True):
    goal_id: UUID
    value: Decimal
    quarters: list[SentQuarter]

    def quarter_on(self, day: date) -> SentQuarter | None:
        return next((one for one in self.quarters if one.starts <= day < one.ends), None)


class SentGroup(msgspec.Struct, frozen=True):
    goals: list[SentGoal]


class SentProgress(msgspec.Struct, frozen=True):
    goal_groups: list[SentGroup]


class Sent(msgspec.Struct, frozen=True):
    """A statement that went out, as far as it can be corrected."""

    tick_id: UUID
    plan_id: UUID
    period: str
    due_at: datetime
    progress: SentProgress

    @property
    def goals(self) -> Iterable[SentGoal]:
        return (goal for group in self.progress.goal_groups for goal in group.goals)

    def day(self, zone: ZoneInfo) -> date:
        """The last day that counted."""
        return local_day(self.due_at, zone)


_decoder = msgspec.json.Decoder(Sent)


def read_sent(body: bytes) -> Sent:
    """A statement that went out, from the bytes that were kept of it."""
    return _decoder.decode(body)


@dataclass(frozen=True)
class Corrected:
    """A figure that went out, for the year or for the quarter it was in, and what it is now."""

    goal: Goal
    day: date
    quarter: int | None
    was: Decimal
    value: Decimal

    def shown(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The correction as statements and the API show it; `records` made it so."""
        unit = self.goal.unit
        number = records[0]["number"] if records else 0
        return {
            "goal_id": self.goal.goal_id,
            "goal_name": self.goal.name,
            "unit": unit,
            "day": self.day.isoformat(),
            "quarter": self.quarter,
            "was": plain(self.was, unit),
            "value": plain(self.value, unit),
            "records": [_record(one, unit) for one in records],
            "more": number - len(records),
        }


def _record(row: Mapping[str, Any], unit: str) -> dict[str, Any]:
    was, value = row["was"], row["is_now"]
    return {
        "record": row["record"],
        "name": row["name"],
        "change": _change(was, value, came_late=row["came_late"]),
        "was": None if was is None else plain(was, unit),
        "value": None if value is None else plain(value, unit),
    }


def _change(was: Decimal | None, value: Decimal | None, *, came_late: bool) -> str:
    if value is None:
        return "gone"
    if was is not None:
        return "changed"
    return "came_late" if came_late else "added"


def find_corrected(sent: Sent, known: KnownPlan, figures: Figures, day: date) -> list[Corrected]:
    """The figures of a statement that are others in `figures`, which are as of the same day.

    One for each goal at most: the year's, else that of the quarter it stood in. Goals that are
    gone since have nothing to correct, nor has a quarter that is another one since.
    """
    found = []
    for told in sent.goals:
        goal = known.goal(str(told.goal_id))
        if goal is None:
            continue
        quarters = figures.get((known.plan_id, told.goal_id), NOTHING)
        value = sum(quarters, Decimal(0))
        quarter = told.quarter_on(day)
        if value != told.value:
            found.append(Corrected(goal, day, None, told.value, value))
        elif quarter and _stands(quarter, known) and quarters[quarter.quarter - 1] != quarter.value:
            now = quarters[quarter.quarter - 1]
            found.append(Corrected(goal, day, quarter.quarter, quarter.value, now))
    return found


def _stands(quarter: SentQuarter, known: KnownPlan) -> bool:
    return known.strategy.quarter_starts[quarter.quarter - 1] == quarter.starts


def sent_of(sent: Sent, corrections: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A statement that went out as the API lists it, with what is otherwise by now."""
    return {
        "tick_id": str(sent.tick_id),
        "period": sent.period,
        "due_at": stamp(sent.due_at),
        "corrections": list(corrections),
    }
