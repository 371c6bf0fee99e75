"""What an operator sees and may ask for: tables at a terminal, JSON for programs."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.console import ERRORS, OUT

EVERY_S: Final = 1.0
Tell = Callable[[str, int, int], None]
StackFile = Annotated[
    Path | None,
    typer.Option("--stack", help="The stack.json of a local stack; else MILEPOST_* says where."),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def as_json(found: Any) -> None:
    """One JSON document on one line."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False, default=str) + "\n")


def as_table(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """A table; what is null is blank."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    number = 0
    for row in rows:
        number += 1
        table.add_row(*(_cell(row.get(column)) for column in columns))
    if number:
        OUT.print(table)
    else:
        OUT.print(f"{title}: none", markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text.replace("[", "\\[")


@contextmanager
def progress(*, json_lines: bool) -> Iterator[Tell]:
    """A bar on standard error while something long is done; lines of JSON for programs."""
    if json_lines:
        yield _JsonLines().tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERRORS, transient=False) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=max(done, total) if total else None)

        yield tell
        for task in tasks.values():
            bars.update(task, total=bars.tasks[task].completed or 1, completed=None)
            bars.stop_task(task)


class _JsonLines:
    """A line a stage, and then one a second at most."""

    def __init__(self) -> None:
        self._stage = ""
        self._last = float("-inf")

    def tell(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == self._stage and now - self._last < EVERY_S:
            return
        self._stage, self._last = stage, now
        line = {"stage": stage, "done": done, "total": total or None}
        sys.stderr.write(json.dumps(line) + "\n")
