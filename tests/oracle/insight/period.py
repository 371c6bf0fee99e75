"""The months and weeks that figures are about."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

SUNDAY = 6


@dataclass(frozen=True)
class Period:
    """Local days, `starts` ≤ day < `ends`."""

    name: str
    starts: date
    ends: date

    @classmethod
    def parse(cls, text: str) -> "Period":
        """`2026-03` is a month, `2026-03-01` the week of a Sunday; else ValueError."""
        if re.fullmatch(r"\d{4}-\d{2}", text):
            first = date.fromisoformat(f"{text}-01")
            return cls(text, first, (first + timedelta(days=31)).replace(day=1))
        sunday = date.fromisoformat(text)
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) or sunday.weekday() != SUNDAY:
            raise ValueError(text)
        return cls(text, sunday, sunday + timedelta(days=7))

    @property
    def last_day(self) -> date:
        return self.ends - timedelta(days=1)

    @property
    def before(self) -> "Period":
        """The month or the week before it."""
        if len(self.name) == len("2026-03"):
            return Period.parse(f"{self.starts - timedelta(days=1):%Y-%m}")
        return Period.parse(str(self.starts - timedelta(days=7)))

    def __contains__(self, day: date) -> bool:
        return self.starts <= day < self.ends
