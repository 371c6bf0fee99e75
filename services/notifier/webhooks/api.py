"""The doors to webhooks, for administrators: where to tell what, and what came of it."""

import secrets
from datetime import datetime
from typing import Annotated, Any, Final, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.notifier.domain.target import TargetRefusedError
from services.notifier.domain.webhook import (
    OLD_SECRET_LASTS,
    SECRET_BYTES,
    CallState,
    EventType,
    spelled_secret,
)
from services.notifier.webhooks import store
from services.notifier.webhooks.post import Poster
from services.notifier.webhooks.store import Webhook
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id, parse_id
from shared.postgres.pool import Pool
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

Administrator = Annotated[Principal, Depends(require("administrator"))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
MOST: Final = 50
"""More are refused: every event is looked at for each of them."""


class WebhookBody(BaseModel):
    """A webhook to be: where to, and what it wants to hear; all of it unless said."""

    url: str = Field(max_length=2000)
    events: list[EventType] = Field(default_factory=lambda: list(get_args(EventType)), min_length=1)
    description: str = Field("", max_length=400, pattern=r"^[^\x00]*$")

    def registered(self, by: str, at: datetime) -> Webhook:
        """The webhook, with an id and a secret of its own."""
        return Webhook(
            webhook_id=new_id(),
            url=self.url,
            events=sorted(set(self.events)),
            description=self.description,
            secret=secrets.token_bytes(SECRET_BYTES),
            created_by=by,
            created_at=at,
        )


def webhooks_router(pool: Pool, clock: Clock, poster: Poster) -> APIRouter:
    """Registering webhooks: `/v1/webhooks`."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    @router.post("", status_code=201)
    async def create(body: WebhookBody, who: Administrator) -> dict[str, Any]:
        """Register a webhook. Its secret is told in this answer and never again."""
        try:
            await poster.check(body.url)
        except TargetRefusedError as refusal:
            raise Problem.at("/url", str(refusal)) from None
        made = body.registered(who.email or who.subject, clock.now())
        async with pool.acquire() as connection, connection.transaction():
            if not await store.add_webhook(connection, made, MOST):
                raise Problem(409, f"There are {MOST} webhooks already", "Delete one first.")
        return {
            "webhook_id": made.webhook_id,
            "url": made.url,
            "events": made.events,
            "description": made.description,
            "secret": spelled_secret(made.secret),
            "created_by": made.created_by,
            "created_at": made.created_at.isoformat(),
        }

    @router.get("")
    async def listed(_who: Administrator) -> dict[str, Any]:
        """All webhooks, without their secrets; `failures` counts those in a row."""
        items = [_shown(row) for row in await store.list_webhooks(pool)]
        return {"items": items, "next": None}

    @router.delete("/{webhook_id}", status_code=204)
    async def delete(webhook_id: str, _who: Administrator) -> None:
        """Call a webhook no more, and forget its calls."""
        if not await store.delete_webhook(pool, _id(webhook_id, "webhook")):
            raise Problem(404, "No such webhook")

    return router


def webhook_router(pool: Pool) -> APIRouter:
    """A webhook's secret, what it was told, every try, and telling it again."""
    router = APIRouter(prefix="/v1/webhooks/{webhook_id}", tags=["webhooks"])

    @router.post("/secret")
    async def rotate(webhook_id: str, _who: Administrator) -> dict[str, Any]:
        """Give a webhook another secret; for a day calls are signed with the former one, too."""
        secret = secrets.token_bytes(SECRET_BYTES)
        until = await store.change_secret(
            pool, _id(webhook_id, "webhook"), secret, OLD_SECRET_LASTS
        )
        if until is None:
            raise Problem(404, "No such webhook")
        return {"secret": spelled_secret(secret), "former_until": until.isoformat()}

    @router.get("/events")
    async def list_calls(
        webhook_id: str,
        _who: Administrator,
        state: CallState | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A webhook's events and how they stand, the latest first."""
        known = await _found(pool, webhook_id)
        rows = await store.list_calls(pool, known, state, _after(cursor), limit + 1)
        items = [_shown(row) for row in rows]
        return page(items, limit, lambda one: [one["planned_at"], one["event_id"]])

    @router.get("/attempts")
    async def list_attempts(
        webhook_id: str,
        _who: Administrator,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Every try of a webhook's calls, the latest first: the status, or why there is none."""
        known = await _found(pool, webhook_id)
        rows = await store.list_attempts(pool, known, _attempt(cursor), limit + 1)
        return page([_shown(row) for row in rows], limit, lambda one: [one["attempt_id"]])

    @router.post("/events/{event_id}/replay", status_code=202)
    async def replay(webhook_id: str, event_id: str, _who: Administrator) -> dict[str, Any]:
        """Make a call again that has ended: the same bytes under the same `webhook-id`."""
        ids = _id(webhook_id, "webhook"), _id(event_id, "event")
        again = await store.replay_call(pool, *ids)
        found = await store.find_call(pool, *ids)
        if found is None:
            raise Problem(404, "No such event of this webhook")
        if not again:
            raise Problem(409, "The call has not ended yet")
        return _shown(found)

    return router


async def _found(pool: Pool, webhook_id: str) -> str:
    known = _id(webhook_id, "webhook")
    if not await store.is_webhook(pool, known):
        raise Problem(404, "No such webhook")
    return known


def _id(text: str, what: str) -> str:
    found = parse_id(text)
    if found is None:
        raise Problem(404, f"No such {what}")
    return found


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    moment, key = decode_cursor(cursor, 2)
    try:
        at, known = datetime.fromisoformat(moment), parse_id(key)
    except (TypeError, ValueError, AttributeError):
        raise Problem.at("/cursor", "is no cursor of this list") from None
    if known is None or at.tzinfo is None:
        raise Problem.at("/cursor", "is no cursor of this list")
    return at, known


def _attempt(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    [found] = decode_cursor(cursor, 1)
    if not isinstance(found, int) or not 0 < found < 2**63:
        raise Problem.at("/cursor", "is no cursor of this list")
    return found


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON: ids and moments as text."""
    shown = dict(row)
    for name, one in row.items():
        if isinstance(one, datetime):
            shown[name] = one.isoformat()
        elif isinstance(one, UUID):
            shown[name] = str(one)
    return shown
