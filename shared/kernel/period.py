"""Plan years, quarters, statuses and monthly dues (success plan rules 2, 4 and 8)."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

Status = Literal["upcoming", "in_progress", "ended"]
MONTHS_IN_A_YEAR = 12
MONTHS_IN_A_QUARTER = 3


def add_months(day: date, months: int) -> date:
    """The same day some months later, clamped at the month's end (31 January + 1 = 28 February)."""
    year, month = divmod(day.year * MONTHS_IN_A_YEAR + day.month - 1 + months, MONTHS_IN_A_YEAR)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def year_end(start: date) -> date:
    """The first day after a plan year (29 February ends on 28 February)."""
    return add_months(start, MONTHS_IN_A_YEAR)


def quarter_starts(start: date) -> tuple[date, date, date, date]:
    """The first days of the four quarters, each counted from the start itself."""
    q1, q2, q3, q4 = (add_months(start, MONTHS_IN_A_QUARTER * quarter) for quarter in range(4))
    return q1, q2, q3, q4


def quarter_of(day: date, start: date) -> int | None:
    """The quarter, 1 to 4, that a day lies in; None outside the plan year."""
    if not start <= day < year_end(start):
        return None
    return sum(day >= first for first in quarter_starts(start))


def status_on(day: date, start: date, end: date) -> Status:
    """Where a period stands on a day; it is half-open, start ≤ day < end."""
    if day < start:
        return "upcoming"
    return "in_progress" if day < end else "ended"


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of a moment in the organization's time zone."""
    return moment.astimezone(zone).date()


@dataclass(frozen=True)
class Due:
    """When a plan's progress mail falls due, and the month it is filed under."""

    period: str
    at: datetime


def monthly_dues(start: date, zone: ZoneInfo, hour: int) -> list[Due]:
    """The twelve dues of a plan year: start + k months at a local hour, as moments in UTC."""
    days = [add_months(start, k) for k in range(MONTHS_IN_A_YEAR)]
    return [
        Due(f"{day:%Y-%m}", datetime.combine(day, time(hour), zone).astimezone(UTC)) for day in days
    ]
