"""Telling progress which sellers' ticks are dealt with: it answers for them no more."""

import asyncio
from http import HTTPStatus
from typing import Final

import httpx
import structlog

from services.notifier.sellers import store
from services.notifier.service_calls import ServiceCalls
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool

AT_ONCE: Final = 2000
LOOK_EVERY_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
_log = structlog.get_logger(__name__)


class Finisher:
    """Tells progress in the background, and tries until it hears."""

    def __init__(self, pool: Pool, clock: Clock, calls: ServiceCalls, progress_url: str) -> None:
        self._pool = pool
        self._clock = clock
        self._calls = calls
        self._url = f"{progress_url.rstrip('/')}/v1/statements/done"

    async def run(self) -> None:
        """Tell until cancelled."""
        pause = LOOK_EVERY_S
        while True:
            try:
                busy = await self.finish_some()
                pause = 0 if busy == AT_ONCE else LOOK_EVERY_S
            except Exception as failure:  # noqa: BLE001 - progress or the database is away
                _log.warning("finishing_waits", error=type(failure).__name__)
                pause = min(max(pause, LOOK_EVERY_S) * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def finish_some(self) -> int:
        """One batch; gives how many ticks it were. Raises httpx.HTTPError."""
        ticks = await store.list_unfinished(self._pool, AT_ONCE)
        if ticks:
            answer = await self._calls.post(self._url, {"tick_ids": ticks})
            if answer.status_code != HTTPStatus.OK:
                raise httpx.HTTPError(f"progress answered {answer.status_code}")
            await store.mark_finished(self._pool, ticks, self._clock.now())
        return len(ticks)
