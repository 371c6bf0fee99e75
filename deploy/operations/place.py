"""Where the services are that an operator looks after, and by what right."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.home import PREFIX, SERVICES, Home, LocalError, read_json

TOKEN: Final = f"{PREFIX}OPERATOR_TOKEN"


@dataclass(frozen=True)
class Place:
    """The services' addresses, and an administrator's token."""

    urls: Mapping[str, str]
    token: str

    @property
    def description(self) -> dict[str, Any]:
        """As `stack.json` says it."""
        return {**self.urls, "tokens": {"administrator": self.token}}


@contextmanager
def environment_of(home: Home | None, service: str) -> Iterator[None]:
    """Set what a service of a local stack is told; without a stack the environment stays."""
    before = dict(os.environ)
    if home is not None:
        os.environ.update(_told(home, service))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _told(home: Home, service: str) -> dict[str, str]:
    """Asked of the local stack's own command: a server's image has none of what it needs."""
    command = (sys.executable, "-m", "deploy.local", "env", service)
    environment = {**os.environ, f"{PREFIX}HOME": str(home.folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"the local stack does not say what {service} is told: {done.stderr}")
    words = shlex.split(done.stdout)
    return dict(word.split("=", 1) for word in words if word.startswith(PREFIX))


def find_place(stack_file: Path | None) -> Place:
    """The local stack that a file describes, or what the environment says.

    Raises LocalError naming everything that is missing.
    """
    if stack_file is None:
        return _from_environment()
    found = read_json(stack_file)
    if not found:
        raise LocalError(f"there is no {stack_file}: does that stack run?")
    urls = {name: found[name] for name in SERVICES}
    return Place(urls, found["tokens"]["administrator"])


def find_home(stack_file: Path | None) -> Home | None:
    """The home of the stack that a file describes."""
    return Home(stack_file.resolve().parent) if stack_file else None


def _from_environment() -> Place:
    variables = {name: f"{PREFIX}{name.upper()}_URL" for name in SERVICES}
    missing = [variable for variable in variables.values() if not os.environ.get(variable)]
    token = os.environ.get(TOKEN, "")
    file = os.environ.get(f"{TOKEN}_FILE")
    if not token and file:
        try:
            token = Path(file).read_text().strip()
        except OSError as failure:
            raise LocalError(f"{TOKEN}_FILE: {failure}") from None
    if not token:
        missing.append(f"{TOKEN} or {TOKEN}_FILE (a token of role administrator)")
    if missing:
        raise LocalError(
            "not set: " + ", ".join(missing) + "; or name a local stack: --stack .local/stack.json"
        )
    return Place({name: os.environ[variables[name]] for name in SERVICES}, token)
