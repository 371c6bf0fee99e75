"""When what is told: the year in half months, each told when it is over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from deploy.demo.moving import MONTHS_TO_PLAY, PlanYear, last_day
from deploy.demo.told import Told
from shared.kernel.period import MONTHS_IN_A_YEAR, local_day, monthly_dues

EVENING: Final = time(20)
AFTER_A_DUE: Final = timedelta(seconds=5)


@dataclass(frozen=True)
class Step:
    """The clock jumps to a moment; then everything known by its day and not told yet is told."""

    at: datetime
    label: str
    tells: bool = True


def steps(year: PlanYear, zone: ZoneInfo, hour: int, end: datetime) -> list[Step]:
    """Half months, dues between them, and the end, in the order of time."""
    found = [*_half_months(year, zone), *_dues(year, zone, hour)]
    before = [step for step in found if step.at < end]
    return [*sorted(before, key=lambda step: step.at), Step(end, f"{end:%d %B %Y}: the present")]


def _half_months(year: PlanYear, zone: ZoneInfo) -> Iterator[Step]:
    for number in range(MONTHS_IN_A_YEAR):
        month = year.month(number)
        for day in (month.replace(day=15), last_day(month)):
            yield Step(datetime.combine(day, EVENING, zone), f"{day:%d %B %Y}: what happened")


def _dues(year: PlanYear, zone: ZoneInfo, hour: int) -> Iterator[Step]:
    for due in monthly_dues(year.starts, zone, hour):
        label = f"{due.at.astimezone(zone):%d %B %Y}: progress mails"
        yield Step(due.at + AFTER_A_DUE, label, tells=False)


def end_of_play(year: PlanYear, zone: ZoneInfo, hour: int, real_now: datetime) -> datetime:
    """Where the play ends: at the present, but not before the due of the eleventh month."""
    last_due = monthly_dues(year.starts, zone, hour)[MONTHS_TO_PLAY]
    return max(real_now, last_due.at + AFTER_A_DUE)


class Untold:
    """What has not been told yet, by the day on which it becomes known."""

    def __init__(self, told: Iterable[Told], zone: ZoneInfo) -> None:
        self._left = sorted(told, key=lambda one: (one.known_on or date.min, one.data["version"]))
        self._zone = zone

    def due_by(self, moment: datetime) -> list[Told]:
        """Take what is known by the end of a moment's day."""
        day = local_day(moment, self._zone)
        count = sum((one.known_on or date.min) <= day for one in self._left)
        taken, self._left = self._left[:count], self._left[count:]
        return taken
