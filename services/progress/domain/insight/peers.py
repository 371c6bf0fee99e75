"""The split of people in similar roles, and when it may be told (insight rules, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from uuid import UUID


@dataclass(frozen=True)
class Split:
    """External and internal share of a cohort's collaboration, in whole percent."""

    external_percent: int
    internal_percent: int


class Withheld(Enum):
    """Why a cohort's split is not told."""

    TOO_FEW = "too few had any collaboration: nothing is told of peers, no older split either"
    TOO_CLOSE = "the cohort is that of the last split but for a few: the older one goes on"


def split_of(
    hours: Mapping[UUID, tuple[Fraction, Fraction]], *, minimum: int, last: frozenset[UUID] | None
) -> Split | Withheld:
    """The split of a cohort, or why it would tell of few.

    `hours` are the external and internal time of everybody who takes part at the due, `last` is the
    cohort of the plan's last published split. Two splits whose cohorts differ by a few people would
    tell their difference.
    """
    busy = [both for both in hours.values() if sum(both)]
    if len(busy) < minimum:
        return Withheld.TOO_FEW
    changed = len(frozenset(hours) ^ last) if last is not None else 0
    if 0 < changed < minimum:
        return Withheld.TOO_CLOSE
    external = sum((one[0] for one in busy), Fraction(0))
    whole = external + sum((one[1] for one in busy), Fraction(0))
    percent = rounded(100 * external / whole)
    return Split(percent, 100 - percent)


def rounded(value: Fraction) -> int:
    """The nearest whole number, half up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)
