"""The journal of deliveries, written before and after every mail.

At most one mail per connection is in DATA at any time, and each is committed as `sending` before.
The journal commits what came of one mail together with the start of the next, for all connections
that ask meanwhile: one transaction for up to as many mails as there are connections.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import Counter

from services.notifier import handlers
from services.notifier.domain.pacing import Pacing, domain_of
from services.notifier.pacing import slow_down
from services.notifier.store import End, Start, Told
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool, is_transient

RETRY_DATABASE_S: Final = 0.5
GATHER_S: Final = 0.002
"""How long the journal lets others join a transaction: fewer commits, more mails a second."""
_log = structlog.get_logger(__name__)

mails_total = Counter("milepost_mails_total", "Deliveries that came to a state", ["state"])


def count(told: Sequence[Told]) -> None:
    """Count deliveries by the state they came to."""
    for delivery in told:
        mails_total.labels(delivery.state).inc()


@dataclass(slots=True)
class _Turn:
    end: End | None
    start: Start | None
    granted: asyncio.Future[bool] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def delivery_id(self) -> str | None:
        return self.end.claim.delivery_id if self.end else self.start_id

    @property
    def start_id(self) -> str | None:
        return self.start.claim.delivery_id if self.start else None


class Journal:
    """Writes down ends and starts of deliveries, together for all who ask at the same time."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        worker: str,
        *,
        on_recorded: Callable[[], None],
        pacing: Pacing | None = None,
    ) -> None:
        self._pacing = pacing
        self._pool = pool
        self._clock = clock
        self._worker = worker
        self._on_recorded = on_recorded
        self._turns: list[_Turn] = []
        self._asked = asyncio.Event()

    async def turn(self, end: End | None, start: Start | None) -> bool:
        """Record an end, begin a start. True once a start is committed and may be sent.

        Waits as long as the database is away: what the mail server said is never forgotten.
        """
        turn = _Turn(end, start)
        self._turns.append(turn)
        self._asked.set()
        return await turn.granted

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._asked.wait()
            await asyncio.sleep(GATHER_S)
            self._asked.clear()
            turns, self._turns = self._turns, []
            await self._answer(turns)

    async def _answer(self, turns: list[_Turn]) -> None:
        try:
            granted = await self._write_patiently(turns)
        except Exception:  # noqa: BLE001 - the one at fault is found and named
            _log.exception("journal_refused", turns=len(turns))
            granted = await self._write_one_by_one(turns)
        for turn in turns:
            if not turn.granted.done():
                turn.granted.set_result(turn.start_id in granted)

    async def _write_one_by_one(self, turns: list[_Turn]) -> set[str]:
        """One end or start cannot be written: the others must not be lost with it."""
        granted: set[str] = set()
        steps = [_Turn(turn.end, None) for turn in turns if turn.end]
        steps += [_Turn(None, turn.start) for turn in turns if turn.start]
        for step in steps:
            try:
                granted |= await self._write_patiently([step])
            except Exception:  # noqa: BLE001 - the rest must still be written
                _log.exception("step_refused", delivery_id=step.delivery_id)
        return granted

    async def _write_patiently(self, turns: list[_Turn]) -> set[str]:
        while True:
            try:
                return await self._write(turns)
            except Exception as failure:
                if not is_transient(failure):
                    raise
                _log.warning("journal_waits", error=repr(failure), turns=len(turns))
                await asyncio.sleep(RETRY_DATABASE_S)

    async def _write(self, turns: list[_Turn]) -> set[str]:
        ends = [turn.end for turn in turns if turn.end]
        starts = [turn.start for turn in turns if turn.start]
        async with self._pool.acquire() as connection, connection.transaction():
            told, granted = await handlers.record_turn(
                connection, self._worker, ends, starts, self._clock.now()
            )
            if self._pacing is not None:
                await slow_down(connection, _asking_for_slower_mails(ends), self._pacing)
        if told:
            count(told)
            self._on_recorded()
        return granted


def _asking_for_slower_mails(ends: Sequence[End]) -> set[str]:
    return {domain_of(end.claim.recipient) for end in ends if end.settlement.about_pace}
