"""A lean HTTP load generator, in a process of its own so that it is not the limit.

`python -m bench.load URL CONNECTIONS REQUESTS BODIES` with the token in BENCH_TOKEN: prepared
bodies over keep-alive connections, nothing parsed but the status line and the length. Prints the
seconds from the first request to the last answer, and how many answers were not 202.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

HEAD_END = b"\r\n\r\n"
ACCEPTED = b"202"
SEPARATOR = b"\n\x00\n"
"""Between two bodies in the file; no JSON holds a null byte."""


class Client(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Event) -> None:
        self._requests = requests
        self._done = done
        self._buffer = bytearray()
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no such class
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set()
            self._transport.close()
            return
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        size = _length(bytes(self._buffer[:end]))
        if len(self._buffer) < end + len(HEAD_END) + size:
            return
        self.refused += self._buffer[9:12] != ACCEPTED
        self._buffer.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name for it
        self._done.set()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def request(url: str, token: str, body: bytes) -> bytes:
    """A whole POST of NDJSON as it goes over the wire."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(url: str, connections: int, requests: Sequence[bytes]) -> tuple[float, int]:
    """Send all requests; gives the seconds and how many were not accepted."""
    parts = urlsplit(url)
    waiting, loop = iter(requests), asyncio.get_running_loop()
    began = time.perf_counter()
    clients: list[tuple[Client, asyncio.Event]] = []
    for _ in range(connections):
        done = asyncio.Event()
        client = Client(waiting, done)
        await loop.create_connection(partial(_same, client), parts.hostname or "", parts.port or 80)
        clients.append((client, done))
    for _, done in clients:
        await done.wait()
    return time.perf_counter() - began, sum(client.refused for client, _ in clients)


def _same(client: Client) -> Client:
    return client


def main() -> None:
    url, connections, count, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    bodies = Path(file).read_bytes().split(SEPARATOR)
    whole = [request(url, os.environ["BENCH_TOKEN"], body) for body in bodies]
    requests = [whole[number % len(whole)] for number in range(count)]
    seconds, refused = uvloop.run(send(url, connections, requests))
    print(seconds, refused)


if __name__ == "__main__":
    main()
