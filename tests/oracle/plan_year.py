"""Plan years by hand: months counted from the start day and clamped (rules 2, 4 and 8)."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo


def months_after(day: date, months: int) -> date:
    """The day some months after another: same day number, or the month's last."""
    month = day.month + months
    year = day.year
    while month > 12:
        month, year = month - 12, year + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def year_end(start: date) -> date:
    """The first day that no longer belongs to the plan."""
    return months_after(start, 12)


def quarters(start: date) -> list[tuple[date, date]]:
    """First day and first day after, of each of the four quarters."""
    edges = [months_after(start, months) for months in (0, 3, 6, 9, 12)]
    return list(pairwise(edges))


def quarter_of(day: date, start: date) -> int | None:
    """The number of the quarter that a day lies in; None for a day outside the plan."""
    for number, (first, after) in enumerate(quarters(start), 1):
        if first <= day < after:
            return number
    return None


def status(today: date, start: date) -> str:
    """Upcoming, in progress or ended (rule 2)."""
    if today < start:
        return "upcoming"
    return "ended" if today >= year_end(start) else "in_progress"


@dataclass(frozen=True)
class Due:
    """One monthly mail: its month and its moment."""

    period: str
    at: datetime


def dues(start: date, zone: ZoneInfo, hour: int, created_at: datetime) -> list[Due]:
    """The mails of a plan: start + k months at a local hour, none from before it existed."""
    found = []
    for months in range(12):
        day = months_after(start, months)
        moment = datetime.combine(day, time(hour), zone).astimezone(UTC)
        if moment >= created_at:
            found.append(Due(f"{day.year:04}-{day.month:02}", moment))
    return found
