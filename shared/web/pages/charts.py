"""Where the marks of a chart stand: plain numbers, which the macros of `charts.html` draw.

Positions are percentages, or units of the chart's own box; a figure becomes a float only here,
on its way to the screen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

Figure: TypeAlias = Decimal | int | str | None
Anchor = Literal["start", "middle", "end"]
Standing = Literal["none", "behind", "on_track", "reached"]
CENT: Final = Decimal("0.01")
SLACK: Final = Decimal("0.9")
"""From nine tenths of what the day asks for, a goal is on track."""
NEAR_EDGE: Final = 9.0
HEADROOM: Final = 1.08


def share(part: Figure, whole: Figure) -> float:
    """A part in percent of a whole, for a position: 0 without a whole, never below 0."""
    if part is None or whole is None or Decimal(whole) <= 0:
        return 0.0
    return round(max(0.0, float(Decimal(part) / Decimal(whole)) * 100), 2)


def standing(value: Figure, target: Figure, expected: Figure = None) -> Standing:
    """How a goal stands in a word: against its target, else against what the day asks for."""
    if target is None or Decimal(target) <= 0:
        return "none"
    reached = Decimal(value or 0)
    if reached >= Decimal(target):
        return "reached"
    if expected is None:
        return "behind"
    return "on_track" if reached >= Decimal(expected) * SLACK else "behind"


def expected_by(quarters: Iterable[Mapping[str, Any]], today: date) -> Decimal | None:
    """What the quarters' targets ask for by the end of a day, evenly within each quarter.

    Takes quarters as the progress API tells them (`starts`, `ends`, `target`). None without any
    target.
    """
    total, found = Decimal(0), False
    for quarter in quarters:
        if quarter["target"] is None:
            continue
        found = True
        starts, ends = as_day(quarter["starts"]), as_day(quarter["ends"])
        days = min(max((today - starts).days + 1, 0), (ends - starts).days)
        total += Decimal(quarter["target"]) * days / (ends - starts).days
    return total if found else None


@dataclass(frozen=True)
class Stretch:
    """One quarter on the year's line."""

    number: int
    x: float
    width: float
    starts: date
    ends: date
    state: Literal["past", "current", "coming"]


@dataclass(frozen=True)
class YearLine:
    """The plan year from left to right, in percent, with today on it."""

    stretches: tuple[Stretch, ...]
    today: float
    """0 before the year, 100 after it."""
    anchor: Anchor
    """Which side of its mark today's label stands on, so that it stays inside."""
    state: Literal["upcoming", "in_progress", "ended"]


def year_line(
    starts: date | str, ends: date | str, quarters: Sequence[Any], today: date
) -> YearLine:
    """The line of a plan year; `quarters` are the four first days, `ends` is exclusive."""
    first, end = as_day(starts), as_day(ends)
    bounds = [*(as_day(day) for day in quarters), end]
    whole = (end - first).days

    def x_of(day: date) -> float:
        return round((day - first).days / whole * 100, 2)

    stretches = tuple(
        Stretch(
            number=number,
            x=x_of(begins),
            width=round(x_of(stops) - x_of(begins), 2),
            starts=begins,
            ends=stops,
            state="past" if today >= stops else "current" if today >= begins else "coming",
        )
        for number, (begins, stops) in enumerate(pairwise(bounds), 1)
    )
    position = min(max(x_of(today), 0.0), 100.0)
    anchor: Anchor = "middle"
    if position < NEAR_EDGE:
        anchor = "start"
    elif position > 100 - NEAR_EDGE:
        anchor = "end"
    state = "upcoming" if today < first else "ended" if today >= end else "in_progress"
    return YearLine(stretches, position, anchor, state)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Bar:
    """One quarter's column: heights in percent of the chart's height."""

    quarter: int
    value: float
    target: float
    standing: Standing
    told: Mapping[str, Any]
    """The quarter as the progress API tells it."""


def quarter_bars(quarters: Sequence[Mapping[str, Any]], today: date | None = None) -> list[Bar]:
    """The columns of a goal's quarters, on one scale. `today` tells which are over or under way."""
    figures = [Decimal(q[key]) for q in quarters for key in ("value", "target") if q[key]]
    top = float(max([*figures, Decimal(0)])) * HEADROOM or 1.0

    def height(figure: Figure) -> float:
        return round(max(0.0, float(Decimal(figure or 0))) / top * 100, 2)

    return [
        Bar(
            quarter=quarter["quarter"],
            value=height(quarter["value"]),
            target=height(quarter["target"]),
            standing=_quarter_standing(quarter, today),
            told=quarter,
        )
        for quarter in quarters
    ]


def _quarter_standing(quarter: Mapping[str, Any], today: date | None) -> Standing:
    """A quarter that is over has been reached or not; one to come cannot be behind."""
    if today is None or today >= as_day(quarter["ends"]):
        return standing(quarter["value"], quarter["target"])
    found = standing(quarter["value"], quarter["target"], expected_by([quarter], today))
    return "none" if found != "reached" and today < as_day(quarter["starts"]) else found


@dataclass(frozen=True)
class Course:
    """A goal's way through the year, in a box of 100 × 100 with its origin at the top left."""

    reached: str
    """Path of the value so far."""
    area: str
    planned: str
    """Path of what the quarters' targets ask for."""
    today: float
    x: float
    y: float
    """Where the value stands now."""
    top: Decimal
    target_y: float


def course(
    steps: Iterable[tuple[date | str, Figure]],
    quarters: Sequence[Mapping[str, Any]],
    today: date,
) -> Course:
    """The course of a goal: its contributions (day, amount) summed up by day, against its plan."""
    first, end = as_day(quarters[0]["starts"]), as_day(quarters[-1]["ends"])
    sums = _sums(steps, first, min(today, end))
    plan = _planned(quarters)
    top = max([Decimal(1), *(total for _, total in sums), *(total for _, total in plan)])
    top *= Decimal(str(HEADROOM))

    def x_of(day: date) -> float:
        return round(min(max((day - first).days / (end - first).days, 0), 1) * 100, 2)

    def y_of(total: Decimal) -> float:
        return round(100 - float(total / top) * 100, 2)

    path, last = [f"M0,{y_of(Decimal(0))}"], Decimal(0)
    for day, total in sums:
        path.append(f"H{x_of(day)}V{y_of(total)}")
        last = total
    now = x_of(today)
    path.append(f"H{now}")
    reached = "".join(path)
    planned = "M0,100" + "".join(f"L{x_of(day)},{y_of(total)}" for day, total in plan)
    return Course(
        reached=reached,
        area=f"{reached}V100H0Z",
        planned=planned if plan and plan[-1][1] > 0 else "",
        today=now,
        x=now,
        y=y_of(last),
        top=top,
        target_y=y_of(plan[-1][1]) if plan else 100.0,
    )


def _sums(
    steps: Iterable[tuple[date | str, Figure]], first: date, last: date
) -> list[tuple[date, Decimal]]:
    by_day: dict[date, Decimal] = {}
    for told, amount in steps:
        day = max(as_day(told), first)
        if day <= last:
            by_day[day] = by_day.get(day, Decimal(0)) + Decimal(amount or 0)
    total, sums = Decimal(0), []
    for day in sorted(by_day):
        total += by_day[day]
        sums.append((day, total))
    return sums


def _planned(quarters: Iterable[Mapping[str, Any]]) -> list[tuple[date, Decimal]]:
    total, plan = Decimal(0), []
    for quarter in quarters:
        total += Decimal(quarter["target"] or 0)
        plan.append((as_day(quarter["ends"]), total))
    return plan


def as_day(value: date | str) -> date:
    """A day, also as the API spells it."""
    return date.fromisoformat(value[:10]) if isinstance(value, str) else value
