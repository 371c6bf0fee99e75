"""The tables of webhooks, of what they are told, and of every try."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.notifier.domain.webhook import CallState, Reply, WebhookEvent
from services.notifier.store import QUERIES, Reader
from shared.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to tell what, by whose wish."""

    webhook_id: str
    url: str
    events: Sequence[str]
    description: str
    secret: bytes
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """An event on its way to a webhook, in the hands of one worker."""

    webhook_id: str
    event_id: str
    attempts: int
    """This one included."""
    fence: int
    body: str
    url: str
    secrets: tuple[bytes, ...]


async def add_webhook(connection: Connection, webhook: Webhook, most: int) -> bool:
    """Register a webhook, in a transaction of the caller's. False where there are too many."""
    added = await connection.fetchval(
        QUERIES["add_webhook"],
        webhook.webhook_id,
        webhook.url,
        webhook.events,
        webhook.description,
        webhook.secret,
        webhook.created_by,
        webhook.created_at,
        most,
    )
    return bool(added)


async def list_webhooks(connection: Reader) -> list[dict[str, Any]]:
    """All webhooks, the oldest first, without their secrets."""
    return [dict(row) for row in await connection.fetch(QUERIES["list_webhooks"])]


async def is_webhook(connection: Reader, webhook_id: str) -> bool:
    return bool(await connection.fetchval(QUERIES["find_webhook"], webhook_id))


async def delete_webhook(connection: Reader, webhook_id: str) -> bool:
    """Forget a webhook and its calls. False where there was none."""
    return bool(await connection.fetchval(QUERIES["delete_webhook"], webhook_id))


async def change_secret(
    connection: Reader, webhook_id: str, secret: bytes, overlap: timedelta
) -> datetime | None:
    """Sign with another secret, and with the former one until the moment that is given."""
    until: datetime | None = await connection.fetchval(
        QUERIES["change_secret"], webhook_id, secret, overlap
    )
    return until


async def add_webhook_events(
    connection: Connection, events: Sequence[WebhookEvent], at: datetime
) -> None:
    """Plan the calls of events for the webhooks that want them; once for each event, ever."""
    if events:
        await connection.execute(
            QUERIES["add_webhook_events"],
            [event.event_id for event in events],
            [event.type for event in events],
            [event.body for event in events],
            at,
        )


async def claim_calls(connection: Connection, worker: str, each: int, most: int) -> list[Call]:
    """Take calls into hand: of a webhook at most `each` at a time, of all at most `most`."""
    rows = await connection.fetch(QUERIES["claim_calls"], worker, each, most)
    return [
        Call(
            webhook_id=str(row["webhook_id"]),
            event_id=str(row["event_id"]),
            attempts=row["attempts"],
            fence=row["fence"],
            body=row["body"],
            url=row["url"],
            secrets=tuple(one for one in (row["secret"], row["former_secret"]) if one),
        )
        for row in rows
    ]


async def record_call(
    connection: Connection,
    call: Call,
    reply: Reply,
    becomes: tuple[CallState, timedelta],
    at: datetime,
) -> None:
    """Write down what came of a try; of one that was taken over meanwhile the try alone."""
    # The webhook's row before its calls', as deleting it takes them: no two wait for each other.
    note = QUERIES["note_success"] if reply.is_success else QUERIES["note_failure"]
    await connection.execute(note, call.webhook_id)
    await connection.execute(
        QUERIES["add_attempt"],
        call.webhook_id,
        call.event_id,
        at,
        reply.milliseconds,
        reply.status,
        reply.error,
    )
    state, pause = becomes
    await connection.execute(
        QUERIES["record_call"], call.webhook_id, call.event_id, call.fence, state, pause
    )


async def free_calls_of_the_dead(connection: Connection) -> None:
    """Let calls of dead workers be made by others."""
    await connection.execute(QUERIES["free_calls_of_the_dead"])


async def free_own_calls(connection: Connection, worker: str) -> None:
    """Give back what a worker has in hand."""
    await connection.execute(QUERIES["free_own_calls"], worker)


async def replay_call(connection: Reader, webhook_id: str, event_id: str) -> bool:
    """Make a call again that has ended. False where none has."""
    return bool(await connection.fetchval(QUERIES["replay_call"], webhook_id, event_id))


async def find_call(connection: Reader, webhook_id: str, event_id: str) -> dict[str, Any] | None:
    row = await connection.fetchrow(QUERIES["find_call"], webhook_id, event_id)
    return None if row is None else dict(row)


async def list_calls(
    connection: Reader,
    webhook_id: str,
    state: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """A webhook's events and how they stand, the latest first."""
    at, key = after or (None, None)
    rows = await connection.fetch(QUERIES["list_calls"], webhook_id, state, at, key, limit)
    return [dict(row) for row in rows]


async def list_attempts(
    connection: Reader, webhook_id: str, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Every try of a webhook's calls, the latest first."""
    rows = await connection.fetch(QUERIES["list_attempts"], webhook_id, before, limit)
    return [dict(row) for row in rows]
