"""A local stack of the benchmarks' own, with services that come and go."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import psutil

from deploy.local import clock
from deploy.local.home import CHECKOUT, SERVICES, Home
from deploy.local.process import stop
from deploy.local.stack import Stack
from shared.postgres.queries import Queries

HOME = CHECKOUT / ".local" / "bench"
QUERIES = Queries(Path(__file__).parent / "sql")
PATIENCE_SECONDS = 600.0
GRACE_SECONDS = 30.0


class BenchError(Exception):
    """A benchmark cannot go on; the message says why."""


class BenchStack:
    """The stack that is measured: a home of its own, HTTP with its tokens, its database."""

    def __init__(self, folder: Path | None = None) -> None:
        self.home = Home(folder or Path(os.environ.get("MILEPOST_HOME", HOME)).resolve())
        self.described: dict[str, Any] = {}
        self.http = httpx.AsyncClient(
            timeout=120,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        )

    # --- parts ----------------------------------------------------------------------------------

    async def up(self, services: Sequence[str] = SERVICES) -> None:
        """Start what is missing of these services; others that run are stopped."""
        for service in SERVICES:
            if service not in services:
                await self.stop(service)
        with self.home.lock():
            self.described = await Stack(self.home).up(services)

    async def stop(self, service: str) -> None:
        """End one service as an operator does, and wait until it is gone."""
        stack = Stack(self.home)
        process = stack.processes.alive(service)
        if process:
            await stop(process, signal.SIGTERM, GRACE_SECONDS)
            stack.processes.forget(service)

    async def down(self, *, wipe: bool) -> None:
        with self.home.lock():
            await Stack(self.home).down(wipe=wipe)

    def pid(self, part: str) -> int:
        """Raises BenchError when the part does not run."""
        process = Stack(self.home).processes.alive(part)
        if process is None:
            raise BenchError(f"{part} does not run; see {self.home.log(part)}")
        return process.pid

    # --- clock ----------------------------------------------------------------------------------

    def now(self) -> datetime:
        return clock.now(self.home)

    def jump(self, to: datetime) -> None:
        clock.jump(self.home, to)

    # --- HTTP -----------------------------------------------------------------------------------

    def headers(self, role: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.described['tokens'][role]}"}

    async def request(
        self, method: str, service: str, path: str, *, role: str = "administrator", **options: Any
    ) -> httpx.Response:
        headers = {**self.headers(role), **options.pop("headers", {})}
        url = f"{self.described[service]}{path}"
        return await self.http.request(method, url, headers=headers, **options)

    async def call(self, method: str, service: str, path: str, **options: Any) -> Any:
        """The JSON of a request that has to succeed."""
        answer = await self.request(method, service, path, **options)
        if answer.is_error:
            raise BenchError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    async def pages(self, service: str, path: str) -> list[Any]:
        """All items of a list."""
        items: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            page = await self.call("GET", service, path, params={"limit": "500", **more})
            items += page["items"]
            cursor = page["next"]
        return items

    async def complete_to(self) -> datetime | None:
        """The time up to which everything accepted is in the figures, as progress says it."""
        found = await self.call("GET", "progress", "/v1/watermark")
        known = [source["consumed_to"] for source in found["sources"]]
        return None if None in known else min(datetime.fromisoformat(moment) for moment in known)

    async def settled(self) -> None:
        """Wait until everything accepted until now is in the figures."""
        moment = self.now()

        async def reached() -> bool:
            complete = await self.complete_to()
            return complete is not None and complete > moment

        await until(reached, f"progress is complete to {moment}")

    # --- database -------------------------------------------------------------------------------

    async def database(self) -> asyncpg.Connection:
        """A connection of the superuser, to look at positions without asking the services."""
        found: asyncpg.Connection = await asyncpg.connect(self.described["postgres"])
        return found


async def until(
    reached: Callable[[], Awaitable[bool]],
    what: str,
    *,
    pause: float = 0.05,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Look again and again. Raises BenchError when it takes too long."""
    deadline = time.monotonic() + patience
    while not await reached():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {patience:.0f} s in vain until {what}")
        await asyncio.sleep(pause)


async def gather_some(works: Sequence[Callable[[], Awaitable[Any]]], at_once: int) -> list[Any]:
    """Do many things, some at once; results in the order of the works."""
    results: list[Any] = [None] * len(works)
    waiting = iter(range(len(works)))

    async def worker() -> None:
        for number in waiting:
            results[number] = await works[number]()

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return results


def processor_seconds(pid: int) -> float:
    """Processor time of a process and everything it has started, so far."""
    whole = psutil.Process(pid)
    own = whole.cpu_times()
    total: float = own.user + own.system + own.children_user + own.children_system
    for child in whole.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            total += used.user + used.system
    return total


class Memory:
    """Samples the resident memory of a process while something is measured."""

    def __init__(self, pid: int, every_s: float = 0.2) -> None:
        self._process = psutil.Process(pid)
        self._every_s = every_s
        self.samples: list[tuple[float, float]] = []
        """Seconds since the start, MB."""

    async def __aenter__(self) -> Self:
        self._began = time.monotonic()
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _sample(self) -> None:
        while self._process.is_running():
            megabytes = self._process.memory_info().rss / 1e6
            self.samples.append((time.monotonic() - self._began, megabytes))
            await asyncio.sleep(self._every_s)

    @property
    def highest(self) -> float:
        return max(megabytes for _, megabytes in self.samples)

    def average(self, since: float, until: float) -> float:
        """The average between two shares of the time that was sampled."""
        first, last = (int(share * len(self.samples)) for share in (since, until))
        part = [megabytes for _, megabytes in self.samples[first:last]]
        return sum(part) / len(part)
