"""The notifier's door plate."""

from typing import Final

from shared.events.deliveries import DELIVERY_RECORDED
from shared.events.plans import TICK_DUE
from shared.events.progress import GOAL_CROSSED
from shared.events.seller_plans import PARTICIPANT_CHANGED, SELLER_TICK_DUE
from shared.messaging import topics

CONSUMES: Final = {
    topics.TICKS: [TICK_DUE, SELLER_TICK_DUE],
    topics.SELLER_PLANS: [PARTICIPANT_CHANGED],
    topics.PROGRESS: [GOAL_CROSSED],
}
PRODUCES: Final = {topics.DELIVERIES: [DELIVERY_RECORDED]}
OWNS: Final = [
    "tick",
    "statement",
    "delivery",
    "subscription_link",
    "suppression",
    "former_participant",
    "returned",
    "logo",
    "look",
    "test_mail",
    "mail_pace",
    "webhook",
    "webhook_event",
    "webhook_call",
    "webhook_attempt",
    "worker",
    "outbox",
    "dead_letter",
]
