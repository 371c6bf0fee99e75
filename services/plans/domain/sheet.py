"""The CSV of plans: its columns, and cells that no spreadsheet runs as a formula (rules 5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.plans.domain.goal import Goal
from services.plans.domain.refusal import Flaw, InvalidError, pointer
from services.plans.domain.strategy import Strategy
from services.plans.domain.target import Target

STRATEGY_NAME: Final = "Strategy Name"
STRATEGY_ID: Final = "Strategy Id"
PARTNER_NAME: Final = "Partner Name"
PARTNER_ID: Final = "Partner Id"
TEMPLATE_VERSION: Final = "Template Version"
ERROR: Final = "Error"
FIXED: Final = (STRATEGY_NAME, STRATEGY_ID, PARTNER_NAME, PARTNER_ID, TEMPLATE_VERSION)
SUFFIXES: Final = ("_Target", "_Q1", "_Q2", "_Q3", "_Q4")
_RUN_AS_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")


def guarded(text: str) -> str:
    """A text as a cell: one that a spreadsheet would run gets a leading apostrophe.

    A leading apostrophe of the text's own is doubled, so that every cell reads back unchanged.
    """
    return f"'{text}" if text.startswith(("'", *_RUN_AS_FORMULA)) else text


def unguarded(cell: str) -> str:
    """The text that a cell was made of."""
    return cell.removeprefix("'")


@dataclass(frozen=True)
class GoalColumns:
    """A goal and the names of its five columns: annual target, then the quarters."""

    goal: Goal
    unit: str
    names: tuple[str, str, str, str, str]


def goal_columns(strategy: Strategy) -> list[GoalColumns]:
    """Columns of a strategy's goals in order; names that collide get ` (2)`, ` (3)` …"""
    taken: set[str] = set()
    columns = []
    for group in strategy.goal_groups:
        for goal in group.goals:
            stem = _free(f"{group.name}_{goal.name}", taken)
            taken.add(stem)
            target, q1, q2, q3, q4 = (stem + suffix for suffix in SUFFIXES)
            columns.append(GoalColumns(goal, goal.unit, (target, q1, q2, q3, q4)))
    return columns


def _free(stem: str, taken: set[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem} ({number})"
    return name


def template_header(strategy: Strategy) -> list[str]:
    """The header of a strategy's template."""
    goals = [guarded(name) for columns in goal_columns(strategy) for name in columns.names]
    return [*FIXED[:4], *goals, TEMPLATE_VERSION]


def template_row(
    strategy: Strategy, partner_id: str, partner_name: str, targets: dict[str, Target]
) -> list[str]:
    """A partner's row of a strategy's template, with the targets that its plan has."""
    fixed = (strategy.name, strategy.strategy_id, partner_name, partner_id)
    figures = [cell for goal in strategy.goals.values() for cell in _figures(goal, targets)]
    return [*map(guarded, fixed), *figures, str(strategy.revision)]


def _figures(goal: Goal, targets: dict[str, Target]) -> list[str]:
    target = targets.get(goal.goal_id)
    return list(target.spelled(goal.unit).values()) if target else [""] * len(SUFFIXES)


@dataclass(frozen=True)
class Layout:
    """Where the columns of a file are."""

    width: int
    at: dict[str, int]

    def cell(self, cells: Sequence[str], column: str) -> str:
        """The text in a column of a row; trimmed, as spreadsheets leave blanks behind."""
        return cells[self.at[column]].strip()


def read_layout(header: Sequence[str]) -> Layout:
    """Where the columns that every template has are. Raises InvalidError naming those missing."""
    at: dict[str, int] = {}
    flaws = []
    for index, name in enumerate(header):
        if name and name in at:
            flaws.append(Flaw(pointer("header", name), "this column stands there twice"))
        at[name] = index
    flaws += list(_missing(at, FIXED))
    if flaws:
        raise InvalidError(flaws)
    return Layout(len(header), at)


def check_goal_columns(layout: Layout, strategy: Strategy) -> None:
    """Raises InvalidError naming the columns of the strategy's goals that a file lacks.

    A missing column must not read as a target to clear.
    """
    wanted = [name for columns in goal_columns(strategy) for name in columns.names]
    flaws = list(_missing(layout.at, wanted))
    if flaws:
        raise InvalidError(flaws)


def _missing(at: dict[str, int], wanted: Sequence[str]) -> Iterator[Flaw]:
    for name in wanted:
        if name not in at:
            yield Flaw(pointer("header", name), "the file has no such column")
