"""What a partner's progress mail says. HTML and text parts are filled from this one thing."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from services.notifier.domain.statement import Goal, Quarter, Statement
from services.notifier.domain.wording import day, figure, moment_of_day, one_line
from shared.kernel.period import local_day

LONGEST_TITLE: Final = 300
LONGEST_NAME: Final = 120
LONGEST_SUBJECT_TITLE: Final = 120
UNITS_WITHOUT_WORD: Final = frozenset({"count", "number"})
FULL: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure against its target, in words: the same ones in both parts of the mail."""

    value: str
    target: str | None
    percent: str | None
    unit: str
    bar: int
    """How much of the bar is filled, 0 to 100."""
    reached: bool

    @property
    def words(self) -> str:
        """Value and target in one phrase: `3 of 10`, `12,345.50 of 20,000.00 EUR`, `3`."""
        of = f" of {self.target}" if self.target is not None else ""
        return f"{self.value}{of}{self.unit}"


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal's year and its current quarter; no quarter outside the plan year."""

    name: str
    year: Standing
    quarter: Standing | None


@dataclass(frozen=True, slots=True)
class GroupBlock:
    name: str
    goals: list[GoalLine]


@dataclass(frozen=True, slots=True)
class ProgressMail:
    """All that the templates of the partner's progress mail may use."""

    subject: str
    title: str
    greeting: str
    year: str
    as_of: str
    quarter: str | None
    summary: str
    groups: list[GroupBlock]
    portal_url: str
    unsubscribe_url: str


def progress_mail(
    statement: Statement, *, name: str, zone: ZoneInfo, portal_url: str, unsubscribe_url: str
) -> ProgressMail:
    """The mail of a statement for one recipient. The statement must carry progress."""
    progress = statement.progress
    if progress is None:
        raise ValueError("a statement without progress makes no mail")
    today = local_day(statement.due_at, zone)
    title = one_line(statement.strategy_name, LONGEST_TITLE) or "Success plan"
    goals = [goal for group in progress.goal_groups for goal in group.goals]
    # Directories that know no name repeat the address: nobody is greeted by that.
    named = "" if "@" in name else one_line(name, LONGEST_NAME)
    return ProgressMail(
        subject=f"{one_line(title, LONGEST_SUBJECT_TITLE)}: your progress as of {day(today)}",
        title=title,
        greeting=f"Hello {named}," if named else "Hello,",
        year=f"{day(progress.start_date)} to {day(progress.end_date - timedelta(days=1))}",
        as_of=moment_of_day(statement.due_at, zone),
        quarter=_quarter_words(goals, today),
        summary=_summary(goals),
        groups=[
            GroupBlock(
                one_line(group.name, LONGEST_TITLE),
                [_goal_line(goal, today) for goal in group.goals],
            )
            for group in progress.goal_groups
            if group.goals
        ],
        portal_url=portal_url,
        unsubscribe_url=unsubscribe_url,
    )


def _goal_line(goal: Goal, today: date) -> GoalLine:
    quarter = _current(goal, today)
    return GoalLine(
        name=one_line(goal.name, LONGEST_TITLE),
        year=_standing(goal.value, goal.target, goal.percent, goal.unit),
        quarter=None
        if quarter is None
        else _standing(quarter.value, quarter.target, quarter.percent, goal.unit),
    )


def _standing(value: str, target: str | None, percent: str | None, unit: str) -> Standing:
    percent = percent if target is not None else None
    share = _decimal(percent)
    return Standing(
        value=figure(value),
        target=None if target is None else figure(target),
        percent=None if percent is None else f"{figure(percent)}%",
        unit="" if unit in UNITS_WITHOUT_WORD else f" {unit}",
        bar=int(min(max(share, Decimal(0)), FULL)),
        reached=share >= FULL,
    )


def _decimal(percent: str | None) -> Decimal:
    try:
        return Decimal(percent or 0)
    except InvalidOperation:
        return Decimal(0)


def _current(goal: Goal, today: date) -> Quarter | None:
    return next((q for q in goal.quarters if q.starts <= today < q.ends), None)


def _quarter_words(goals: list[Goal], today: date) -> str | None:
    for goal in goals:
        if quarter := _current(goal, today):
            last = quarter.ends - timedelta(days=1)
            return f"Q{quarter.quarter} ({day(quarter.starts)} to {day(last)})"
    return None


def _summary(goals: list[Goal]) -> str:
    aimed = [goal for goal in goals if goal.percent is not None]
    reached = sum(_decimal(goal.percent) >= FULL for goal in aimed)
    if not goals:
        return "Your plan has no goals yet."
    if not aimed:
        return "No targets are set for your plan yet."
    if len(aimed) == 1:
        return "The annual target is reached." if reached else "The annual target is still ahead."
    return f"{reached} of {len(aimed)} annual targets reached."
