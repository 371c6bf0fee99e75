"""Doors of time: asking for statements, and looking after what was left behind or is in doubt."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from services.notifier import handlers, store
from services.notifier.domain.backoff import Backoff
from services.notifier.domain.statement import Statement
from services.notifier.handlers import DoubtRules
from services.notifier.journal import count
from services.notifier.mail.archive import Archive
from services.notifier.statements import (
    NotYetError,
    ProgressAwayError,
    Statements,
    UnknownTickError,
)
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool, is_transient

AT_ONCE: Final = 200
POLL_S: Final = 1.0
BEATS_A_LEASE: Final = 5
MEASURE_EVERY_S: Final = 10.0
DOUBTS_AT_ONCE: Final = 500
ASK_AGAIN: Final = Backoff(timedelta(seconds=1), timedelta(seconds=60))
_log = structlog.get_logger(__name__)

ticks_total = Counter("milepost_ticks_total", "Ticks by what became of them", ["state"])
statement_seconds = Histogram(
    "milepost_statement_batch_seconds", "Seconds progress takes for a batch of statements"
)
ticks_waiting = Gauge("milepost_ticks_waiting", "Ticks that wait for their statement")
ticks_late = Gauge(
    "milepost_ticks_oldest_due_seconds", "Seconds since the due time of the oldest waiting tick"
)
mails_open = Gauge("milepost_mails_open", "Deliveries that have not ended, by state", ["state"])

Answers = list[tuple[Statement, str]]


class Planner:
    """Asks progress for the statements of waiting ticks, and plans their mails."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        worker: str,
        statements: Statements,
        *,
        domain: str,
        on_planned: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._worker = worker
        self._statements = statements
        self._domain = domain
        self._on_planned = on_planned
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for waiting ticks at once."""
        self._woken.set()

    async def run(self) -> None:
        """Plan until cancelled, whatever goes away and comes back meanwhile."""
        while True:
            self._woken.clear()
            busy = False
            try:
                busy = await self.plan_some()
            except Exception as failure:  # noqa: BLE001 - the next round tries again
                if not is_transient(failure):
                    _log.exception("planning_failed")
                _log.warning("planning_waits", error=repr(failure))
            if not busy:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_S)

    async def plan_some(self) -> bool:
        """One batch of ticks of one due time. False when no tick waits that may be tried now."""
        async with self._pool.acquire() as connection:
            claimed = await store.claim_ticks(connection, self._worker, AT_ONCE)
        if not claimed:
            return False
        try:
            await self._plan(claimed)
        except NotYetError as failure:
            await self._put_back(dict.fromkeys(claimed, timedelta()), str(failure))
            await asyncio.sleep(failure.retry_after_s)
        except BaseException as failure:
            # What is not given back stays claimed for as long as this process lives.
            await self._put_back(_later(claimed), _words(failure))
            raise
        return True

    async def _plan(self, claimed: Mapping[str, int]) -> None:
        try:
            with statement_seconds.time():
                answers = await self._statements.ask(list(claimed))
        except UnknownTickError as failure:
            await self._plan_halves(claimed, failure)
        except ProgressAwayError as failure:
            await self._put_back(_later(claimed), str(failure))
            _log.warning("progress_away", error=str(failure), ticks=len(claimed))
        else:
            await self._keep(answers)
            answered = {statement.tick_id for statement, _ in answers}
            missing = {tick: tries for tick, tries in claimed.items() if tick not in answered}
            await self._put_back(_later(missing), "progress gave no statement for this tick")

    async def _plan_halves(self, claimed: Mapping[str, int], failure: UnknownTickError) -> None:
        """One unknown tick fails its batch: find it, the others do not wait for it."""
        if len(claimed) == 1:
            await self._put_back(_later(claimed), str(failure))
            return
        ticks = list(claimed.items())
        middle = len(ticks) // 2
        await self._plan(dict(ticks[:middle]))
        await self._plan(dict(ticks[middle:]))

    async def _keep(self, answers: Answers) -> None:
        if not answers:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            told = await handlers.plan_mails(connection, answers, self._domain, self._clock.now())
        planned = {delivery.tick_id for delivery in told}
        ticks_total.labels("planned").inc(len(planned))
        ticks_total.labels("skipped").inc(len(answers) - len(planned))
        count(told)
        self._on_planned()

    async def _put_back(self, pauses: dict[str, timedelta], error: str) -> None:
        if pauses:
            async with self._pool.acquire() as connection:
                await store.put_ticks_back(connection, self._worker, pauses, error)


def _later(claimed: Mapping[str, int]) -> dict[str, timedelta]:
    return {tick: ASK_AGAIN.pause(tries) for tick, tries in claimed.items()}


def _words(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}".replace("\x00", " ")[:500]


@dataclass(frozen=True)
class KeeperParts:
    """What a keeper works with."""

    pool: Pool
    clock: Clock
    worker: str
    archive: Archive
    rules: DoubtRules
    lease: timedelta
    on_freed: Callable[[], None]


class Keeper:
    """Says that this process is alive, takes over from those that are not, ends doubts."""

    def __init__(self, parts: KeeperParts) -> None:
        self._parts = parts
        self._beating_since: float | None = None
        self._last_beat = float("-inf")
        self._measured = float("-inf")

    async def run(self) -> None:
        """Keep until cancelled."""
        while True:
            try:
                await self.round()
            except Exception as failure:  # noqa: BLE001 - the next round tries again
                if not is_transient(failure):
                    _log.exception("keeping_failed")
                _log.warning("keeping_waits", error=repr(failure))
            await asyncio.sleep(self._parts.lease.total_seconds() / BEATS_A_LEASE)

    async def round(self) -> None:
        """One look at everything that is a keeper's."""
        await self.beat()
        if self._may_judge():
            await self.take_over()
        await self.settle_doubts()
        if time.monotonic() - self._measured > MEASURE_EVERY_S:
            await self.measure()

    async def beat(self) -> None:
        """Be alive for another lease."""
        async with self._parts.pool.acquire() as connection:
            await store.beat(connection, self._parts.worker, self._parts.lease)
        now = time.monotonic()
        if (
            self._beating_since is None
            or now - self._last_beat > self._parts.lease.total_seconds() / 2
        ):
            self._beating_since = now
        self._last_beat = now

    def _may_judge(self) -> bool:
        """After the database was away for all, give the others a lease's time to be heard of."""
        beating = self._beating_since
        return (
            beating is not None and self._last_beat - beating >= self._parts.lease.total_seconds()
        )

    async def take_over(self) -> None:
        """Free what dead workers held, hold back what nobody wants any more."""
        parts = self._parts
        async with parts.pool.acquire() as connection, connection.transaction():
            told = await handlers.take_over(connection, parts.clock.now())
        if told:
            _log.warning("taken_over", deliveries=len(told))
            count(told)
            parts.on_freed()

    async def settle_doubts(self) -> None:
        """End the doubts that the archive or the policy can end."""
        parts = self._parts
        async with parts.pool.acquire() as connection:
            doubts = await store.deliveries_in_doubt(connection, DOUBTS_AT_ONCE)
        if not doubts:
            return
        archived = await self._look_up(doubts)
        async with parts.pool.acquire() as connection, connection.transaction():
            told = await handlers.settle_doubts(
                connection, doubts, archived, parts.rules, parts.clock.now()
            )
        if told:
            _log.warning("doubts_settled", deliveries=len(told))
            count(told)
            parts.on_freed()

    async def _look_up(self, doubts: Sequence[store.InDoubt]) -> Mapping[str, bool]:
        began = [doubt.began_at for doubt in doubts if doubt.began_at]
        since = min(began) if len(began) == len(doubts) else None
        return await self._parts.archive.holds([doubt.message_id for doubt in doubts], since)

    async def measure(self) -> None:
        """Set the gauges."""
        async with self._parts.pool.acquire() as connection:
            waiting, oldest = await store.measure_ticks(connection)
            states = await store.measure_deliveries(connection)
        ticks_waiting.set(waiting)
        age = self._parts.clock.now() - oldest if oldest else timedelta()
        ticks_late.set(age.total_seconds())
        for state in ("planned", "claimed", "sending", "unknown"):
            mails_open.labels(state).set(states.get(state, 0))
        self._measured = time.monotonic()
