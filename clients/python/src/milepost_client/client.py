"""The client: an iterable of events becomes batches, a few under way at a time."""

import asyncio
import gzip
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from milepost_client.errors import MilepostError, RefusedError, UnavailableError
from milepost_client.events import Event, line
from milepost_client.report import Rejected, Report

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 4 * 1024 * 1024
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 30.0
AGAIN: Final = frozenset({429, 502, 503, 504})
HANDED_BACK: Final = frozenset({202, 422})
TOO_LARGE: Final = 413

Token = str | Callable[[], str]
"""A bearer token of role source, or what gives one; it is asked before each request."""
Events = Iterable[Event] | AsyncIterable[Event]


@dataclass(frozen=True)
class _Batch:
    events: list[Event]
    lines: list[bytes]

    def halves(self) -> "tuple[_Batch, _Batch]":
        middle = len(self.events) // 2
        return (
            _Batch(self.events[:middle], self.lines[:middle]),
            _Batch(self.events[middle:], self.lines[middle:]),
        )


class AsyncClient:
    """Sends events from asyncio. Use it as an asynchronous context manager."""

    def __init__(
        self,
        url: str,
        *,
        token: Token,
        source: str,
        concurrency: int = 4,
        patience_s: float = 300.0,
        timeout_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._read_token: Callable[[], str] = (lambda: token) if isinstance(token, str) else token
        self._source = source
        self._concurrency = concurrency
        self._patience_s = patience_s
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=timeout_s, transport=transport
        )
        self._open_at = 0.0
        """Nobody sends before: one that was turned away holds the others back."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def send(self, events: Events) -> Report:
        """Send events; returns what became of each once Milepost has acknowledged all it takes.

        Raises RefusedError or UnavailableError, and what reading `events` raises, after the
        requests that are under way have ended.
        """
        report = Report()
        under_way: set[asyncio.Task[None]] = set()
        try:
            async for batch in _batches(events, self._source):
                under_way.add(asyncio.create_task(self._deliver(batch, report)))
                if len(under_way) >= self._concurrency:
                    done, under_way = await asyncio.wait(
                        under_way, return_when=asyncio.FIRST_COMPLETED
                    )
                    _raise_first(done)
            if under_way:
                done, under_way = await asyncio.wait(under_way)
                _raise_first(done)
        except MilepostError as failure:
            await asyncio.gather(*under_way, return_exceptions=True)
            failure.accepted = report.accepted
            raise
        finally:
            await asyncio.gather(*under_way, return_exceptions=True)
        return report

    async def _deliver(self, batch: _Batch, report: Report) -> None:
        answer = await self._until_answered(gzip.compress(b"\n".join(batch.lines), 1))
        if answer.status_code == TOO_LARGE and len(batch.events) > 1:
            for half in batch.halves():
                await self._deliver(half, report)
            return
        if answer.status_code not in HANDED_BACK:
            raise RefusedError(f"{answer.status_code}: {answer.text[:500]}")
        told = answer.json()
        report.accepted += told["accepted"]
        report.rejected += [
            Rejected(batch.events[one["index"]], one["errors"]) for one in told["rejected"]
        ]

    async def _until_answered(self, body: bytes) -> httpx.Response:
        """The first answer that is a decision. Raises UnavailableError when patience ends."""
        began, pause = time.monotonic(), FIRST_PAUSE_S
        while True:
            await asyncio.sleep(max(self._open_at - time.monotonic(), 0))
            try:
                answer = await self._http.post("/v1/events", content=body, headers=self._headers())
            except httpx.TransportError as failure:
                said, asked = f"{type(failure).__name__}: {failure}", 0.0
            else:
                if answer.status_code not in AGAIN:
                    return answer
                said, asked = f"answers {answer.status_code}", _retry_after(answer)
            if time.monotonic() - began > self._patience_s:
                raise UnavailableError(f"no events taken for {self._patience_s:.0f} s: {said}")
            # Spread out, so that clients that were turned away together do not come back together.
            self._open_at = time.monotonic() + max(asked, pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _headers(self) -> dict[str, str]:
        token = self._read_token()
        return {
            "Authorization": f"Bearer {token.strip()}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "gzip",
        }


class Client:
    """Sends events from ordinary code; it takes what `AsyncClient` does."""

    def __init__(self, url: str, *, token: Token, source: str, **options: Any) -> None:
        self._told = {"url": url, "token": token, "source": source, **options}

    def send(self, events: Iterable[Event]) -> Report:
        """Send events; as `AsyncClient.send`."""

        async def send() -> Report:
            async with AsyncClient(**self._told) as client:
                return await client.send(events)

        return asyncio.run(send())


async def _batches(events: Events, source: str) -> AsyncIterator[_Batch]:
    batch, size = _Batch([], []), 0
    async for event in _each(events):
        spelled = line(event, source)
        if batch.events and (len(batch.events) >= MOST_EVENTS or size + len(spelled) > MOST_BYTES):
            yield batch
            batch, size = _Batch([], []), 0
        batch.events.append(event)
        batch.lines.append(spelled)
        size += len(spelled) + 1
    if batch.events:
        yield batch


async def _each(events: Events) -> AsyncIterator[Event]:
    if isinstance(events, AsyncIterable):
        async for event in events:
            yield event
    else:
        for event in events:
            yield event


def _raise_first(done: set[asyncio.Task[None]]) -> None:
    for task in done:
        failure = task.exception()
        if failure is not None:
            raise failure


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "0")), 0.0), LONGEST_PAUSE_S)
    except ValueError:
        return 0.0
