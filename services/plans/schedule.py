"""What time brings about: due ticks, and the service's word on how far it has told everything."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Final

import structlog
from prometheus_client import Counter

from services.plans.contract import PRODUCES
from services.plans.handlers.desk import Desk
from services.plans.handlers.leaving import end_those_opted_out_by_now
from services.plans.handlers.seller_ticks import issue_due_seller_ticks
from services.plans.handlers.ticks import issue_due_ticks
from services.plans.store import strategies, watermark
from shared.messaging.offsets import At
from shared.messaging.topics import WATERMARKS
from shared.messaging.watermark import Bound
from shared.postgres.pool import is_transient

LOOK_EVERY_S: Final = 0.25
PAUSE_S: Final = 1.0
TOLD: Final = tuple(topic for topic in PRODUCES if topic != WATERMARKS)
_ticks = Counter("milepost_plans_ticks_total", "Ticks issued")
_log = structlog.get_logger(__name__)


async def keep_schedule(desk: Desk) -> None:
    """Look at the clock a few times a second and issue what has fallen due, until cancelled."""
    looked_on: date | None = None
    while True:
        pause = LOOK_EVERY_S
        try:
            looked_on = await _begin_day(desk, looked_on)
            issued = await issue_due_ticks(desk) + await issue_due_seller_ticks(desk)
            if issued:
                _ticks.inc(issued)
                _log.info("ticks_issued", ticks=issued)
        except Exception as failure:  # noqa: BLE001 - it must go on looking
            if not is_transient(failure):
                _log.exception("schedule_failed")
            else:
                _log.warning("schedule_waits", error=repr(failure))
            pause = PAUSE_S
        await asyncio.sleep(pause)


async def _begin_day(desk: Desk, looked_on: date | None) -> date:
    """Once a day, see to rows about people that have come into force."""
    today = desk.today
    if today != looked_on:
        await end_those_opted_out_by_now(desk)
    return today


class Completeness:
    """Up to which moment everything accepted here lies in Kafka, and below which positions.

    At a moment when no change is under way the outbox holds whatever was accepted before and is
    not in Kafka yet. Once it has been relayed, the ends of the topics bound it all. Only the
    replica that relays speaks, and it speaks for all: the lock is the database's.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        relays: Callable[[], bool],
        ends: Callable[[tuple[str, ...]], Awaitable[dict[At, int]]],
    ) -> None:
        self._desk = desk
        self._relays = relays
        self._ends = ends
        self._waiting: tuple[datetime, int] | None = None

    async def bound(self) -> Bound | None:
        """The newest moment that can be vouched for; None when there is none to tell now."""
        if not self._relays():
            self._waiting = None
            return None
        async with self._desk.pool.acquire() as connection:
            if self._waiting is None:
                async with connection.transaction():
                    if not await strategies.take_write_lock_alone(connection):
                        return None
                    now = self._desk.clock.now()
                    self._waiting = now, await watermark.last_message(connection)
            moment, last = self._waiting
            if not await watermark.is_relayed(connection, last):
                return None
        self._waiting = None
        return moment, await self._ends(TOLD)
