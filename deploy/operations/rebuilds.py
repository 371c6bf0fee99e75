"""The command that rebuilds: it drives what the progress service has for it."""

import asyncio
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import typer
from aiokafka.errors import KafkaError

from deploy.local.console import say
from deploy.local.home import LocalError
from deploy.operations import shown
from deploy.operations.place import environment_of, find_home
from services.progress.rebuilding import Outcome, rebuild_figures, rebuild_ledger
from services.progress.settings import ProgressSettings
from shared.runtime.settings import load

rebuild_app: Final = typer.Typer()


class Source(StrEnum):
    """What figures are built from."""

    LEDGER = "ledger"
    TOPICS = "topics"


@rebuild_app.command()
def rebuild(
    *,
    source: Annotated[
        Source, typer.Option("--from", help="The ledger, or the topics and the ledger with them.")
    ] = Source.LEDGER,
    compare_only: Annotated[
        bool, typer.Option("--compare-only", help="Say what differs and change nothing.")
    ] = False,
    stack: Annotated[
        Path | None,
        typer.Option(
            "--stack", help="The stack.json of a local stack; else progress' own MILEPOST_*."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Build all figures beside those that are kept, compare, and swap in what differs.

    The services go on meanwhile. Runs with the environment of the progress service. Exit status 1
    when something differs and is left as it is.
    """
    build = rebuild_figures if source is Source.LEDGER else rebuild_ledger
    with environment_of(find_home(stack), "progress"), shown.progress(json_lines=json) as tell:
        settings = load(ProgressSettings)
        try:
            first = asyncio.run(build(settings, tell, swap_in=not compare_only))
            last = first
            if first.swapped_in:
                tell("compared once more", 0, 0)
                last = asyncio.run(build(settings, tell, swap_in=False))
        except (OSError, asyncpg.PostgresError, KafkaError) as failure:
            raise LocalError(f"the rebuild ended: {failure!r}; nothing is half done") from None
    if json:
        shown.as_json({**asdict(first), "left": asdict(last)})
    else:
        found = {name.replace("_", " "): value for name, value in asdict(first).items()}
        shown.as_table("Rebuilt", ("what", "number"), _rows(found))
    if _differs(last):
        _explain(last, compare_only=compare_only)
        sys.exit(1)


def _rows(found: dict[str, object]) -> list[dict[str, object]]:
    return [{"what": name, "number": value} for name, value in found.items()]


def _differs(found: Outcome) -> bool:
    return bool(found.records_lacking or found.records_wrong or found.plans_differing)


def _explain(found: Outcome, *, compare_only: bool) -> None:
    if compare_only:
        say("differences were left as they are: --compare-only")
    elif found.events_gone:
        say(
            f"the topics hold {found.events_gone} events fewer than they once did, so that what"
            " only the ledger knows was left as it is"
        )
    else:
        say("something still differs: run it again, and if it stays look at the progress log")
