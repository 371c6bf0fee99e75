"""What webhooks are told of deliveries. Never an address, and of sellers' mails nothing at all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from services.notifier.domain.delivery import PARTNER_PROGRESS, State, without_words
from services.notifier.domain.webhook import EventType, WebhookEvent, webhook_event
from services.notifier.store import Told

_KINDS: Final[dict[State, EventType]] = {
    State.ACCEPTED: "statement.sent",
    State.FAILED: "delivery.failed",
}


def delivery_events(deliveries: Iterable[Told], at: datetime) -> list[WebhookEvent]:
    """The events of deliveries that came to a state; those of the private stream are left out."""
    return [
        webhook_event(one.event_id, _KINDS[one.state], at, _data(one))
        for one in deliveries
        if one.stream == PARTNER_PROGRESS and one.state in _KINDS
    ]


def _data(delivery: Told) -> dict[str, Any]:
    data = {
        "delivery_id": delivery.delivery_id,
        "tick_id": delivery.tick_id,
        "plan_id": delivery.plan_id,
        "period": delivery.period,
        "attempts": delivery.attempts,
        "message_id": delivery.message_id,
    }
    if delivery.state is State.FAILED:
        data["reason"] = without_words(delivery.reason or "unknown")
    return data
