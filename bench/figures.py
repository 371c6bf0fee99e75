"""What a benchmark finds: rows of one table, medians of repeated measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median


@dataclass(frozen=True)
class Bar:
    """What a figure is held against; `at_least` False means that less is better."""

    limit: float
    unit: str
    at_least: bool = True

    def met_by(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '<'} {spell(self.limit)} {self.unit}".strip()


@dataclass(frozen=True)
class Row:
    """One measured figure: the median of some measurements, and what to say beside it."""

    what: str
    values: Sequence[float]
    unit: str
    bar: Bar | None = None
    note: str = ""
    failures: Sequence[str] = field(default_factory=tuple)
    """What was wrong with the outcome, whatever the speed: figures that differ, mails missing."""

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is met; None for a figure that has none and nothing wrong with it."""
        if self.failures:
            return False
        return self.bar.met_by(self.value) if self.bar else None

    @property
    def shown(self) -> str:
        return f"{spell(self.value)} {self.unit}".strip()

    @property
    def spread(self) -> str:
        """The lowest and the highest of several measurements."""
        if len(self.values) < 2:
            return "one measurement"
        low, high = spell(min(self.values)), spell(max(self.values))
        return f"{len(self.values)} measurements, {low} – {high}"


def spell(value: float) -> str:
    """A figure with as many places as it deserves: 61,234 · 12.3 · 0.45."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}".removesuffix(".00")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
