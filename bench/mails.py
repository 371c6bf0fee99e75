"""10,000 due plans: ticks, statements, mails accepted by the local sink.

The clock jumps past the next due of the benchmark strategy, whose plans have one admin each. Timed
from the jump to the last mail in the mailbox. Beside it the sink's own limit: a mail of that run,
sent 10,000 times over as many connections by a bare SMTP client, to a sink of its own.
"""

import asyncio
import re
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.cast import Cast, assemble
from bench.figures import Bar, Row
from bench.sink import count_mails, sink_limit
from bench.stack import BenchStack, until
from deploy.local.home import CHECKOUT
from shared.kernel.period import Due, monthly_dues

MAIL_HOUR = 8
AFTER_THE_DUE = timedelta(seconds=1)
PERIOD = re.compile(rb"^X-Milepost-Period: *(\S+)\r?$", re.MULTILINE | re.IGNORECASE)
PLAN = re.compile(rb"^X-Milepost-Plan: *(\S+)\r?$", re.MULTILINE | re.IGNORECASE)
HEAD_BYTES = 8_192


async def run(stack: BenchStack, repeats: int) -> list[Row]:
    await stack.up()
    cast = await assemble(stack)
    await stack.settled()
    rates, limits, failures = [], [], []
    for due in _next_dues(stack, cast)[:repeats]:
        rates.append(await _deliver(stack, cast, due))
        failures += await _wrong(stack, cast, due)
        sample = max(_mails(stack), key=lambda file: file.stat().st_mtime_ns).read_bytes()
        limits.append(await sink_limit(stack.home.folder / "sink", sample, len(cast.plans)))
    limit = sorted(limits)[len(limits) // 2]
    note = f"the sink's own limit beside it: {limit:,.0f} mails/s"
    what = f"{len(cast.plans):,} due plans: ticks, statements, mails accepted by the sink"
    return [
        Row(what, rates, "mails/s", Bar(200, "mails/s"), note, failures),
        Row("the sink's own limit", limits, "mails/s"),
    ]


def _next_dues(stack: BenchStack, cast: Cast) -> list[Due]:
    now = stack.now()
    return [due for due in monthly_dues(cast.starts, ZoneInfo("UTC"), MAIL_HOUR) if due.at > now]


async def _deliver(stack: BenchStack, cast: Cast, due: Due) -> float:
    """Mails per second from the jump past a due to the last of its mails."""
    before, wanted = _count(stack), len(cast.plans)
    stack.jump(due.at + AFTER_THE_DUE)
    began = time.perf_counter()

    async def all_there() -> bool:
        return _count(stack) - before >= wanted

    await until(all_there, f"{wanted:,} mails of {due.period}", pause=0.1)
    return wanted / (time.perf_counter() - began)


def _count(stack: BenchStack) -> int:
    return count_mails(_folder(stack))


def _mails(stack: BenchStack) -> list[Path]:
    return list(_folder(stack).glob("*.eml"))


def _folder(stack: BenchStack) -> Path:
    folder = Path(stack.described["mail_dir"])
    return folder if folder.is_absolute() else CHECKOUT / folder


async def _wrong(stack: BenchStack, cast: Cast, due: Due) -> list[str]:
    """Mails of the due that are missing or too many, a moment after the last was counted.

    Plans of other benchmarks on the same stack fall due as well; their mails are not looked at.
    """
    await asyncio.sleep(2)
    heads = (_head(file) for file in _mails(stack))
    mailed = Counter(_field(PLAN, head) for head in heads if _field(PERIOD, head) == due.period)
    wrong = [plan_id for plan_id in cast.plans if mailed[plan_id] != 1]
    return [f"{len(wrong):,} plans without exactly one mail for {due.period}"] if wrong else []


def _field(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return found[1].decode() if found else ""


def _head(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(HEAD_BYTES)
