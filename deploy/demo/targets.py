"""Targets out of the data: what the year came to, and a stretch on top of it."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from deploy.demo.figures import Quarters
from shared.kernel.money import plain

STRETCH: Final = Decimal("1.05")
OWN_SHARE: Final = Decimal("0.8")
"""The rest is the average of the region: a strong partner can pass its target, a weak one grows."""
MONEY_STEP: Final = Decimal(1000)
QUARTERS: Final = ("q1", "q2", "q3", "q4")


def targets(
    outcome: Mapping[str, Quarters], partners: list[str], *, is_money: bool
) -> dict[str, dict[str, str]]:
    """Partner id → the target of one goal, for the partners of one region.

    Annual = (80 % of the partner's own year + 20 % of the region's average) × 1.05, rounded; its
    quarters follow the region's season and add up to it.
    """
    step = MONEY_STEP if is_money else Decimal(1)
    season = _season([outcome[partner] for partner in partners if partner in outcome])
    average = sum(season, Decimal(0)) / len(partners)
    found = {}
    for partner in partners:
        own = sum(outcome.get(partner, ()), Decimal(0))
        annual = _rounded((OWN_SHARE * own + (1 - OWN_SHARE) * average) * STRETCH, step)
        found[partner] = _target(max(annual, step), season, step, is_money=is_money)
    return found


def _season(outcomes: list[Quarters]) -> Quarters:
    q1, q2, q3, q4 = (sum((o[q] for o in outcomes), Decimal(0)) for q in range(4))
    return q1, q2, q3, q4


def _target(annual: Decimal, season: Quarters, step: Decimal, *, is_money: bool) -> dict[str, str]:
    """An annual target and its quarters; what rounding leaves goes to the last one."""
    whole = sum(season, Decimal(0)) or Decimal(1)
    past = Decimal(0)
    ends = []
    for quarter in season:
        past += quarter
        ends.append(_rounded(annual * past / whole, step))
    ends[-1] = annual
    starts = [Decimal(0), *ends[:-1]]
    unit = "USD" if is_money else "count"
    parts = [plain(end - start, unit) for start, end in zip(starts, ends, strict=True)]
    return {"annual": plain(annual, unit), **dict(zip(QUARTERS, parts, strict=True))}


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).quantize(Decimal(1), ROUND_HALF_UP) * step
