"""The door plate of the progress service: what it hears, tells and owns."""

from typing import Final

from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED, TICK_DUE
from shared.events.progress import GOAL_CROSSED
from shared.events.records import RECORDS
from shared.events.seller_plans import PARTICIPANT_CHANGED, SELLER_PLAN_DEFINED, SELLER_TICK_DUE
from shared.events.watermark import WATERMARK_ADVANCED
from shared.messaging import topics

SERVICE: Final = "progress"
ACTIVITY_KINDS: Final = ("deal", "account", "lead", "certification", "partner_field")


def _told(*kinds: str) -> list[str]:
    return [event for kind in kinds for event in (RECORDS[kind].recorded, RECORDS[kind].deleted)]


CONSUMES: Final = {
    topics.ACTIVITY: _told(*ACTIVITY_KINDS),
    topics.PARTNERS: _told("partner"),
    topics.CAMPAIGNS: _told("campaign"),
    topics.COLLABORATION: _told("interaction"),
    topics.PEOPLE: _told("person"),
    topics.CRM: _told("crm_account", "crm_contact", "seller_assignment"),
    topics.PLANS: [STRATEGY_DEFINED, PLAN_DEFINED],
    topics.SELLER_PLANS: [SELLER_PLAN_DEFINED, PARTICIPANT_CHANGED],
    topics.TICKS: [TICK_DUE, SELLER_TICK_DUE],
    topics.WATERMARKS: [WATERMARK_ADVANCED],
}
PRODUCES: Final = {topics.PROGRESS: [GOAL_CROSSED]}
OWNS: Final = [
    "record",
    "record_history",
    "former_partner",
    "conflict",
    "plan",
    "goal",
    "cell",
    "goal_standing",
    "tick",
    "statement",
    "portal_page",
    "person_row",
    "account_row",
    "contact_row",
    "assignment_row",
    "interaction",
    "interaction_history",
    "involvement",
    "seller_plan",
    "participant",
    "seller_tick",
    "peer_split",
    "insight_read",
    "consumed",
    "outbox",
    "dead_letter",
]
