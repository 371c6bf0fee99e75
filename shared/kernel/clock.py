"""The one place that asks what time it is. Everything else takes a clock or a moment."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time that acceptance, statuses and dues go by."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests: stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def set(self, at: datetime) -> None:
        self._at = at

    def advance(self, by: timedelta) -> None:
        self._at += by


class FileClock:
    """Real time plus the offset in a file, re-read whenever the file is replaced.

    The file holds `{"offset_seconds": number}` and is replaced by renaming, so that a jump is
    whole and reaches every process at its next look. Only the local stack uses it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        self._refresh()
        return datetime.now(UTC) + self._offset

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return
        seen = (found.st_mtime_ns, found.st_ino)
        if seen != self._seen:
            self._offset = read_offset(self._path)
            self._seen = seen


class MonotoneClock:
    """Never tells the same moment twice, so that acceptance has an order within a process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        self._last = max(self._clock.now(), self._last + timedelta(microseconds=1))
        return self._last


def read_offset(path: Path) -> timedelta:
    """The offset that the clock file holds."""
    return timedelta(seconds=float(json.loads(path.read_text())["offset_seconds"]))


def write_offset(path: Path, offset: timedelta) -> None:
    """Replace the clock file at once, so that no reader ever sees half of it."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"offset_seconds": offset.total_seconds()}))
    draft.replace(path)
