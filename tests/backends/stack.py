"""A whole local stack for flow and chaos tests, driven as its users drive it."""

import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self, TypeVar
from unittest import mock

import httpx

from deploy.local.home import CHECKOUT, Home
from deploy.local.process import started_at
from deploy.local.stack import Stack
from tests.backends.base import Backend, KafkaServer, PostgresServer

Found = TypeVar("Found")
UP_SECONDS = 180


class StackError(AssertionError):
    """A command of the local stack failed; the message is what it said."""


class RunningStack:
    """A stack in a home of its own. With containers, Kafka and PostgreSQL come from those."""

    def __init__(self, home: Path, backend: Backend, environment: Mapping[str, str]) -> None:
        self.home = home
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")
        }
        self._environment |= {"MILEPOST_HOME": str(home), **environment}
        self._cached: dict[str, httpx.Client] = {}
        self._outside: dict[str, KafkaServer | PostgresServer] = {}
        if backend.name == "docker":
            self._take_servers_from(backend)

    def _take_servers_from(self, backend: Backend) -> None:
        kafka, postgres = backend.kafka(), backend.postgres()
        self._outside = {"kafka": kafka, "postgres": postgres}
        self._environment["MILEPOST_OUTSIDE_KAFKA"] = kafka.bootstrap
        self._environment["MILEPOST_OUTSIDE_POSTGRES"] = postgres.url("milepost")

    # --- the stack's commands -----------------------------------------------------------------

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m deploy.local …` on this stack. Raises StackError when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=CHECKOUT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise StackError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def up(self) -> Self:
        """Start what is missing."""
        self.command("up")
        return self

    def down(self, *, wipe: bool = False) -> None:
        """Stop everything."""
        self.command("down", *(["--wipe"] if wipe else []))

    def close(self) -> None:
        """Stop everything for good."""
        for client in self._cached.values():
            client.close()
        self.down(wipe=True)
        for server in self._outside.values():
            server.stop()

    def clock(self, to: datetime | str | None = None) -> datetime:
        """The stack's time; moved forward to a moment first when one is given."""
        text = to.isoformat() if isinstance(to, datetime) else to
        said = self.command("clock", *([text] if text else [])).stdout
        return datetime.fromisoformat(said.strip())

    def told(self, service: str) -> dict[str, str]:
        """The environment in which the stack runs a service."""
        with mock.patch.dict(os.environ, self._environment, clear=True):
            return {**self._environment, **Stack(Home(self.home)).environment(service)}

    def token(self, role: str, *, partner: str | None = None, email: str | None = None) -> str:
        """A token of the stack's issuer."""
        if not partner and not email and role in self.description["tokens"]:
            return str(self.description["tokens"][role])
        options = ["--role", role]
        options += ["--partner", partner] if partner else []
        options += ["--email", email] if email else []
        return self.command("token", *options).stdout.strip()

    # --- what it is ---------------------------------------------------------------------------

    @property
    def description(self) -> dict[str, Any]:
        """What `stack.json` says."""
        found: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return found

    def pid(self, part: str) -> int:
        return int(self.description["pids"][part])

    def client(
        self, service: str, role: str = "administrator", *, partner: str | None = None
    ) -> httpx.Client:
        """A client for a service's doors with a token of a role; kept for the stack's life."""
        key = f"{service}/{role}/{partner}"
        if key not in self._cached:
            self._cached[key] = httpx.Client(
                base_url=self.description[service],
                headers={"Authorization": f"Bearer {self.token(role, partner=partner)}"},
                timeout=60,
                trust_env=False,
            )
        return self._cached[key]

    def mails(self) -> list[EmailMessage]:
        """Every mail in the mailbox, in the order of arrival."""
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in sorted(Path(self.description["mail_dir"]).glob("*.eml"))
        ]

    # --- trouble ------------------------------------------------------------------------------

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a part without warning (or with another signal), and return when it is gone."""
        if part in self._outside:
            self._outside[part].kill()
            return
        pid = self.pid(part)
        os.kill(pid, number)
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            wait_for(lambda: started_at(pid) is None, 30, f"{part} to end")

    def restart(self) -> None:
        """Bring back whatever was ended."""
        for server in self._outside.values():
            server.start()
        self.up()

    # --- waiting ------------------------------------------------------------------------------

    def wait_until_current(self, seconds: float = 60) -> None:
        """Return when everything accepted until now is in the figures."""
        asked = self.clock()

        def is_current() -> bool:
            answer = self.client("progress").get("/v1/watermark")
            if answer.is_error:
                return False
            sources = answer.json()["sources"]
            return bool(sources) and all(
                source["lag"] == 0
                and source["consumed_to"] is not None
                and datetime.fromisoformat(source["consumed_to"]) >= asked
                for source in sources
            )

        wait_for(is_current, seconds, "the figures to be current")


def wait_for(found: Callable[[], Found], seconds: float, what: str) -> Found:
    """Ask again and again until the answer is true, and give it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = found()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)
