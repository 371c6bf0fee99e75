"""What is asked of the measures."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from services.progress.domain.insight.period import Period

Hours = dict[str, tuple[Fraction, Fraction]]
"""Person → external and internal seconds."""


@dataclass(frozen=True)
class Asked:
    """A person's insight of a period, as known at a moment, of what has begun by `now`."""

    person: str
    period: Period
    known_at: datetime
    now: datetime
    complete_to: datetime | None
