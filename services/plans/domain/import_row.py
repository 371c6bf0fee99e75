"""What a row of an uploaded file would do: make a plan, change one, nothing, or why it cannot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal

from services.plans.domain.goal import Goal
from services.plans.domain.plan import Partner, ineligibility
from services.plans.domain.sheet import (
    PARTNER_ID,
    PARTNER_NAME,
    STRATEGY_ID,
    STRATEGY_NAME,
    TEMPLATE_VERSION,
    GoalColumns,
    Layout,
    goal_columns,
)
from services.plans.domain.strategy import Strategy
from services.plans.domain.target import Target, TargetChange, read_figure, split_target
from shared.kernel.ids import parse_id

Outcome = Literal["new", "updates", "unchanged", "errors"]
STALE: Final = "the strategy has changed since this template was downloaded: download it again"
MOST_LISTED: Final = 20
ENDED: Final = "the plan has ended; it is kept as it is"


@dataclass(frozen=True)
class Subject:
    """The partner that a row names, as things stand, and the plan it has of the strategy."""

    partner: Partner | None
    plan_id: str | None = None
    plan_revision: int | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """What becomes of a row."""

    outcome: Outcome
    error: str | None = None
    changes: tuple[TargetChange, ...] = ()

    def repeated(self, rows: Sequence[int]) -> "Judgement":
        """The same, of a row about a partner that other rows are about too.

        Which of them is meant, nobody can tell: none is imported.
        """
        listed = ", ".join(map(str, rows[:MOST_LISTED]))
        error = f"rows {listed} are about the same partner"
        return Judgement("errors", f"{self.error}; {error}" if self.error else error)


class RowJudge:
    """Judges the rows of one file against one strategy.

    `decimal_comma` reads 1,5 as 1.5, for files whose cells are not separated by commas. With
    `ended` the plans of the strategy take no changes.
    """

    def __init__(
        self, layout: Layout, strategy: Strategy, *, ended: bool, decimal_comma: bool
    ) -> None:
        self._layout = layout
        self._strategy = strategy
        self._columns = goal_columns(strategy)
        self._ended = ended
        self._decimal_comma = decimal_comma

    def judge(self, cells: Sequence[str], subject: Subject) -> Judgement:
        """What a row would do; every error of the row is told."""
        mistaken = self._mistaken_template(cells)
        if mistaken:
            return Judgement("errors", mistaken)
        errors = list(self._partner_errors(cells, subject))
        wanted: dict[str, Target] = {}
        for columns in self._columns:
            try:
                target = self._read_target(cells, columns)
            except ValueError as wrong:
                errors.append(str(wrong))
                continue
            if target is not None:
                wanted[columns.goal.goal_id] = target
        if errors:
            return Judgement("errors", "; ".join(errors))
        return self._decide(wanted, subject)

    def _decide(self, wanted: Mapping[str, Target], subject: Subject) -> Judgement:
        goals = self._strategy.goals
        changes = tuple(_changes(goals, subject.targets, wanted))
        if not changes:
            return Judgement("unchanged")
        if subject.plan_id is None:
            return Judgement("new", changes=changes)
        if self._ended:
            return Judgement("errors", ENDED)
        return Judgement("updates", changes=changes)

    def _mistaken_template(self, cells: Sequence[str]) -> str | None:
        """Why the row cannot be read at all."""
        layout, strategy = self._layout, self._strategy
        surplus = [cell for cell in cells[layout.width :] if cell.strip()]
        if surplus:
            return f"the row has {len(cells)} cells under {layout.width} columns"
        if any("\x00" in cell for cell in cells):
            return "the row has a null byte"
        if parse_id(layout.cell(cells, STRATEGY_ID)) != strategy.strategy_id:
            return f"{STRATEGY_ID}: not the strategy of this file, or no strategy that is known"
        if layout.cell(cells, TEMPLATE_VERSION) != str(strategy.revision):
            return STALE if layout.cell(cells, TEMPLATE_VERSION) else f"{TEMPLATE_VERSION} is blank"
        if layout.cell(cells, STRATEGY_NAME) != strategy.name:
            return f"{STRATEGY_NAME}: the strategy with this id has another name"
        return None

    def _partner_errors(self, cells: Sequence[str], subject: Subject) -> Iterator[str]:
        if not self._layout.cell(cells, PARTNER_ID):
            yield f"{PARTNER_ID} is blank"
        elif subject.partner is None:
            yield f"{PARTNER_ID}: no partner with this id is known"
        elif self._layout.cell(cells, PARTNER_NAME) != subject.partner.name.strip():
            yield f"{PARTNER_NAME}: the partner with this id has another name"
        elif subject.plan_id is None:
            refused = ineligibility(subject.partner, self._strategy.partner_groups)
            if refused:
                yield refused

    def _read_target(self, cells: Sequence[str], columns: GoalColumns) -> Target | None:
        """The target in a goal's five cells; None when all are blank. Raises ValueError."""
        texts = [cells[self._layout.at[name]].strip() for name in columns.names]
        if not any(texts):
            return None
        figures = [
            self._figure(text, name, columns.unit) if text else None
            for text, name in zip(texts, columns.names, strict=True)
        ]
        return _target(figures, columns)

    def _figure(self, text: str, column: str, unit: str) -> Decimal:
        plain = text.replace(",", ".") if self._decimal_comma and "." not in text else text
        try:
            return _figure_in(plain, unit)
        except ValueError as wrong:
            raise ValueError(f"{column} {wrong}") from None


@lru_cache(maxsize=16_384)
def _figure_in(text: str, unit: str) -> Decimal:
    """Files say the same few figures over and over."""
    return read_figure(text, unit)


def _target(figures: Sequence[Decimal | None], columns: GoalColumns) -> Target:
    annual, *quarters = figures
    if annual is None:
        raise ValueError(f"{columns.names[0]} is blank although there are quarters")
    given = [figure for figure in quarters if figure is not None]
    if not given:
        return split_target(annual, columns.unit)
    if len(given) < len(quarters):
        blank = next(name for name, q in zip(columns.names[1:], quarters, strict=True) if q is None)
        raise ValueError(f"{blank} is blank although there are other quarters")
    target = Target(*given)
    if target.annual != annual:
        total = target.spelled(columns.unit)["annual"]
        raise ValueError(f"{columns.names[0]} must be the sum of its quarters, which is {total}")
    return target


def _changes(
    goals: Mapping[str, Goal], old: Mapping[str, Target], new: Mapping[str, Target]
) -> Iterator[TargetChange]:
    for goal_id, goal in goals.items():
        if old.get(goal_id) != new.get(goal_id):
            yield TargetChange(goal, old.get(goal_id), new.get(goal_id))


def spelled_changes(changes: Sequence[TargetChange]) -> list[dict[str, Any]]:
    """Changes as they are kept with the row until it is imported."""
    found = []
    for change in changes:
        old, new = change.spelled()
        found.append({"goal_id": change.goal.goal_id, "old": old, "new": new})
    return found
