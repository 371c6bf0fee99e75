"""A mail sink of the benchmarks' own, and what bare clients get into it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiosmtplib

from bench.stack import until
from deploy.local.ports import is_free

CONNECTIONS = 8
PORT = 31_025


@contextmanager
def sink(folder: Path) -> Iterator[Path]:
    """A sink on `PORT` as long as the block lasts; gives the folder in which it puts mails."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("mail", "drafts"):
        (folder / part).mkdir(parents=True)
    arguments = [str(PORT), str(folder / "mail"), str(folder / "drafts")]
    process = subprocess.Popen([sys.executable, "-m", "deploy.local.mailsink", *arguments])
    try:
        yield folder / "mail"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


async def sink_listens() -> bool:
    """Whether somebody listens on the port."""
    return not is_free(PORT)


def count_mails(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


async def sink_limit(folder: Path, sample: bytes, mails: int) -> float:
    """What a bare client without any library gets into a sink of its own: mails a second."""
    return await _rate(folder, mails, lambda share: _send_bare(sample, share))


async def plain_loop(folder: Path, sample: bytes, mails: int) -> float:
    """What a plain loop of aiosmtplib gets in that sends a prepared mail: mails a second."""
    return await _rate(folder, mails, lambda share: _send_by_library(sample, share))


async def _rate(folder: Path, mails: int, send: Callable[[int], Awaitable[None]]) -> float:
    with sink(folder):
        await until(sink_listens, "the sink listens")
        began = time.perf_counter()
        share = mails // CONNECTIONS
        await asyncio.gather(*(send(share) for _ in range(CONNECTIONS)))
        return share * CONNECTIONS / (time.perf_counter() - began)


async def _send_bare(mail: bytes, count: int) -> None:
    """The same mail again and again over one connection, a command at a time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    await reader.readline()
    writer.write(b"HELO bench\r\n")
    await reader.readline()
    stuffed = mail.replace(b"\r\n.", b"\r\n..")
    end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
    for _ in range(count):
        for command in (
            b"MAIL FROM:<bench@milepost.example>\r\n",
            b"RCPT TO:<admin@bench.example>\r\n",
            b"DATA\r\n",
            stuffed + end,
        ):
            writer.write(command)
            await reader.readline()
    writer.close()


async def _send_by_library(mail: bytes, count: int) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=PORT, start_tls=False) as client:
        for _ in range(count):
            await client.sendmail("bench@milepost.example", ["admin@bench.example"], mail)
