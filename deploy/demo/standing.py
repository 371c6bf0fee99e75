"""Where the partners stand at the end of the play: figures shown, held against the data's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from deploy.demo.doors import Doors
from deploy.demo.figures import figures
from deploy.demo.play import Plan, Played
from deploy.demo.strategies import groups_of_goals

AHEAD: Final = Decimal("1.05")
BEHIND: Final = Decimal("0.95")


@dataclass(frozen=True)
class Figure:
    """A goal of a plan: its value and target, and how much of the target is due by now."""

    value: Decimal
    target: Decimal | None
    percent: str | None
    pace: Decimal | None

    @property
    def word(self) -> str:
        """How the value stands to the pace of the year: `ahead`, `on pace` or `behind`."""
        if not self.pace:
            return "–"
        ratio = self.value / self.pace
        if ratio >= AHEAD:
            return "ahead"
        return "on pace" if ratio >= BEHIND else "behind"


@dataclass(frozen=True)
class Standing:
    """A partner's plan with its figures by goal name."""

    plan: Plan
    figures: dict[str, Figure]


def standings(doors: Doors, played: Played, today: date) -> list[Standing]:
    """Every plan as progress shows it, the best first."""
    found = [_standing(doors, plan, today) for plan in played.plans]
    return sorted(found, key=_by_first_goal, reverse=True)


def _by_first_goal(standing: Standing) -> Decimal:
    first = next(iter(standing.figures.values()), None)
    return Decimal(first.percent or 0) if first else Decimal(0)


def _standing(doors: Doors, plan: Plan, today: date) -> Standing:
    shown = doors.get("progress", f"/v1/plans/{plan.plan_id}/progress")
    goals = [goal for group in shown["goal_groups"] for goal in group["goals"]]
    return Standing(plan, {goal["name"]: _figure(goal, today) for goal in goals})


def _figure(goal: Any, today: date) -> Figure:
    target = goal["target"]
    return Figure(
        value=Decimal(goal["value"]),
        target=None if target is None else Decimal(target),
        percent=goal["percent"],
        pace=None if target is None else pace(goal["quarters"], today),
    )


def pace(quarters: list[Any], today: date) -> Decimal:
    """The share of a target that is due by the end of a day: whole quarters, and days of one."""
    due = Decimal(0)
    for quarter in quarters:
        starts, ends = (date.fromisoformat(quarter[edge]) for edge in ("starts", "ends"))
        gone = min(max((today - starts).days + 1, 0), (ends - starts).days)
        due += Decimal(quarter["target"] or 0) * gone / (ends - starts).days
    return due


def differences(played: Played, found: list[Standing]) -> Iterator[str]:
    """Figures that are not what the data itself adds up to, one line each."""
    for planned in (goal for group in groups_of_goals(played.sales) for goal in group.goals):
        outcome = figures(played.told, planned, played.year.starts)
        for standing in found:
            figure = standing.figures.get(planned.name)
            seller = standing.plan.seller.name
            wanted = sum(outcome.get(standing.plan.partner_id, ()), Decimal(0))
            if figure is not None and figure.value != wanted:
                yield f"{seller}, {planned.name}: {figure.value} shown, {wanted} in the data"
