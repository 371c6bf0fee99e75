"""A year of sales as the demo works with it, wherever it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Stage(StrEnum):
    """How far an opportunity has come."""

    PROSPECTING = "Prospecting"
    ENGAGING = "Engaging"
    WON = "Won"
    LOST = "Lost"


@dataclass(frozen=True)
class Seller:
    """One who sells: a partner of the demo, in a regional group, looked after by a manager."""

    name: str
    group: str
    manager: str


@dataclass(frozen=True)
class Opportunity:
    """A deal of the year. `value` is the amount it was won for; only a won one has any."""

    opportunity_id: str
    seller: str
    product: str
    series: str
    account: str | None
    stage: Stage
    engaged_on: date | None
    closed_on: date | None
    value: Decimal | None


@dataclass(frozen=True)
class Sales:
    """Sellers that have opportunities, the opportunities, and the day the year begins on.

    `origin` is the CloudEvents source of what is told from it.
    """

    origin: str
    year_starts: date
    sellers: tuple[Seller, ...]
    opportunities: tuple[Opportunity, ...]

    def won(self) -> Iterator[Opportunity]:
        return (found for found in self.opportunities if found.stage is Stage.WON)

    @property
    def won_total(self) -> Decimal:
        return sum((found.value or Decimal(0) for found in self.won()), Decimal(0))

    def series(self) -> tuple[str, ...]:
        """The series by what was won in them, the strongest first."""
        won: dict[str, Decimal] = {}
        for found in self.won():
            won[found.series] = won.get(found.series, Decimal(0)) + (found.value or 0)
        return tuple(sorted(won, key=lambda name: (-won[name], name)))
