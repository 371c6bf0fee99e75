"""The transactional outbox: what a change tells is written with it, and relayed in order."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from zlib import crc32

import asyncpg
import structlog
from fastapi import APIRouter, Depends
from prometheus_client import Gauge

from shared.events.envelope import to_headers
from shared.messaging.message import Message
from shared.messaging.producer import Publisher, PublishFailedError
from shared.postgres.pool import Connection, Pool, is_transient
from shared.postgres.queries import Queries
from shared.runtime.tracing import HEADER, traceparent
from shared.web.auth import Principal, require

QUERIES: Final = Queries(Path(__file__).parent / "sql" / "outbox.sql")
RELAY_AT_ONCE: Final = 2000
POLL_S: Final = 0.1
PAUSE_S: Final = 1.0
MANY: Final = 50
MEASURE_EVERY_S: Final = 5.0
_waiting = Gauge("milepost_outbox_waiting_events", "Events that Kafka has not been told yet")
_oldest = Gauge(
    "milepost_outbox_oldest_seconds", "Seconds for which the oldest of them has been seen waiting"
)
_log = structlog.get_logger(__name__)


async def put(connection: Connection, messages: Sequence[Message]) -> None:
    """Write messages into the outbox, in the caller's transaction and in their order."""
    rows = [(m.topic, m.key, m.value, _packed(m)) for m in messages]
    if len(rows) > MANY:
        columns = ["topic", "key", "value", "headers"]
        await connection.copy_records_to_table("outbox", records=rows, columns=columns)
    else:
        await connection.executemany(QUERIES["add_message"], rows)


def _packed(message: Message) -> dict[str, str]:
    headers = {name: value.decode() for name, value in to_headers(message.envelope)}
    carried = traceparent()
    if carried:
        headers.setdefault(HEADER, carried)
    return headers


class OutboxRelay:
    """Brings the outbox to Kafka in order; of several replicas, the one that holds the lock."""

    def __init__(self, pool: Pool, publisher: Publisher, *, service: str) -> None:
        self._pool = pool
        self._publisher = publisher
        self._lock = crc32(f"milepost.outbox.{service}".encode())
        self._woken = asyncio.Event()
        self._first: tuple[int, float] | None = None
        self.leads = False
        """Whether this replica is the one that relays."""

    def wake(self) -> None:
        """Look at once: a transaction that wrote messages has been committed."""
        self._woken.set()

    async def run(self) -> None:
        """Relay until cancelled, whatever goes away and comes back meanwhile."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._lead(connection)
            except (
                PublishFailedError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                OSError,
            ) as failure:
                if not isinstance(failure, PublishFailedError) and not is_transient(failure):
                    _log.exception("outbox_failed")
                _log.warning("outbox_waits", error=repr(failure))
            finally:
                self.leads = False
            await asyncio.sleep(PAUSE_S)

    async def _lead(self, connection: Connection) -> None:
        if not await connection.fetchval(QUERIES["take_leadership"], self._lock):
            return
        self.leads = True
        measured = float("-inf")
        try:
            while True:
                self._woken.clear()
                if time.monotonic() - measured >= MEASURE_EVERY_S:
                    await self._measure(connection)
                    measured = time.monotonic()
                if await self.relay_some(connection) < RELAY_AT_ONCE:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), POLL_S)
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.fetchval(QUERIES["give_up_leadership"], self._lock)

    async def _measure(self, connection: Connection) -> None:
        """Set the metrics; ages are counted from when a message was first seen waiting."""
        row = await connection.fetchrow(QUERIES["measure_outbox"])
        waiting, first = (row["waiting"], row["first"]) if row else (0, None)
        if first is None or self._first is None or self._first[0] != first:
            self._first = None if first is None else (first, time.monotonic())
        _waiting.set(waiting)
        _oldest.set(time.monotonic() - self._first[1] if self._first else 0)

    async def relay_some(self, connection: Connection) -> int:
        """Publish the oldest messages and forget them; returns how many there were."""
        rows = await connection.fetch(QUERIES["next_messages"], RELAY_AT_ONCE)
        if rows:
            await self._publisher.publish_entries(
                (row["topic"], row["key"], row["value"], _unpacked(row["headers"])) for row in rows
            )
            await connection.execute(QUERIES["forget_messages"], [row["id"] for row in rows])
        return len(rows)


def outbox_router(pool: Pool) -> APIRouter:
    """The door to what a service has not told yet, for administrators."""
    router = APIRouter(prefix="/v1", tags=["operations"])
    administrator = Annotated[Principal, Depends(require("administrator"))]

    @router.get("/outbox")
    async def measure_outbox(_who: administrator) -> dict[str, Any]:
        """How many events wait to be told, and since when the first of them."""
        row = await pool.fetchrow(QUERIES["measure_outbox"])
        return {"waiting": row["waiting"], "oldest": row["oldest"]} if row else {}

    return router


def _unpacked(headers: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in headers.items()]
