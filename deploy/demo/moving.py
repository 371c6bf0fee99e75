"""Moving a year: every date by the same number of whole months."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.kernel.period import MONTHS_IN_A_YEAR, add_months, local_day

MONTHS_TO_PLAY: Final = 10
MORNING: Final = time(6)  # before the hour at which mails fall due


@dataclass(frozen=True)
class PlanYear:
    """The plan year of the demo: where it begins and how far the data is moved to get there."""

    starts: date
    data_starts: date

    def moved(self, day: date) -> date:
        """A day of the data as a day of the plan year; month ends are clamped."""
        return add_months(day, _months(self.starts) - _months(self.data_starts))

    def month(self, number: int) -> date:
        """The first day of a month of the year, counted from 0."""
        return add_months(self.starts, number)


def _months(day: date) -> int:
    return day.year * MONTHS_IN_A_YEAR + day.month


def first_of_month(moment: datetime, zone: ZoneInfo) -> date:
    """The first day of the month that a moment lies in."""
    return local_day(moment, zone).replace(day=1)


def fresh_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Where the clock of a stack that is made for the demo starts: ten whole months ago.

    On the first of a month and before the mails' hour, so that the year is played from its first
    due on and ends, ten to eleven months in, at the present.
    """
    day = add_months(first_of_month(now, zone), -MONTHS_TO_PLAY)
    return datetime.combine(day, MORNING, zone)


def last_day(month: date) -> date:
    """The last day of the month that begins on a day."""
    return add_months(month, 1) - timedelta(days=1)
