"""Targets: an annual figure that always equals the sum of its quarters (rules 4)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from services.plans.domain.goal import Goal
from services.plans.domain.refusal import Flaw, InvalidError, pointer
from shared.kernel.money import plain, split_evenly, step_of

QUARTERS: Final = ("q1", "q2", "q3", "q4")
GREATEST: Final = Decimal(10) ** 15
_PLAIN: Final = re.compile(r"[+-]?[0-9]{1,32}(\.[0-9]{1,32})?")
_ZERO: Final = Decimal(0)
_FINEST: Final = {"count": "must be a whole number", "other": "must have at most two decimals"}


@dataclass(frozen=True)
class Target:
    """What a plan sets out to reach for a goal, quarter by quarter."""

    q1: Decimal
    q2: Decimal
    q3: Decimal
    q4: Decimal

    @property
    def annual(self) -> Decimal:
        return self.q1 + self.q2 + self.q3 + self.q4

    def spelled(self, unit: str) -> dict[str, str]:
        """Annual and quarters in plain notation."""
        figures = (self.annual, self.q1, self.q2, self.q3, self.q4)
        names = ("annual", *QUARTERS)
        return {name: plain(value, unit) for name, value in zip(names, figures, strict=True)}


Targets = Mapping[str, Target]
"""Goal id → target; goals without a target are absent."""


@dataclass(frozen=True)
class TargetChange:
    """One goal's target before and after a revision; None = no target."""

    goal: Goal
    old: Target | None
    new: Target | None

    def spelled(self) -> tuple[dict[str, str] | None, dict[str, str] | None]:
        """Before and after in plain notation."""
        unit = self.goal.unit
        return (
            self.old.spelled(unit) if self.old else None,
            self.new.spelled(unit) if self.new else None,
        )


def split_target(annual: Decimal, unit: str) -> Target:
    """An annual figure in equal quarters; the earlier ones get the larger share."""
    return Target(*split_evenly(annual, step_of(unit)))


def read_figure(given: object, unit: str) -> Decimal:
    """A figure of a target out of a JSON number or string, or a cell.

    Raises ValueError saying what is wrong: no number, negative, absurdly great, or finer than
    the unit (counts are whole, money and numbers have two decimals).
    """
    value = _number(given)
    if value < 0:
        raise ValueError("must not be negative")
    if value > GREATEST:
        raise ValueError(f"must not be greater than {GREATEST}")
    step = step_of(unit)
    if value % step:
        raise ValueError(_FINEST["count" if unit == "count" else "other"])
    return abs(value).quantize(step)


def _number(given: object) -> Decimal:
    if isinstance(given, Decimal) and given.is_finite():
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return Decimal(given)
    if isinstance(given, str) and _PLAIN.fullmatch(given.strip()):
        return Decimal(given.strip())
    raise ValueError("must be a number in plain notation")


def revise_targets(
    goals: Mapping[str, Goal], current: Targets, given: Mapping[str, Any]
) -> list[TargetChange]:
    """What changes when targets are sent for some goals (contract, "Targets").

    Goals that are not named stay; null clears; the annual alone is split; quarters alone move the
    annual, those not sent stay what they are. What comes out as it was is no change. Raises
    InvalidError naming every figure at fault.
    """
    flaws: list[Flaw] = []
    changes = []
    for goal_id, entry in given.items():
        goal, place = goals.get(goal_id), pointer("targets", goal_id)
        if goal is None:
            flaws.append(Flaw(place, "the strategy has no goal with this id"))
            continue
        try:
            new = _revised(entry, goal.unit, current.get(goal_id), place)
        except InvalidError as refused:
            flaws += refused.flaws
            continue
        if new != current.get(goal_id):
            changes.append(TargetChange(goal, current.get(goal_id), new))
    if flaws:
        raise InvalidError(flaws)
    return changes


def _revised(entry: Any, unit: str, current: Target | None, place: str) -> Target | None:
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise InvalidError([Flaw(place, "must be an object with annual, q1, q2, q3, q4, or null")])
    figures = _read_entry(entry, unit, place)
    annual = figures.pop("annual", None)
    if not figures:
        if annual is None:
            raise InvalidError([Flaw(place, "needs an annual figure or a quarter")])
        return split_target(annual, unit)
    target = Target(*(figures.get(name, _quarter(current, name)) for name in QUARTERS))
    _check_sum(target, annual, unit, place)
    return target


def _quarter(current: Target | None, name: str) -> Decimal:
    figure: Decimal = getattr(current, name) if current else _ZERO
    return figure


def _check_sum(target: Target, annual: Decimal | None, unit: str, place: str) -> None:
    total = plain(target.annual, unit)
    if annual is not None and annual != target.annual:
        detail = f"must be the sum of its quarters, which is {total}"
        raise InvalidError([Flaw(place + "/annual", detail)])
    if target.annual > GREATEST:
        raise InvalidError([Flaw(place, f"the quarters add up to more than {GREATEST}")])


def _read_entry(entry: Mapping[str, Any], unit: str, place: str) -> dict[str, Decimal]:
    flaws: list[Flaw] = []
    figures = dict(_read_figures(entry, unit, place, flaws))
    if flaws:
        raise InvalidError(flaws)
    return figures


def _read_figures(
    entry: Mapping[str, Any], unit: str, place: str, flaws: list[Flaw]
) -> Iterator[tuple[str, Decimal]]:
    for name in ("annual", *QUARTERS):
        given = entry.get(name)
        if given is None:
            continue
        try:
            yield name, read_figure(given, unit)
        except ValueError as wrong:
            flaws.append(Flaw(f"{place}/{name}", str(wrong)))
