"""What the notifier tells: how a delivery ended. Never an address, never content."""

from datetime import datetime
from typing import Final, Literal

from shared.events.plans import Payload

DELIVERY_RECORDED: Final = "milepost.notifier.delivery.recorded.v1"

Ending = Literal["accepted", "failed", "suppressed", "unknown"]


class DeliveryRecorded(Payload):
    """A mail was accepted by the mail server, refused for good, held back, or may have arrived.

    `unknown` can be followed by another ending of the same delivery; the other three are final
    unless an operator sends again. `attempts` counts the tries so far.
    """

    delivery_id: str
    tick_id: str
    stream: str
    plan_id: str
    period: str
    state: Ending
    attempts: int
    message_id: str
    reason: str | None = None
    recorded_at: datetime
