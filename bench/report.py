"""The table of a run, at the terminal and in `docs/performance.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Row
from deploy.local.home import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PLAIN_WIDTH = 150
WORDS = {True: "met", False: "missed", None: ""}
COLOURS = {True: "green", False: "red", None: "dim"}


def make_console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def show(console: Console, rows: Sequence[Row]) -> None:
    """The table with bars, and everything that was wrong below it."""
    table = Table(title="Benchmarks", header_style="bold")
    table.add_column("what")
    for column in ("bar", "median"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("measured")
    for row in rows:
        word = f"[{COLOURS[row.is_met]}]{WORDS[row.is_met]}[/]"
        notes = "; ".join(filter(None, (row.spread, row.note)))
        table.add_row(row.what, str(row.bar or ""), row.shown, word, notes)
    console.print(table)
    for row in rows:
        for failure in row.failures:
            console.print(f"wrong: {row.what}: {failure}", style="red", markup=False)


def write(rows: Sequence[Row], machine: Mapping[str, str], command: str) -> Path:
    """Replace the generated section of the document."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{section(rows, machine, command)}\n{END}{after}")
    return DOCUMENT


def section(rows: Sequence[Row], machine: Mapping[str, str], command: str) -> str:
    """The generated section: what was run on what, and the table."""
    facts = [f"- {name}: {value}" for name, value in {"command": f"`{command}`", **machine}.items()]
    head = ["| what | bar | median | | measured |", "| --- | ---: | ---: | --- | --- |"]
    lines = [
        f"| {row.what} | {row.bar or ''} | {row.shown} | {WORDS[row.is_met]} "
        f"| {'; '.join(filter(None, (row.spread, row.note, *row.failures)))} |"
        for row in rows
    ]
    return "\n".join(["", *facts, "", *head, *lines, ""])
