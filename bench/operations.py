"""What operators feel: memory of four services at rest, and a rebuild while reads go on.

The rebuild is the operator's own command, run on the ledger that the benchmarks before have filled;
its bar is that of 5,000,000 records in proportion. Meanwhile plans are read one after another.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence

import psutil

from bench.cast import assemble
from bench.figures import Bar, Row, percentile
from bench.stack import QUERIES, BenchStack
from deploy.local.home import CHECKOUT, SERVICES

REST_S = 10.0
REBUILD_S_PER_MILLION = 180 / 5


async def idle(stack: BenchStack, repeats: int) -> list[Row]:
    """The four services after a rest, all of them together."""
    await stack.up()
    found = []
    for _ in range(repeats):
        await asyncio.sleep(REST_S)
        sizes = [psutil.Process(stack.pid(name)).memory_info().rss for name in SERVICES]
        found.append(sum(sizes) / 2**20)
    name = "memory of the four services at rest, together"
    return [Row(name, found, "MB", Bar(450, "MB", at_least=False))]


async def rebuild(stack: BenchStack, repeats: int) -> list[Row]:
    """`rebuild --from ledger` of everything there is, while figures are read."""
    await stack.up(("ingest", "plans", "progress"))
    cast = await assemble(stack)
    await stack.settled()
    database = await stack.database()
    records = int(await database.fetchval(QUERIES["count_records"]))
    await database.close()
    took: list[float] = []
    failures: list[str] = []
    reads: list[float] = []
    for _ in range(repeats):
        seconds, found, answered = await _rebuild_once(stack, cast.plans)
        took.append(seconds)
        reads += answered
        if found["plans_differing"]:
            failures.append(f"{found['plans_differing']} plans differed")
    bar = Bar(REBUILD_S_PER_MILLION * records / 1e6, "s", at_least=False)
    name = f"rebuild of all figures of {records:,} records while reads go on, compared twice"
    read = f"{len(reads):,} reads of a plan"
    return [
        Row(name, took, "s", bar, "the bar is that of 5,000,000 in proportion", failures),
        Row("… those reads, p95", [percentile(reads, 0.95) * 1000], "ms", note=read),
    ]


async def _rebuild_once(
    stack: BenchStack, plans: Sequence[str]
) -> tuple[float, dict[str, int], list[float]]:
    """How long it took, what it said at the end, and how long each read took meanwhile."""
    command = (sys.executable, "-m", "deploy.operations", "rebuild", "--json")
    began = time.perf_counter()
    running = await asyncio.create_subprocess_exec(
        *command,
        *("--stack", str(stack.home.stack_file)),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    ending = asyncio.create_task(running.communicate())
    reads: list[float] = []
    while not ending.done():
        asked = time.perf_counter()
        await stack.call("GET", "progress", f"/v1/plans/{plans[len(reads) % len(plans)]}/progress")
        reads.append(time.perf_counter() - asked)
        await asyncio.sleep(0.02)
    out, _ = await ending
    return time.perf_counter() - began, json.loads(out.decode().splitlines()[-1]), reads
