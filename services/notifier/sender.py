"""Sending: claims, connections and the journal that is written before and after every mail.

At most one mail per connection is in DATA at any time, and each is committed as `sending` before.
The journal commits what came of one mail together with the start of the next, for all connections
that ask meanwhile: one transaction for up to as many mails as there are connections.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from services.notifier import handlers, store
from services.notifier.domain.backoff import Backoff
from services.notifier.domain.delivery import (
    Accepted,
    Deferred,
    Outcome,
    Refused,
    State,
    Uncertain,
    settle,
)
from services.notifier.domain.pacing import Pacing, domain_of
from services.notifier.mail.letter import Letter, Looks, WriteLetter
from services.notifier.mail.smtp import MailConnection, MailServer, MailServerAwayError
from services.notifier.pacing import claim_paced_deliveries, slow_down
from services.notifier.store import Claim, End, Start, Told
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection, Pool, is_transient
from shared.runtime.tracing import named_context, within
from shared.web.app import cancel

POLL_S: Final = 1.0
FIRST_PROBE_S: Final = 0.5
LONGEST_PROBE_S: Final = 15.0
RETRY_DATABASE_S: Final = 0.5
IDLE_S: Final = 30.0
GATHER_S: Final = 0.002
"""How long the journal lets others join a transaction: fewer commits, more mails a second."""
_log = structlog.get_logger(__name__)

mails_total = Counter("milepost_mails_total", "Deliveries that came to a state", ["state"])
hand_over_seconds = Histogram(
    "milepost_mail_handover_seconds",
    "Seconds from MAIL to the mail server's answer to the message",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120),
)
compose_seconds = Histogram(
    "milepost_mail_compose_seconds",
    "Seconds to render and compose a mail",
    buckets=(0.00025, 0.0005, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.1),
)


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


@dataclass(frozen=True)
class SenderParts:
    """What a sender works with."""

    pool: Pool
    clock: Clock
    worker: str
    server: MailServer
    connections: Sequence[MailConnection]
    write_letter: WriteLetter
    looks: Looks
    backoff: Backoff
    on_recorded: Callable[[], None]
    pacing: Pacing | None = None


class Sender:
    """Keeps the connections busy with planned deliveries, the earliest due first."""

    def __init__(self, parts: SenderParts) -> None:
        self._parts = parts
        self._journal = Journal(
            parts.pool,
            parts.clock,
            parts.worker,
            on_recorded=parts.on_recorded,
            pacing=parts.pacing,
        )
        self._ahead = 25 * len(parts.connections)
        self._queue: deque[Claim] = deque()
        self._arrived = asyncio.Condition()
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()

    def wake(self) -> None:
        """Look for planned deliveries at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send until `stop` is called; ends when the mails in DATA are answered and recorded."""
        background = [
            asyncio.create_task(self._journal.run()),
            asyncio.create_task(self._claim_ahead()),
        ]
        try:
            await asyncio.gather(*(self._keep_using(one) for one in self._parts.connections))
        finally:
            await cancel(background)

    async def stop(self) -> None:
        """Begin no more mails."""
        self._stopping.set()
        async with self._arrived:
            self._arrived.notify_all()

    # --- claiming -----------------------------------------------------------------------------

    async def _claim_ahead(self) -> None:
        while True:
            self._woken.clear()
            more = False
            try:
                await self._server_answers()
                more = await self._claim_some()
            except Exception as failure:  # noqa: BLE001 - the next round tries again
                if not is_transient(failure):
                    _log.exception("claiming_failed")
                _log.warning("claiming_waits", error=repr(failure))
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_S)

    async def _claim_some(self) -> bool:
        """Fill up what is in hand when half of it is gone. True when there may be more."""
        room = self._ahead - len(self._queue)
        if room < self._ahead // 2:
            return False
        async with self._parts.pool.acquire() as connection:
            await self._parts.looks.follow(connection)
            claims = await self._claim(connection, room)
        async with self._arrived:
            self._queue.extend(claims)
            self._arrived.notify_all()
        return len(claims) == room and len(self._queue) < self._ahead // 2

    async def _claim(self, connection: Connection, most: int) -> list[Claim]:
        worker, pacing = self._parts.worker, self._parts.pacing
        if pacing is None:
            return await store.claim_deliveries(connection, worker, most)
        return await claim_paced_deliveries(connection, worker, most, pacing)

    async def _server_answers(self) -> None:
        """While the mail server is away hold nothing, and probe it until it answers."""
        pause = FIRST_PROBE_S
        while self._parts.server.failure is not None:
            await self._give_back()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PROBE_S)
            with contextlib.suppress(MailServerAwayError):
                await self._parts.server.check()

    async def _give_back(self) -> None:
        claims = list(self._queue)
        self._queue.clear()
        if claims:
            async with self._parts.pool.acquire() as connection:
                await store.put_deliveries_back(connection, self._parts.worker, claims)

    # --- a connection's work ------------------------------------------------------------------

    async def _keep_using(self, connection: MailConnection) -> None:
        """A fault of ours with one mail must not cost a connection for good."""
        while True:
            try:
                await self._use(connection)
            except Exception:  # noqa: BLE001 - it is logged whole, and the next mail is tried
                _log.exception("sending_failed")
                await connection.close()
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _use(self, connection: MailConnection) -> None:
        """Send one mail after another over a connection until stopped."""
        end: End | None = None
        while True:
            claim = await self._next(connection, waits=end is None)
            if claim is not None:
                end = await self._send_next(connection, end, claim)
            elif end is not None:
                await self._journal.turn(end, None)
                end = None
            else:
                break
        await connection.close()

    async def _next(self, connection: MailConnection, *, waits: bool) -> Claim | None:
        """The next claim; None when stopping, or when there is none now and it must not wait."""
        while not self._stopping.is_set():
            if self._queue:
                claim = self._queue.popleft()
                if await self._is_ready(connection, claim):
                    self._wake_when_low()
                    return claim
            elif not waits:
                return None
            else:
                await self._arrival(connection)
        return None

    async def _is_ready(self, connection: MailConnection, claim: Claim) -> bool:
        try:
            await connection.ready()
        except MailServerAwayError as failure:
            _log.warning("mail_server_away", error=str(failure))
            self._queue.appendleft(claim)
            self.wake()
            await asyncio.sleep(FIRST_PROBE_S)
            return False
        return True

    def _wake_when_low(self) -> None:
        if len(self._queue) == self._ahead // 2:
            self.wake()

    async def _arrival(self, connection: MailConnection) -> None:
        async with self._arrived:
            if self._queue or self._stopping.is_set():
                return
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._arrived.wait()
            except TimeoutError:
                await connection.close()

    async def _send_next(
        self, connection: MailConnection, end: End | None, claim: Claim
    ) -> End | None:
        """Record the last mail's end and send the next; returns what came of that."""
        dated_at = self._parts.clock.now()
        letter = self._written(claim, dated_at)
        if isinstance(letter, Refused | Deferred):
            await self._journal.turn(end, None)
            return self._ended(claim, letter)
        if not await self._journal.turn(end, Start(claim, dated_at)):
            return None  # taken from us or suppressed meanwhile
        with within(named_context(claim.tick_id), "send mail", SpanKind.CLIENT):
            return self._ended(claim, await self._hand_over(connection, letter))

    def _written(self, claim: Claim, dated_at: datetime) -> Letter | Refused | Deferred:
        try:
            with compose_seconds.time():
                return self._parts.write_letter(claim, dated_at)
        except ValueError as failure:
            return Refused(f"cannot be written: {failure}")
        except Exception as failure:  # noqa: BLE001
            # A fault of ours, not of the mail: it goes out once it is mended.
            _log.exception("writing_failed", delivery_id=claim.delivery_id)
            return Deferred(f"cannot be written: {failure!r}")

    async def _hand_over(self, connection: MailConnection, letter: Letter) -> Outcome:
        began = time.perf_counter()
        try:
            outcome = await connection.send(*letter)
        except Exception as failure:  # noqa: BLE001 - nobody knows how far it came
            _log.exception("handing_over_failed")
            await connection.close()
            return Uncertain(f"a fault while handing over: {failure!r}")
        if isinstance(outcome, Accepted):
            hand_over_seconds.observe(time.perf_counter() - began)
        return outcome

    def _ended(self, claim: Claim, outcome: Outcome) -> End:
        settlement = settle(
            outcome,
            delivery=claim.delivery_id,
            attempt=claim.attempts + 1,
            backoff=self._parts.backoff,
        )
        if settlement.state is State.ACCEPTED:
            _log.info("mail_accepted", delivery_id=claim.delivery_id)
        else:
            _log.warning(
                "mail_not_accepted",
                delivery_id=claim.delivery_id,
                state=settlement.state,
                reason=settlement.error,
            )
        return End(claim, settlement)
