"""The stack's clock: real time plus an offset that only grows.

`python -m deploy.local.clock [TO]` says what it shows, after jumping to a moment.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.home import PREFIX, Home, LocalError
from shared.events.envelope import stamp
from shared.kernel.clock import FileClock, SystemClock, write_offset


def set_up_clock(home: Home) -> None:
    """Start a fresh stack's clock: at real time, or where `MILEPOST_CLOCK` says."""
    if home.clock_file.exists():
        return
    wanted = os.environ.get(f"{PREFIX}CLOCK")
    start(home.clock_file, parse_moment(wanted) if wanted else None)


def start(file: Path, at: datetime | None) -> None:
    """Write a clock file that stands at a moment now, or at real time."""
    real = SystemClock().now()
    write_offset(file, (at or real) - real)


def now(home: Home) -> datetime:
    """What the stack's clock says. Raises LocalError when there is no stack."""
    if not home.clock_file.exists():
        raise LocalError(f"no stack in {home.folder}: `make up` first")
    return FileClock(home.clock_file).now()


def jump(home: Home, to: datetime) -> None:
    """Move the clock forward; every service has the new time at its next look.

    Raises LocalError for a moment that the clock has passed.
    """
    at = now(home)
    if to < at:
        raise LocalError(f"the clock never goes back: it is {at.isoformat()} there already")
    write_offset(home.clock_file, to - SystemClock().now())


def parse_moment(text: str) -> datetime:
    """An RFC 3339 time. Raises LocalError for anything else, a time without an offset too."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LocalError(f"{text!r} is no RFC 3339 time such as 2026-03-01T08:00:00Z") from None
    if moment.tzinfo is None:
        raise LocalError(f"{text!r} names no offset; write 2026-03-01T08:00:00Z")
    return moment.astimezone(UTC)


def main(arguments: list[str]) -> None:
    """Jump where told to, and say what the clock shows."""
    home = Home.from_environment()
    try:
        if arguments:
            jump(home, parse_moment(arguments[0]))
        sys.stdout.write(stamp(now(home)) + "\n")
    except LocalError as failure:
        sys.exit(f"error: {failure}")


if __name__ == "__main__":
    main(sys.argv[1:])
