"""Somebody who receives webhooks: a real HTTP server that can answer anything, or nothing."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

HANG = 0


@dataclass
class Call:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    """The port at the client's end of the connection."""

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """The event, if the library believes that it is signed with a secret; else it raises."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return told


@dataclass
class Receiver:
    """Takes calls on a port of this machine; `answer` gives the status, HANG says nothing."""

    answer: Callable[[Call], int] = lambda _call: 204
    tls: ssl.SSLContext | None = None
    extra: bytes = b""
    """Further header lines of every answer."""
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> "Receiver":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def ids(self) -> list[str]:
        return [call.event_id for call in self.calls]

    async def until(self, number: int, seconds: float = 20) -> None:
        """Wait until so many calls have come."""
        for _ in range(int(seconds / 0.02)):
            if len(self.calls) >= number:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{len(self.calls)} calls after {seconds} s")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            pairs = (line.partition(": ") for line in lines)
            headers = {name.lower(): value for name, _, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            call = Call(first.split()[1], headers, body, writer.get_extra_info("peername")[1])
            self.calls.append(call)
            status = self.answer(call)
            if status == HANG:
                await asyncio.sleep(3600)
            writer.write(f"HTTP/1.1 {status} said\r\n".encode() + self.extra)
            writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
