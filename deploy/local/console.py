"""What the person at the terminal sees: colours there, plain lines in a pipe."""

import sys
from typing import Final

from rich.console import Console

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
