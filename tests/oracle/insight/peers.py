"""The split of people in similar roles, and when it may be told (rules, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.insight.rules import pair


@dataclass(frozen=True)
class PeerFigure:
    """A split as it was published, and the participants that it was about."""

    period: str
    external_percent: int
    internal_percent: int
    cohort: frozenset[str]


def peer_figure(
    period: str,
    hours: Mapping[str, tuple[Fraction, Fraction]],
    minimum: int,
    last: PeerFigure | None,
) -> PeerFigure | None:
    """What a plan's mails of a period show: a figure of it, the older one, or none.

    `hours` are the external and the internal time of everybody who takes part at the due.
    """
    busy = [both for both in hours.values() if sum(both)]
    cohort = frozenset(hours)
    changed = len(cohort ^ last.cohort) if last else 0
    if len(busy) < minimum or 0 < changed < minimum:
        return last
    external, internal = (sum((both[side] for both in busy), Fraction(0)) for side in (0, 1))
    return PeerFigure(period, *pair(external, internal), cohort)
