"""On which side of its target a goal stands, and when that is told.

Hysteresis in time: a crossing is told once it has lasted, and leaving has to last longer than
reaching, so that a correction in two steps (a deal taken back and told again) is not heard of.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a goal must stand on the other side until that is told."""

    reached_after: timedelta
    left_after: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """A goal of a plan whose figures say, or said, otherwise than what was told."""

    plan_id: UUID
    goal_id: UUID
    reached: bool
    told: bool
    turn: int
    value: Decimal
    target: Decimal | None
    pending: timedelta | None
    """For how long it has stood on the other side; None when that is seen for the first time."""


class Step(Enum):
    """What to do about a goal that may have crossed its target."""

    BEGIN = auto()
    WAIT = auto()
    FORGET = auto()
    TELL = auto()


def next_step(standing: Standing, patience: Patience) -> Step:
    """What to do about a goal."""
    if standing.reached == standing.told:
        return Step.FORGET
    wanted = patience.reached_after if standing.reached else patience.left_after
    if standing.pending is None:
        return Step.BEGIN if wanted else Step.TELL
    return Step.TELL if standing.pending >= wanted else Step.WAIT
