"""A backlog of deal events: how fast progress brings it from Kafka into committed cells.

Events are produced while progress is down; it is then started and timed, from the first position
that it commits to its database to the last. Each run has deals of its own on a ledger that grows;
then the same events come again. A consumer with one transaction per event reads the same topic in
the same run.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Protocol

import asyncpg

from bench.cast import Cast, assemble
from bench.deals import Backlog, Mix, totals
from bench.figures import Bar, Row
from bench.stack import (
    QUERIES,
    BenchError,
    BenchStack,
    Memory,
    gather_some,
    processor_seconds,
    until,
)
from shared.events.envelope import Headers
from shared.messaging.producer import Publisher
from shared.messaging.topics import ACTIVITY

AT_ONCE = 20_000
BASELINE_SECONDS = 15.0
POLL_SECONDS = 0.05
SAMPLED_PLANS = 300
OTHERS = ("ingest", "plans")
MEASURED = (*OTHERS, "progress")
Positions = dict[int, int]
Entry = tuple[str, str, bytes, Headers]


class Told(Protocol):
    """What is produced while progress is down."""

    def entries(self, accepted_at: datetime) -> Iterator[Entry]:
        """Topic, key, value and headers of each event."""


@dataclass(frozen=True)
class Drained:
    """A backlog that was consumed: events and seconds between the first and the last commit."""

    events: int
    seconds: float
    first_after: float
    memory: Memory
    processor: dict[str, float]
    """Processor time of progress and of PostgreSQL, microseconds an event."""

    @property
    def rate(self) -> float:
        return self.events / self.seconds


@dataclass
class Rates:
    """What the runs came to."""

    fresh: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def run(stack: BenchStack, repeats: int, events: int = 1_000_000) -> list[Row]:
    await stack.up(MEASURED)
    cast = await assemble(stack)
    await stack.settled()
    rates, told = Rates(), []
    for number in range(repeats):
        backlog = Backlog(f"run{number}", cast.starts, Mix(events))
        told.append(backlog)
        await _measure(stack, cast, backlog, told, rates)
    return _rows(rates)


async def _measure(
    stack: BenchStack, cast: Cast, backlog: Backlog, told: list[Backlog], rates: Rates
) -> None:
    """One run: new, baseline beside it, the same again, figures held against a plain fold."""
    fresh = await drain(stack, backlog)
    rates.fresh.append(fresh.rate)
    rates.notes.append(_processor_note(fresh))
    before = await _shown(stack, cast)
    rates.failures += _differences(before, told, cast, stack)
    await stack.stop("progress")
    rates.baseline.append(await _baseline(stack, cast))
    again = await drain(stack, backlog)
    rates.again.append(again.rate)
    rates.memory += [fresh.memory.highest, again.memory.highest]
    if await _shown(stack, cast) != before:
        rates.failures.append(f"{backlog.label}: figures changed when the same events came again")
    rates.failures += await verified(stack)


def _rows(rates: Rates) -> list[Row]:
    ratios = [new / single for new, single in zip(rates.fresh, rates.baseline, strict=True)]
    gains = [again / new for again, new in zip(rates.again, rates.fresh, strict=True)]
    return [
        Row(
            "progress: backlog of deal events, Kafka to committed cells, history kept",
            rates.fresh,
            "events/s",
            Bar(60_000, "events/s"),
            rates.notes[-1],
            failures=rates.failures,
        ),
        Row("a consumer with one transaction per event", rates.baseline, "events/s"),
        Row("… progress is faster by", ratios, "×", Bar(25, "×")),
        Row("the same events again", rates.again, "events/s"),
        Row("… faster than the first time by", gains, "×", Bar(1.5, "×")),
        Row("progress memory during these runs, highest", rates.memory, "MB"),
    ]


def _processor_note(drained: Drained) -> str:
    used = ", ".join(f"{part} {spent:.1f}" for part, spent in drained.processor.items())
    return f"processor time, µs an event: {used}"


async def drain(stack: BenchStack, backlog: Told, topic: str = ACTIVITY) -> Drained:
    """Produce a backlog while progress is down, then start it and time it. Leaves it running."""
    await stack.stop("progress")
    ends = await produce(stack, backlog)
    database = await stack.database()
    try:
        start = await positions(database, topic)
        starting = asyncio.create_task(stack.up(MEASURED))
        drained = await _timed(stack, partial(positions, database, topic), start, ends)
        await starting
    finally:
        await database.close()
    await stack.settled()
    return drained


async def produce(stack: BenchStack, backlog: Told) -> Positions:
    """Publish a backlog as ingest does; gives the positions after it."""
    publisher = Publisher(stack.described["kafka"], client_id="bench")
    entries = backlog.entries(stack.now())
    ends: Positions = {}
    try:
        while part := list(islice(entries, AT_ONCE)):
            for at in await publisher.publish_entries(part):
                ends[at.partition] = max(ends.get(at.partition, 0), at.next_offset)
    finally:
        await publisher.stop()
    return ends


async def positions(database: asyncpg.Connection, topic: str = ACTIVITY) -> Positions:
    """What progress has committed of a topic."""
    found = await database.fetch(QUERIES["consumed"], topic)
    return {row["partition"]: row["next_offset"] for row in found}


async def _timed(
    stack: BenchStack,
    committed: Callable[[], Awaitable[Positions]],
    start: Positions,
    ends: Positions,
) -> Drained:
    """From the first commit that is seen to the one that is past the last event."""
    waiting_since = time.perf_counter()

    async def moved() -> bool:
        return await committed() != start

    await until(moved, "progress commits something", pause=POLL_SECONDS)
    first, began = await committed(), time.perf_counter()
    before = _processor(stack)
    async with Memory(stack.pid("progress")) as memory:

        async def passed() -> bool:
            now = await committed()
            return all(now.get(partition, 0) >= end for partition, end in ends.items())

        await until(passed, "progress has consumed the backlog", pause=POLL_SECONDS)
        took = time.perf_counter() - began
    events = sum(end - first.get(partition, 0) for partition, end in ends.items())
    used = {part: (end - before[part]) * 1e6 / events for part, end in _processor(stack).items()}
    return Drained(events, took, began - waiting_since, memory, used)


def _processor(stack: BenchStack) -> dict[str, float]:
    return {part: processor_seconds(stack.pid(part)) for part in ("progress", "postgres", "kafka")}


async def _baseline(stack: BenchStack, cast: Cast) -> float:
    """Events per second of the consumer with one transaction per event, in its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.baseline",
        stack.described["kafka"],
        stack.described["postgres"],
        str(cast.starts),
        str(BASELINE_SECONDS),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise BenchError("the baseline failed")
    events, took = output.split()
    return int(events) / float(took)


# --- whether the figures are right ----------------------------------------------------------------


Shown = dict[tuple[int, str], Decimal]


async def _shown(stack: BenchStack, cast: Cast) -> Shown:
    """Values of the benchmark's own goals of some plans, as progress shows them."""
    step = max(1, len(cast.plans) // SAMPLED_PLANS)
    numbers = range(0, len(cast.plans), step)

    async def look(number: int) -> Shown:
        path = f"/v1/plans/{cast.plans[number]}/progress"
        found = await stack.call("GET", "progress", path)
        goals = [goal for group in found["goal_groups"] for goal in group["goals"]]
        return {(number, goal["name"]): Decimal(goal["value"]) for goal in goals}

    looks = await gather_some([partial(look, number) for number in numbers], 4)
    return {key: value for found in looks for key, value in found.items()}


def _differences(shown: Shown, told: Sequence[Backlog], cast: Cast, stack: BenchStack) -> list[str]:
    """Where progress shows something else than a plain fold over all that was told."""
    deals = [deal for backlog in told for deal in backlog.newest]
    wanted = totals(deals, cast.starts, stack.now().date())
    wrong = [key for key, value in shown.items() if value != wanted.get(key, Decimal(0))]
    return (
        [f"{len(wrong)} figures are not those of a plain fold, such as {wrong[0]}"] if wrong else []
    )


async def verified(stack: BenchStack) -> list[str]:
    """What `verify` finds wrong."""
    found = await stack.call("POST", "progress", "/v1/verify")
    return [f"verify: {found['differences']} differences"] if found["differences"] else []
