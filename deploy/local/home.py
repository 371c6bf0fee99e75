"""Where a local stack keeps what it knows: `.local`, or the folder that `MILEPOST_HOME` names."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SERVICES: Final = ("ingest", "plans", "progress", "notifier")
PARTS: Final = ("kafka", "postgres", "mail", "issuer", *SERVICES)
PREFIX: Final = "MILEPOST_"


class LocalError(Exception):
    """Something that the person at the terminal has to know; its message is all that is shown."""


class Home:
    """The folder of one stack. Two stacks with two folders know nothing of each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def from_environment(cls) -> "Home":
        """The folder that `MILEPOST_HOME` names, relative to the checkout; `.local` without it."""
        return cls((CHECKOUT / os.environ.get(f"{PREFIX}HOME", ".local")).resolve())

    def make(self) -> None:
        """Make the folder; nobody else needs to read what is in it but PostgreSQL's own user."""
        for part in (self.folder, self.logs, self.mail, self.mail_drafts, self.issuer):
            part.mkdir(parents=True, exist_ok=True)

    @property
    def stack_file(self) -> Path:
        return self.folder / "stack.json"

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock.json"

    @property
    def process_file(self) -> Path:
        return self.folder / "processes.json"

    @property
    def port_file(self) -> Path:
        return self.folder / "ports.json"

    @property
    def choice_file(self) -> Path:
        return self.folder / "settings.json"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def mail_drafts(self) -> Path:
        return self.folder / "mail.part"

    @property
    def issuer(self) -> Path:
        return self.folder / "issuer"

    @property
    def kafka(self) -> Path:
        return self.folder / "kafka"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def log(self, part: str) -> Path:
        """The log of one part of the stack."""
        return self.logs / f"{part}.log"

    def passwords(self) -> dict[str, str]:
        """The database passwords of this stack, made when they are first asked for."""
        file = self.folder / "passwords.json"
        found = read_json(file)
        if not found:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = {name: secrets.token_urlsafe(24) for name in ("postgres", *SERVICES)}
            write_json(file, found, mode=0o600)
        return found

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the stack, so that a second `up` or `down` waits for the first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Beside the folder's other files, but kept by WIPE: whoever waits holds the same file.
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def read_json(file: Path) -> dict[str, Any]:
    """What a file of the stack holds; nothing when it is not there."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    return found


def write_json(file: Path, content: dict[str, Any], *, mode: int = 0o644) -> None:
    """Replace a file of the stack at once, so that no reader sees half of it."""
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.chmod(mode)
    draft.replace(file)
