"""`python -m bench [NAME …]`: measure, show the table, write the generated section of the document.

Without names everything but `memory` and `insights_full` runs, on a fresh stack that is stopped and
forgotten at the end; `--deep` adds these (5,000,000 events; 10,000 sellers). Single
benchmarks run on the stack as it is.
"""

import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated

import typer
from rich.console import Console

from bench import (
    backlog,
    bulk,
    handover,
    ingest,
    insights,
    latency,
    mails,
    memory,
    operations,
    retroactive,
)
from bench.figures import Row
from bench.machine import describe
from bench.report import make_console, show, write
from bench.stack import BenchStack

Benchmark = Callable[[BenchStack, int], Awaitable[list[Row]]]
# In this order: the retroactive one needs the records of the first backlog, mails move the clock,
# which nothing turns back, and what ingest takes in would have to be consumed before the others.
BENCHMARKS: dict[str, Benchmark] = {
    "idle": operations.idle,
    "backlog": backlog.run,
    "retroactive": retroactive.run,
    "latency": latency.run,
    "bulk": bulk.run,
    "memory": memory.run,
    "rebuild": operations.rebuild,
    "handover": handover.run,
    "mails": mails.run,
    "insights": insights.run,
    "insights_full": partial(insights.run, sellers=insights.ALL_SELLERS),
    "ingest": ingest.run,
}
DEEP = ("memory", "insights_full")


def main(
    names: Annotated[list[str] | None, typer.Argument(help=", ".join(BENCHMARKS))] = None,
    *,
    repeats: Annotated[int, typer.Option(help="How often each is measured.")] = 3,
    deep: Annotated[
        bool, typer.Option(help="Also those that take long: 5,000,000 events, 10,000 sellers.")
    ] = False,
    keep: Annotated[bool, typer.Option(help="Leave the stack running.")] = False,
) -> None:
    """Run benchmarks on a local stack of their own."""
    unknown = set(names or ()) - set(BENCHMARKS)
    if unknown:
        raise typer.BadParameter(f"no such benchmark: {', '.join(sorted(unknown))}")
    chosen = names or [name for name in BENCHMARKS if deep or name not in DEEP]
    console = make_console()
    rows, machine = asyncio.run(_run(console, chosen, repeats, fresh=not names, keep=keep))
    show(console, rows)
    if not names:
        command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
        console.print(f"written: {write(rows, machine, command)}", markup=False)
    raise typer.Exit(1 if any(row.is_met is False for row in rows) else 0)


async def _run(
    console: Console, names: Sequence[str], repeats: int, *, fresh: bool, keep: bool
) -> tuple[list[Row], dict[str, str]]:
    stack = BenchStack()
    rows: list[Row] = []
    if fresh:
        await stack.down(wipe=True)
    machine = describe()
    try:
        for name in names:
            console.print(f"{name} …", markup=False)
            found = await BENCHMARKS[name](stack, repeats)
            for row in found:
                console.print(f"  {row.what}: {row.shown} ({row.spread})", markup=False)
            rows += found
    finally:
        if not keep:
            await stack.down(wipe=fresh)
        await stack.http.aclose()
    return rows, machine


if __name__ == "__main__":
    typer.run(main)
