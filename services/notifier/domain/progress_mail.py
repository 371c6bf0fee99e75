"""What a partner's progress mail says. HTML and text parts are filled from this one thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from services.notifier.domain.correction import correction_line
from services.notifier.domain.language import Language
from services.notifier.domain.statement import Goal, Quarter, Statement
from services.notifier.domain.wording import behind, one_line
from shared.kernel.period import local_day

LONGEST_TITLE: Final = 300
LONGEST_NAME: Final = 120
LONGEST_SUBJECT_TITLE: Final = 120
FULL: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure against its target, in words: the same ones in both parts of the mail."""

    words: str
    """Value and target in one phrase: `3 of 10`, `12,345.50 of 20,000.00 EUR`, `3`."""
    spoken: str
    """The phrase with what follows from it: `3 of 10 (30.0%)`."""
    has_target: bool
    percent: str | None
    bar: int
    """How much of the bar is filled, 0 to 100."""
    reached: bool


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal's year and its current quarter; no quarter outside the plan year."""

    name: str
    year: Standing
    quarter: Standing | None
    correction: str | None
    """What an earlier mail said that is otherwise by now, and why."""


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
    statement: Statement,
    language: Language,
    *,
    name: str,
    zone: ZoneInfo,
    portal_url: str,
    unsubscribe_url: str,
) -> ProgressMail:
    """The mail of a statement for one recipient. The statement must carry progress."""
    progress = statement.progress
    if progress is None:
        raise ValueError("a statement without progress makes no mail")
    today = local_day(statement.due_at, zone)
    title = one_line(statement.strategy_name, LONGEST_TITLE) or language.say("success_plan")
    corrected = {one.goal_id: correction_line(one, language) for one in statement.corrections}
    goals = [goal for group in progress.goal_groups for goal in group.goals]
    # Directories that know no name repeat the address: nobody is greeted by that.
    named = "" if "@" in name else one_line(name, LONGEST_NAME)
    return ProgressMail(
        subject=language.say(
            "progress_subject",
            title=one_line(title, LONGEST_SUBJECT_TITLE),
            day=language.day(today),
        ),
        title=title,
        greeting=language.say("hello_name", name=named) if named else language.say("hello"),
        year=language.say("from_to", **_span(progress.start_date, progress.end_date, language)),
        as_of=language.moment(statement.due_at, zone),
        quarter=_quarter_words(goals, today, language),
        summary=_summary(goals, language),
        groups=[
            GroupBlock(
                one_line(group.name, LONGEST_TITLE),
                [_goal_line(goal, today, language, corrected) for goal in group.goals],
            )
            for group in progress.goal_groups
            if group.goals
        ],
        portal_url=portal_url,
        unsubscribe_url=unsubscribe_url,
    )


def _goal_line(
    goal: Goal, today: date, language: Language, corrected: Mapping[str, str]
) -> GoalLine:
    quarter = _current(goal, today)
    return GoalLine(
        name=one_line(goal.name, LONGEST_TITLE),
        year=_standing(goal, goal.unit, language),
        quarter=None if quarter is None else _standing(quarter, goal.unit, language),
        correction=corrected.get(goal.goal_id),
    )


def _standing(told: Goal | Quarter, unit: str, language: Language) -> Standing:
    value = language.figure(told.value)
    if told.target is None:
        words = f"{value}{behind(unit)}"
        spoken = f"{words} ({language.say('no_target')})"
        return Standing(words, spoken, has_target=False, percent=None, bar=0, reached=False)
    target = language.figure(told.target)
    words = language.say("of_target", value=value, target=target, unit=behind(unit))
    share = _decimal(told.percent)
    percent = None if told.percent is None else language.percent(told.percent)
    return Standing(
        words=words,
        spoken=words if percent is None else f"{words} ({percent})",
        has_target=True,
        percent=percent,
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


def _span(starts: date, ends: date, language: Language) -> dict[str, str]:
    """The first and last day of a period that ends before a day."""
    last = ends - timedelta(days=1)
    return {"first": language.day(starts), "last": language.day(last)}


def _quarter_words(goals: list[Goal], today: date, language: Language) -> str | None:
    for goal in goals:
        if quarter := _current(goal, today):
            span = _span(quarter.starts, quarter.ends, language)
            return language.say("quarter_of", number=quarter.quarter, **span)
    return None


def _summary(goals: list[Goal], language: Language) -> str:
    aimed = [goal for goal in goals if goal.percent is not None]
    reached = sum(_decimal(goal.percent) >= FULL for goal in aimed)
    if not goals:
        return language.say("progress_no_goals")
    if not aimed:
        return language.say("progress_no_targets")
    if len(aimed) == 1:
        return language.say("progress_one_reached" if reached else "progress_one_ahead")
    return language.say("progress_reached", reached=reached, all=len(aimed))
