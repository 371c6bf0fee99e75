"""The periods that insights are about: calendar months, and weeks from Sunday to Saturday."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared.kernel.period import add_months

WEEK: Final = timedelta(days=7)
SUNDAY: Final = 7
DEPTH_DAYS: Final = 28
YEARS: Final = range(1970, 9000)
_MONTH = re.compile(r"\d{4}-\d{2}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, order=True)
class Period:
    """A month, or a week that is named by its Sunday; days are local ones of the person."""

    starts: date
    is_month: bool

    @classmethod
    def parse(cls, text: str) -> "Period":
        """`2026-03` or `2026-03-01`. Raises ValueError for what is neither, or no Sunday."""
        is_month = bool(_MONTH.fullmatch(text))
        if not is_month and not _DAY.fullmatch(text):
            raise ValueError("must be a month such as 2026-03, or the Sunday a week begins on")
        starts = date.fromisoformat(f"{text}-01" if is_month else text)
        if not YEARS.start <= starts.year < YEARS.stop:
            raise ValueError("must lie in this age")
        if not is_month and starts.isoweekday() != SUNDAY:
            raise ValueError("must be the Sunday that a week begins on")
        return cls(starts, is_month)

    def __str__(self) -> str:
        return f"{self.starts:%Y-%m}" if self.is_month else self.starts.isoformat()

    @property
    def ends(self) -> date:
        """The first day after it."""
        return add_months(self.starts, 1) if self.is_month else self.starts + WEEK

    @property
    def last_day(self) -> date:
        return self.ends - timedelta(days=1)

    @property
    def before(self) -> "Period":
        """The period before it, which changes are told against."""
        starts = add_months(self.starts, -1) if self.is_month else self.starts - WEEK
        return Period(starts, self.is_month)

    @property
    def depth_starts(self) -> date:
        """The first of the 28 days that end with the period."""
        return self.ends - timedelta(days=DEPTH_DAYS)
