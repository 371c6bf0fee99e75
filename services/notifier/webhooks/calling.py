"""Calling webhooks: several calls at a time, claimed so that replicas share them."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

import structlog
from prometheus_client import Counter, Histogram

from services.notifier.domain.backoff import Backoff
from services.notifier.domain.webhook import CallState, after_reply, signed_headers
from services.notifier.webhooks import store
from services.notifier.webhooks.post import Poster
from services.notifier.webhooks.store import Call
from shared.kernel.clock import Clock, SystemClock
from shared.postgres.pool import Pool, is_transient
from shared.web.app import cancel

AT_ONCE: Final = 16
EACH_AT_ONCE: Final = 4
POLL_S: Final = 0.5
RETRY_DATABASE_S: Final = 0.5
LAST_CALLS_S: Final = 5.0
_log = structlog.get_logger(__name__)
_calls = Counter(
    "milepost_webhook_calls_total", "Calls of webhooks by what became of them", ["state"]
)
_seconds = Histogram("milepost_webhook_call_seconds", "Seconds until a webhook has answered")


@dataclass(frozen=True)
class CallerParts:
    """What a caller works with."""

    pool: Pool
    clock: Clock
    worker: str
    poster: Poster
    backoff: Backoff


class WebhookCaller:
    """Makes the calls that are planned; a call may be made twice, never not at all."""

    def __init__(self, parts: CallerParts) -> None:
        self._parts = parts
        # Receivers hold the signature's time against theirs: the local stack's would not do.
        self._signing_clock = SystemClock()
        self._calling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Call until cancelled, whatever goes away and comes back meanwhile."""
        while True:
            begun = 0
            try:
                begun = await self.begin_some()
            except Exception as failure:  # noqa: BLE001 - the next round tries again
                if not is_transient(failure):
                    _log.exception("calling_failed")
                _log.warning("calls_wait", error=repr(failure))
            if begun and self._calling:
                await asyncio.wait(
                    self._calling, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED
                )
            else:
                await asyncio.sleep(POLL_S)

    async def begin_some(self) -> int:
        """Begin as many calls as may be made now; gives how many these are."""
        free = AT_ONCE - len(self._calling)
        if not free:
            return 1
        async with self._parts.pool.acquire() as connection:
            calls = await store.claim_calls(connection, self._parts.worker, EACH_AT_ONCE, free)
        for call in calls:
            task = asyncio.create_task(self._make(call))
            self._calling.add(task)
            task.add_done_callback(self._calling.discard)
        return len(calls)

    async def stop(self) -> None:
        """Let calls end that are being made, for a moment, and give the rest back."""
        if self._calling:
            await asyncio.wait(self._calling, timeout=LAST_CALLS_S)
        await cancel(list(self._calling))
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LAST_CALLS_S), self._parts.pool.acquire() as connection:
                await store.free_own_calls(connection, self._parts.worker)

    async def _make(self, call: Call) -> None:
        body = call.body.encode()
        headers = signed_headers(call.event_id, body, call.secrets, self._signing_clock.now())
        reply = await self._parts.poster.post(call.url, headers, body)
        state, pause = after_reply(
            reply, event_id=call.event_id, attempt=call.attempts, backoff=self._parts.backoff
        )
        _calls.labels("planned_again" if state is CallState.PLANNED else state).inc()
        _seconds.observe(reply.milliseconds / 1000)
        while True:
            try:
                async with self._parts.pool.acquire() as connection, connection.transaction():
                    now = self._parts.clock.now()
                    await store.record_call(connection, call, reply, (state, pause), now)
            except Exception as failure:  # noqa: BLE001 - another worker makes the call again
                if not is_transient(failure):
                    _log.exception("call_not_recorded", event_id=call.event_id)
                    return
                await asyncio.sleep(RETRY_DATABASE_S)
            else:
                return
