"""When a seller plan's mails fall due, and which period each is about (rules, section 4)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.events.seller_plans import Cadence
from shared.kernel.period import Due, add_months

MONDAY: Final = 1
SECOND: Final = 2
A_WEEK: Final = timedelta(days=7)
TO_ITS_SUNDAY: Final = timedelta(days=8)
"""From the Monday on which a week is told back to the Sunday on which it began."""


def seller_dues(
    cadence: Cadence, start: date, end: date, zone: ZoneInfo, hour: int, since: datetime
) -> list[Due]:
    """The dues with start ≤ due day < end, in order, that lie at or after a moment.

    One full day passes after a period: a week (Sunday to Saturday) is told on Monday, a month on
    the 2nd. What fell due before the plan was started is not made up for.
    """
    days = _mondays(start, end) if cadence == "weekly" else _seconds(start, end)
    dues = [
        Due(period, datetime.combine(day, time(hour), zone).astimezone(UTC)) for day, period in days
    ]
    return [due for due in dues if due.at >= since]


def _mondays(start: date, end: date) -> Iterator[tuple[date, str]]:
    day = start + timedelta(days=(MONDAY - start.isoweekday()) % A_WEEK.days)
    while day < end:
        yield day, (day - TO_ITS_SUNDAY).isoformat()
        day += A_WEEK


def _seconds(start: date, end: date) -> Iterator[tuple[date, str]]:
    month = start.replace(day=1)
    while (day := month.replace(day=SECOND)) < end:
        if day >= start:
            yield day, f"{add_months(month, -1):%Y-%m}"
        month = add_months(month, 1)
