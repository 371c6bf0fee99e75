"""What handlers work with, and the transaction that every change is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from services.plans.domain.refusal import StaleError
from services.plans.store import strategies
from shared.kernel.clock import Clock, MonotoneClock
from shared.kernel.period import local_day
from shared.postgres.pool import Connection, Pool

PREVIEWS: Final = 2
Expected = frozenset[int] | None
"""The revisions one of which a change expects to find; None = any."""


async def _at_once() -> None:
    """Nothing to wait for."""


@dataclass(frozen=True)
class Desk:
    """Everything from outside that a handler needs; built once, in `app.py`."""

    pool: Pool
    clock: Clock
    stamps: MonotoneClock
    """Tells each change's own moment: no two of a process are the same."""
    zone: ZoneInfo
    mail_hour: int
    new_id: Callable[[], str]
    wake: Callable[[], None]
    """Called after a change: there is something to relay."""
    catch_up: Callable[[], Awaitable[None]]
    """Wait until the directory has heard what was told before now."""
    catch_up_people: Callable[[], Awaitable[None]] = _at_once
    """Wait until the directory has heard what was told of people and CRM records before now."""
    minimum_group_size: int = 10
    previews: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PREVIEWS))
    """Each file that is judged holds a connection for seconds."""

    @property
    def today(self) -> date:
        """The day of now, in the organization's time zone."""
        return local_day(self.clock.now(), self.zone)


@dataclass(frozen=True)
class Change:
    """A change under way: its transaction, and the moment it is accepted."""

    connection: Connection
    stamps: MonotoneClock
    zone: ZoneInfo

    @cached_property
    def at(self) -> datetime:
        """Read when it is first asked for: after the locks of everything that changes.

        Whoever waited for another change is thus accepted after it, as the versions say.
        """
        return self.stamps.now()

    @property
    def day(self) -> date:
        """The day of the change, in the organization's time zone."""
        return local_day(self.at, self.zone)


@asynccontextmanager
async def change(desk: Desk) -> AsyncIterator[Change]:
    """One state-changing transaction.

    It shares the write lock before it reads the clock. Whoever holds that lock alone thus knows
    that everything accepted before has been committed, and that what comes is accepted later.
    """
    async with desk.pool.acquire() as connection, connection.transaction():
        await strategies.take_write_lock(connection)
        yield Change(connection, desk.stamps, desk.zone)
    desk.wake()


def check_expected(revision: int, expected: Expected) -> None:
    """Raises StaleError unless the revision is one of those expected."""
    if expected is not None and revision not in expected:
        raise StaleError("Somebody else has changed it since it was read")
