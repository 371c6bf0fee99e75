"""What the person at the terminal sees: colours there, plain lines in a pipe."""

import logging
import sys
from typing import Final

import typer
from rich.console import Console

from deploy.local.home import LocalError

OUT: Final = Console(highlight=False, soft_wrap=True)
ERRORS: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def say(what: str, detail: str = "") -> None:
    """One line of progress, on standard error so that output can be piped."""
    line = f"  {what}" + (f" ({detail})" if detail else "")
    ERRORS.print(line, style="green" if ERRORS.is_terminal else None, markup=False)


def complain(message: str) -> None:
    """An error."""
    ERRORS.print(f"error: {message}", style="red" if ERRORS.is_terminal else None, markup=False)


def answer(text: str) -> None:
    """What a command was asked for, as it is."""
    sys.stdout.write(f"{text}\n")


def run(commands: typer.Typer) -> None:
    """Run a command; a LocalError becomes a message and exit status 1."""
    # Its complaints while a broker comes up are no news.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        commands()
    except LocalError as failure:
        complain(str(failure))
        sys.exit(1)
