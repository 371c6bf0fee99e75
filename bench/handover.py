"""One notifier process, mails that are planned already, signed with DKIM: composed and handed over.

Beside it the sink's own limit, and a plain loop of aiosmtplib that sends one prepared mail of that
run over as many connections. The mails are laid into the notifier's tables, ten to a tick, before
it starts; timed from the first mail in the sink to the last. Its memory meanwhile is what due mails
cost, however many.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.figures import Bar, Row
from bench.sink import CONNECTIONS, PORT, count_mails, plain_loop, sink, sink_limit, sink_listens
from bench.stack import QUERIES, BenchError, BenchStack, Memory, until
from deploy.local.home import CHECKOUT, PREFIX
from deploy.local.stack import Stack

DUE = 100_000
MEASURED_BESIDE = 10_000
"""Mails of the loops beside it."""
A_TICK = 10
PREFIX_OF_RUNS = "bench-run"
RATIO = 0.8


async def run(stack: BenchStack, repeats: int, due: int = DUE) -> list[Row]:
    await stack.up(())
    rates, loops, limits, memories, failures = [], [], [], [], []
    folder = stack.home.folder / "handover"
    for number in range(repeats):
        found = await _hand_over(stack, folder, f"{PREFIX_OF_RUNS}{number}-", due)
        rates.append(found.rate)
        memories.append(found.memory)
        failures += found.failures
        loops.append(await plain_loop(folder, found.sample, MEASURED_BESIDE))
        limits.append(await sink_limit(folder, found.sample, MEASURED_BESIDE))
    ratio = [rate / loop for rate, loop in zip(rates, loops, strict=True)]
    what = f"{due:,} planned mails, DKIM on: composed and handed over by one process"
    note = f"over {CONNECTIONS} connections; the sink's own limit {median(limits):,.0f} mails/s"
    plain = "a plain aiosmtplib loop with one prepared mail"
    return [
        Row(what, rates, "mails/s", Bar(500, "mails/s"), note, failures),
        Row(plain, loops, "mails/s"),
        Row(f"the notifier against {plain}", ratio, "", Bar(RATIO, "")),
        Row(
            f"notifier memory with {due:,} due mails, highest",
            memories,
            "MB",
            Bar(300, "MB", at_least=False),
        ),
    ]


class _Found:
    """What one run came to."""

    def __init__(self, folder: Path, memory: float, wanted: int, accepted: int) -> None:
        files = sorted(folder.iterdir())
        # The sink names mails by the moment at which they came.
        moments = [int(file.name.partition("-")[0]) for file in files]
        seconds = (moments[-1] - moments[0]) / 1e9
        self.rate = (len(files) - 1) / seconds
        self.memory = memory
        self.sample = files[-1].read_bytes()
        self.failures = []
        if len(files) != wanted:
            self.failures.append(f"{len(files):,} mails came, {wanted:,} were due")
        if accepted != wanted:
            self.failures.append(f"{accepted:,} of {wanted:,} deliveries are accepted")
        if b"DKIM-Signature: v=1; a=rsa-sha256" not in self.sample:
            self.failures.append("the mails are not signed")


async def _hand_over(stack: BenchStack, folder: Path, name: str, due: int) -> _Found:
    database = await stack.database()
    try:
        await _lay(stack, name, due)
        with sink(folder) as mails:
            await until(sink_listens, "the sink listens")
            with _notifier(stack) as pid:
                async with Memory(pid) as memory:

                    async def all_there() -> bool:
                        return count_mails(mails) >= due

                    async def all_written_down() -> bool:
                        return int(await database.fetchval(QUERIES["count_accepted"], name)) == due

                    await until(all_there, f"{due:,} mails came", pause=0.5)
                    await until(all_written_down, f"{due:,} mails are accepted", pause=0.2)
            accepted = int(await database.fetchval(QUERIES["count_accepted"], name))
            return _Found(mails, memory.highest, due, accepted)
    finally:
        for table in ("laid", "laid_links", "laid_statements", "laid_ticks"):
            await database.execute(QUERIES[f"forget_{table}"], name)
        await database.close()


async def _lay(stack: BenchStack, name: str, due: int) -> None:
    database, ticks = await stack.database(), due // A_TICK
    at = stack.now() - timedelta(minutes=1)
    await database.execute(QUERIES["lay_ticks"], name, ticks, at)
    await database.execute(QUERIES["lay_statements"], name, ticks, _statement(at.isoformat()))
    await database.execute(QUERIES["lay_links"], name, ticks, A_TICK)
    await database.execute(QUERIES["lay_deliveries"], name, ticks, A_TICK, at)
    await database.close()


def _statement(due_at: str) -> str:
    """What a plan of five goals says; its id is filled in by the database."""
    quarters = [
        {
            "quarter": number,
            "starts": f"2026-{3 * number - 2:02}-01",
            "ends": f"2026-{3 * number + 1:02}-01" if number < 4 else "2027-01-01",
            "value": f"{1234 * number}.50",
            "target": "5000.00",
            "percent": "49.4",
        }
        for number in range(1, 5)
    ]
    goals = [
        {
            "name": f"Goal {number} of the year",
            "unit": "USD",
            "value": "12345.00",
            "target": "20000.00",
            "percent": "61.7",
            "quarters": quarters,
        }
        for number in range(5)
    ]
    told = {
        "tick_id": "PLAN",
        "plan_id": "PLAN",
        "period": "2026-03",
        "due_at": due_at,
        "strategy_name": "Benchmark year",
        "recipients": [],
        "progress": {
            "start_date": "2026-01-01",
            "end_date": "2027-01-01",
            "goal_groups": [{"name": "Sales", "goals": goals}],
        },
    }
    return orjson.dumps(told).decode()


@contextmanager
def _notifier(stack: BenchStack) -> Iterator[int]:
    """A notifier of the stack's that signs and sends to the benchmark's sink; its process id."""
    with stack.home.log("handover").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.notifier"],
            cwd=CHECKOUT,
            env=_environment(stack),
            stdout=log,
            stderr=log,
        )
    try:
        yield process.pid
        if process.poll() is not None:
            raise BenchError(f"the notifier has ended; see {stack.home.log('handover')}")
    finally:
        process.terminate()
        process.wait(30)


def _environment(stack: BenchStack) -> Mapping[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    changed = {
        "SMTP_PORT": str(PORT),
        "MAIL_FROM": "Milepost <milepost@bench.example>",
        "DKIM_SELECTOR": "bench",
        "DKIM_KEY": pem,
    }
    told = Stack(stack.home).environment("notifier")
    told = {name: value for name, value in told.items() if "MAIL_ARCHIVE" not in name}
    return {**os.environ, **told, **{PREFIX + name: value for name, value in changed.items()}}
