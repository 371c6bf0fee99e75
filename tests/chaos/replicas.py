"""Processes of the services beside those of a stack, to be killed and started again."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from deploy.local.home import CHECKOUT, Home
from tests.backends.stack import RunningStack

READY_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replica:
    """A process of a service; `checkout` is where its code lies."""

    def __init__(
        self,
        service: str,
        environment: Mapping[str, str],
        log: Path,
        *,
        port: int | None = None,
        checkout: Path = CHECKOUT,
    ) -> None:
        self.port = port or free_port()
        self._service = service
        self._environment = {**environment, "MILEPOST_PORT": str(self.port)}
        self._log = log
        self._checkout = checkout
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"services.{self._service}"],
                cwd=self._checkout,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(30)

    def holds(self, port: int) -> bool:
        """Whether a connection from this port is the process's."""
        found = psutil.Process(self.pid).net_connections("tcp")
        return any(connection.laddr.port == port for connection in found)

    async def until_it_answers(self) -> None:
        """Return when the process is there; for tests whose own loop serves meanwhile."""
        await asyncio.to_thread(self._until, "/livez")

    def until_it_is_ready(self) -> None:
        self._until("/readyz")

    def _until(self, path: str) -> None:
        while not self.answers(path):
            time.sleep(0.1)

    def answers(self, path: str) -> bool:
        """Whether a door of its own answers with 200. Raises AssertionError when it ended."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-4000:]
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            return httpx.get(url, trust_env=False, timeout=READY_S).is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def beside(
    stack: RunningStack,
    service: str,
    name: str,
    *,
    port: int | None = None,
    checkout: Path = CHECKOUT,
    **settings: str,
) -> Replica:
    """One more process of a service of a stack, told what that service itself was told."""
    told = stack.told(service) | {f"MILEPOST_{key}": value for key, value in settings.items()}
    log = Home(stack.home).log(name)
    return Replica(service, told, log, port=port, checkout=checkout)
