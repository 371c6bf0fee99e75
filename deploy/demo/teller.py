"""What is seen while the year is played: a bar at a terminal, plain lines anywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PLAIN_WIDTH: Final = 145


def make_console() -> Console:
    """The console of the demo; where there is no terminal it is wide enough for the table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


class Teller:
    """Says what the demo is at, step by step."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None

    @contextmanager
    def steps(self, count: int) -> Iterator[None]:
        """So many calls of `step` follow."""
        if not self.console.is_terminal:
            yield
            return
        columns = (
            TextColumn("  {task.description:<52}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bar:
            self._bar = bar
            self._task = bar.add_task("", total=count)
            yield
        self._bar = None

    def step(self, what: str) -> None:
        """A step begins."""
        if self._bar is None:
            self.console.print(f"  {what}", markup=False)
        else:
            self._bar.update(self._task, description=what, advance=1)

    def say(self, what: str) -> None:
        self.console.print(f"  {what}", markup=False)
