"""Ingest: NDJSON over HTTP, 1,000 events a request, validated, acknowledged by Kafka.

Only Kafka, PostgreSQL and the one ingest process run beside the load generator: what is measured is
what one process takes, not how the other services share its cores.
"""

import asyncio
import os
import sys
from pathlib import Path

import orjson

from bench.cast import event_line
from bench.deals import Backlog, Mix
from bench.figures import Bar, Row
from bench.load import SEPARATOR
from bench.stack import BenchError, BenchStack

EVENTS_A_REQUEST = 1_000
BODIES = 200
CONNECTIONS = 8
REQUESTS = 600
WARM_UP_REQUESTS = 60
FIRST_PARTNER = 1_000_000
"""Partners that nobody knows, so that no plan of another benchmark changes."""


async def run(stack: BenchStack, repeats: int, requests: int = REQUESTS) -> list[Row]:
    await stack.up(("ingest",))
    file = stack.home.folder / "bodies.ndjson"
    file.write_bytes(SEPARATOR.join(bodies(stack)))
    await _send(stack, file, WARM_UP_REQUESTS)
    rates, failures = [], []
    for _ in range(repeats):
        seconds, refused = await _send(stack, file, requests)
        rates.append(requests * EVENTS_A_REQUEST / seconds)
        if refused:
            failures.append(f"{refused} requests were not accepted")
    file.unlink()
    return [
        Row(
            "ingest: NDJSON over HTTP, 1,000 events a request, acknowledged by Kafka, one process",
            rates,
            "events/s",
            Bar(50_000, "events/s"),
            failures=failures,
        )
    ]


def bodies(stack: BenchStack) -> list[bytes]:
    """Bodies of deal events, all of them different."""
    mix = Mix(BODIES * EVENTS_A_REQUEST)
    backlog = Backlog("http", stack.now().date(), mix, first_partner=FIRST_PARTNER)
    lines = [
        event_line("deal", f"http-{number}", orjson.loads(backlog.body(deal)))
        for number, deal in enumerate(backlog.versions())
    ]
    starts = range(0, len(lines), EVENTS_A_REQUEST)
    return [b"\n".join(lines[start : start + EVENTS_A_REQUEST]) for start in starts]


async def _send(stack: BenchStack, file: Path, requests: int) -> tuple[float, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        f"{stack.described['ingest']}/v1/events",
        str(CONNECTIONS),
        str(requests),
        str(file),
        env={**os.environ, "BENCH_TOKEN": stack.described["tokens"]["source"]},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise BenchError("the load generator failed")
    seconds, refused = output.split()
    return float(seconds), int(refused)
