"""Looking through all plans, again and again, for goals that have crossed their targets."""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import Counter

from services.progress.domain.standing import Patience
from services.progress.handlers.cross import tell_crossings
from services.progress.store import plans, standings
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool, is_transient

AT_ONCE: Final = 1000
REST: Final = 10
"""A look is followed by a pause so many times as long: of many plans it takes a small share."""
_FIRST: Final = UUID(int=0)
_log = structlog.get_logger(__name__)
_told = Counter("milepost_goals_crossed_total", "Goals told to be reached, or no longer")


class CrossingWatch:
    """Compares figures with targets, some plans at a time, and never on the way of events."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        zone: ZoneInfo,
        patience: Patience,
        *,
        pause_s: float,
        on_told: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._zone = zone
        self._patience = patience
        self._pause_s = pause_s
        self._on_told = on_told

    async def run(self) -> None:
        """Look until cancelled, whatever goes away and comes back meanwhile."""
        while True:
            began = time.monotonic()
            try:
                await self.look()
            except Exception as failure:  # noqa: BLE001 - the next round looks again
                if not is_transient(failure):
                    _log.exception("looking_for_crossings_failed")
                _log.warning("crossings_wait", error=repr(failure))
            took = time.monotonic() - began
            await asyncio.sleep(max(self._pause_s, took * REST))

    async def look(self) -> int:
        """Look at every plan once; gives how many crossings were told."""
        after, told = _FIRST, 0
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await standings.take_crossings(connection):
                    return told
                ids = await plans.list_plans(connection, after, AT_ONCE)
                if not ids:
                    await standings.forget_standings(connection)
                    return told
                crossed = await tell_crossings(
                    connection, ids, self._patience, self._clock.now(), self._zone
                )
            if crossed:
                _told.inc(crossed)
                self._on_told()
            after, told = ids[-1], told + crossed
