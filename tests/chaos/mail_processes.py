"""Real notifier processes beside a mail server and a progress service of the test's own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.local.home import CHECKOUT
from tests.store.notifier_parts import statement

READY_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replica:
    """A notifier process that can be killed and started again."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self._environment = {**environment, "MILEPOST_PORT": str(self.port)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.notifier"],
                cwd=CHECKOUT,
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
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(int(READY_S / 0.1)):
                try:
                    await client.get(f"http://127.0.0.1:{self.port}/livez")
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
                else:
                    return
        raise AssertionError(self._log.read_text()[-4000:])

    def close(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def environment_for(database_url: str, progress_url: str, **settings: Any) -> dict[str, str]:
    told = {
        "ENVIRONMENT": "local",
        "KAFKA": f"127.0.0.1:{free_port()}",  # nobody listens: ticks are laid into the table
        "DATABASE_URL": database_url,
        "OIDC_ISSUER": "https://issuer.example",
        "OIDC_JWKS": "none.json",
        "PROGRESS_URL": progress_url,
        "SERVICE_TOKEN": "token",
        "MAIL_FROM": "Milepost <milepost@mail.example>",
        "SMTP_DATA_TIMEOUT_S": "2",
        "MAIL_RETRY_FIRST_S": "0.2",
        "MAIL_RETRY_LONGEST_S": "1",
        "WORKER_LEASE_S": "2",
        **{name.upper(): str(value) for name, value in settings.items()},
    }
    outside = {name: value for name, value in os.environ.items() if "MILEPOST" not in name}
    return outside | {f"MILEPOST_{name}": value for name, value in told.items()}


@asynccontextmanager
async def progress_service(
    statements: dict[str, dict[str, Any]],
) -> AsyncIterator[str]:
    """A progress service that knows these statements, as long as the block lasts; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))["tick_ids"]
                found = [statements[one] for one in asked if one in statements]
                body = json.dumps({"statements": found}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def statements_of(plans: list[str]) -> dict[str, dict[str, Any]]:
    made = [statement(plan, f"a@{plan}.example") for plan in plans]
    return {one["tick_id"]: one for one in made}
