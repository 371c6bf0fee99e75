"""Sending: claims are taken ahead, and each connection hands over one mail after another.

Nothing goes into DATA before the journal has committed that it does.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Histogram

from services.notifier import store
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
from services.notifier.domain.pacing import Pacing
from services.notifier.drafts import Draft, Drafts
from services.notifier.journal import Journal
from services.notifier.mail.letter import Letter, Looks, WriteLetter
from services.notifier.mail.smtp import MailConnection, MailServer, MailServerAwayError
from services.notifier.pacing import claim_paced_deliveries
from services.notifier.store import Claim, End, Start
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection, Pool, is_transient
from shared.runtime.tracing import named_context, within
from shared.web.app import cancel

POLL_S: Final = 1.0
FIRST_PROBE_S: Final = 0.5
LONGEST_PROBE_S: Final = 15.0
IDLE_S: Final = 30.0
CLAIMS_A_CONNECTION: Final = 25
"""How many claims are taken ahead for each connection."""
_log = structlog.get_logger(__name__)

hand_over_seconds = Histogram(
    "milepost_mail_handover_seconds",
    "Seconds from MAIL to the mail server's answer to the message",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120),
)


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
        self._ahead = CLAIMS_A_CONNECTION * len(parts.connections)
        self._drafts = Drafts(parts.write_letter, parts.clock, len(parts.connections))
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
            await self._drafts.clear()

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
        room = self._ahead - len(self._drafts)
        if room < self._ahead // 2:
            return False
        async with self._parts.pool.acquire() as connection:
            await self._parts.looks.follow(connection)
            claims = await self._claim(connection, room)
        async with self._arrived:
            self._drafts.add(claims)
            self._arrived.notify_all()
        return len(claims) == room and len(self._drafts) < self._ahead // 2

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
        claims = await self._drafts.clear()
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
            draft = await self._next(connection, waits=end is None)
            if draft is not None:
                end = await self._send_next(connection, end, draft)
            elif end is not None:
                await self._journal.turn(end, None)
                end = None
            else:
                break
        await connection.close()

    async def _next(self, connection: MailConnection, *, waits: bool) -> Draft | None:
        """The next draft; None when stopping, or when there is none now and it must not wait."""
        while not self._stopping.is_set():
            if len(self._drafts):
                if await self._is_ready(connection) and len(self._drafts):
                    draft = self._drafts.take()
                    self._wake_when_low()
                    return await draft
            elif not waits:
                return None
            else:
                await self._arrival(connection)
        return None

    async def _is_ready(self, connection: MailConnection) -> bool:
        try:
            await connection.ready()
        except MailServerAwayError as failure:
            _log.warning("mail_server_away", error=str(failure))
            self.wake()
            await asyncio.sleep(FIRST_PROBE_S)
            return False
        return True

    def _wake_when_low(self) -> None:
        if len(self._drafts) == self._ahead // 2:
            self.wake()

    async def _arrival(self, connection: MailConnection) -> None:
        async with self._arrived:
            if len(self._drafts) or self._stopping.is_set():
                return
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._arrived.wait()
            except TimeoutError:
                await connection.close()

    async def _send_next(
        self, connection: MailConnection, end: End | None, draft: Draft
    ) -> End | None:
        """Record the last mail's end and send the next; returns what came of that."""
        claim, letter = draft.claim, draft.letter
        if isinstance(letter, Refused | Deferred):
            await self._journal.turn(end, None)
            return self._ended(claim, letter)
        if not await self._journal.turn(end, Start(claim, draft.dated_at)):
            return None  # taken from us or suppressed meanwhile
        with within(named_context(claim.tick_id), "send mail", SpanKind.CLIENT):
            return self._ended(claim, await self._hand_over(connection, letter))

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
