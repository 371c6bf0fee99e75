"""Webhooks out (Standard Webhooks): what is told, how it is signed, what an answer means."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

import orjson

from services.notifier.domain.backoff import Backoff
from shared.events.envelope import stamp
from shared.events.progress import GoalCrossed
from shared.kernel.money import plain

EventType = Literal["goal.reached", "goal.no_longer_reached", "statement.sent", "delivery.failed"]
PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
OLD_SECRET_LASTS: Final = timedelta(hours=24)
"""For so long after a rotation calls are signed with both secrets."""
GONE: Final = 410
"""What one who wants no more of an event answers."""


class CallState(StrEnum):
    """Where an event on its way to a webhook stands."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """Something that webhooks are told: the bytes are the same for all, and on every try."""

    event_id: str
    type: EventType
    body: str


def webhook_event(
    event_id: str, kind: EventType, at: datetime, data: dict[str, Any]
) -> WebhookEvent:
    """An event in the form of Standard Webhooks: type, timestamp, data."""
    body = orjson.dumps({"type": kind, "timestamp": stamp(at), "data": data})
    return WebhookEvent(event_id, kind, body.decode())


def goal_event(event_id: str, crossed: GoalCrossed) -> WebhookEvent:
    """What is told of a goal that crossed its target."""
    kind: EventType = "goal.reached" if crossed.reached else "goal.no_longer_reached"
    data = {
        "plan_id": crossed.plan_id,
        "strategy_id": crossed.strategy_id,
        "partner_id": crossed.partner_id,
        "goal_id": crossed.goal_id,
        "goal_name": crossed.goal_name,
        "goal_type": crossed.goal_type,
        "unit": crossed.unit,
        "turn": crossed.turn,
        "value": plain(crossed.figure, crossed.unit),
        "target": None if crossed.target is None else plain(crossed.target, crossed.unit),
    }
    return webhook_event(event_id, kind, crossed.crossed_at, data)


def spelled_secret(secret: bytes) -> str:
    """A secret as its owner is told it."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(
    event_id: str, body: bytes, secrets: Sequence[bytes], at: datetime
) -> dict[str, str]:
    """The three headers that say what a call is, from when, and that it is ours."""
    second = str(int(at.timestamp()))
    content = f"{event_id}.{second}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": second,
        "webhook-signature": " ".join(signatures),
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call: the other side's status, or why there is none."""

    milliseconds: int
    status: int | None = None
    error: str | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - 2xx


def after_reply(
    reply: Reply, *, event_id: str, attempt: int, backoff: Backoff
) -> tuple[CallState, timedelta]:
    """The next state of a call, and after how long it may be tried again."""
    if reply.is_success:
        return CallState.DELIVERED, timedelta()
    if reply.status == GONE or backoff.is_spent(attempt):
        return CallState.FAILED, timedelta()
    return CallState.PLANNED, backoff.spread(attempt, event_id)
