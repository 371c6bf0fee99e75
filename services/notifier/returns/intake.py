"""Taking bounces and complaints in, over HTTP and from a mailbox folder."""

import asyncio
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import Counter

from services.notifier import store as notifier_store
from services.notifier.domain.bounce import (
    LARGEST_REPORT,
    NoReportError,
    Report,
    ReturnPath,
    read_report,
)
from services.notifier.handlers import tell
from services.notifier.returns import store
from services.notifier.store import Told
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection, Pool

LOOK_EVERY_S: Final = 5.0
SEEN: Final = ":2,S"
_returned = Counter("milepost_mails_returned_total", "Bounces and complaints that came", ["kind"])
_log = structlog.get_logger(__name__)


async def take_returned(
    connection: Connection, content: bytes, paths: ReturnPath, at: datetime
) -> tuple[Report, list[Told]]:
    """Take a returned mail, in a transaction of the caller's; again changes nothing.

    Gives what it says and the deliveries that are held back for it. Raises NoReportError.
    """
    report = read_report(content, paths)
    digest = hashlib.sha256(content).digest()
    if not await store.add_returned(connection, digest, report, at):
        return report, []
    _returned.labels(report.kind).inc()
    told: list[Told] = []
    if report.ends_it:
        for link in await store.find_concerned(connection, report):
            told += await notifier_store.suppress(connection, link, report.reason, at)
        await tell(connection, told, at)
    return report, told


class ReturnsFolder:
    """A Maildir that the mail server files bounces and complaints in; read every few seconds.

    What was looked at moves from `new` to `cur`, whether it was a report or not.
    """

    def __init__(self, folder: Path, pool: Pool, clock: Clock, paths: ReturnPath) -> None:
        self._folder = folder
        self._pool = pool
        self._clock = clock
        self._paths = paths

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as failure:  # noqa: BLE001 - a folder or database that is away
                _log.warning("returns_wait", error=repr(failure))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Take what has come; gives how many mails that were."""
        new = self._folder / "new"
        files = await asyncio.to_thread(lambda: sorted(new.iterdir()) if new.is_dir() else [])
        for file in files:
            await self._take(file)
        return len(files)

    async def _take(self, file: Path) -> None:
        content = await asyncio.to_thread(_read, file)
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                await take_returned(connection, content, self._paths, self._clock.now())
        except NoReportError as refusal:
            _log.info("returned_mail_skipped", file=file.name, reason=str(refusal))
        await asyncio.to_thread(_file_away, file)


def _read(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(LARGEST_REPORT + 1)


def _file_away(file: Path) -> None:
    seen = file.parents[1] / "cur"
    seen.mkdir(exist_ok=True)
    file.rename(seen / f"{file.name}{SEEN}")
