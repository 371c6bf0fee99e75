"""Processes of the stack: started on their own, known again by pid and start time, ended whole."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local.home import CHECKOUT, Home, read_json, write_json

POLL_SECONDS: Final = 0.05
LOG_BYTES_KEPT: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class Process:
    """A process that a stack started; the start time tells it from a later one with its pid."""

    pid: int
    started: float

    def alive(self) -> bool:
        """Whether it still runs. One that ended and was not collected yet does not."""
        return started_at(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Tell the process itself, if it is still there."""
        if self.alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, and whatever it started in its own group, without asking."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def started_at(pid: int) -> float | None:
    """A number that tells the process with a pid from others that had it; None without one.

    A process that ended and was not collected by its parent yet counts as none.
    """
    try:
        found = psutil.Process(pid)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            # Ticks since boot: unlike a date it stays the same when the machine's time is set.
            return float(stat.read_text().rpartition(")")[2].split()[19])
        return float(found.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


class Processes:
    """The processes of a stack, remembered in its folder."""

    def __init__(self, home: Home) -> None:
        self._file = home.process_file
        self._known = {name: Process(**found) for name, found in read_json(self._file).items()}

    def alive(self, name: str) -> Process | None:
        """The running process of a part, or None."""
        found = self._known.get(name)
        return found if found and found.alive() else None

    def known(self, name: str) -> bool:
        """Whether the part was started and not stopped since."""
        return name in self._known

    def remember(self, name: str, process: Process) -> None:
        self._known[name] = process
        self._save()

    def forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._save()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._known.items()}

    def _save(self) -> None:
        write_json(self._file, {name: asdict(found) for name, found in self._known.items()})


@dataclass(frozen=True)
class Command:
    """What to run: arguments, environment on top of this one, and the system user for it."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    user: str | None = None


def spawn(command: Command, log: Path) -> Process:
    """Start a command in a session of its own, so that it outlives the terminal."""
    _keep_short(log)
    with log.open("ab") as output:
        started = subprocess.Popen(
            list(command.arguments),
            env={**os.environ, **command.environment},
            cwd=CHECKOUT if command.user is None else "/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=command.user,
            group=command.user,
            extra_groups=None if command.user is None else [],
        )
    moment = started_at(started.pid)
    started.returncode = 0  # it outlives this program: keep Popen from warning about it
    return Process(started.pid, moment or 0.0)


def exit_status(process: Process) -> str:
    """How a process that this program started has ended, in words."""
    if process.alive():
        return "is in trouble"
    try:
        _, status = os.waitpid(process.pid, os.WNOHANG)
    except ChildProcessError:
        return "crashed"
    code = os.waitstatus_to_exitcode(status)
    return f"crashed (killed by signal {-code})" if code < 0 else f"crashed (exit status {code})"


def _keep_short(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
        log.replace(log.with_suffix(".log.1"))


async def stop(process: Process, number: signal.Signals, grace_seconds: float) -> None:
    """Ask a process to end, wait, and end it with its group when it takes too long."""
    process.signal(number)
    deadline = time.monotonic() + grace_seconds
    while process.alive() and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
    process.kill()


def last_lines(log: Path, count: int = 25) -> str:
    """The end of a log."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(lines[-count:])
