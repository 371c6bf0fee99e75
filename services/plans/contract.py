"""The door plate of the plans service: what it hears, what it tells, which tables are its own."""

from typing import Final

from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED, TICK_DUE
from shared.events.records import RECORDS
from shared.events.seller_plans import (
    PARTICIPANT_CHANGED,
    SELLER_PLAN_DEFINED,
    SELLER_TICK_DUE,
)
from shared.events.watermark import WATERMARK_ADVANCED
from shared.messaging import topics

_PARTNER: Final = RECORDS["partner"]
_CAMPAIGN: Final = RECORDS["campaign"]
_PERSON: Final = RECORDS["person"]
_CRM_ACCOUNT: Final = RECORDS["crm_account"]
_CRM_CONTACT: Final = RECORDS["crm_contact"]

SERVICE: Final = "plans"
CONSUMES: Final = {
    topics.PARTNERS: [_PARTNER.recorded, _PARTNER.deleted],
    topics.CAMPAIGNS: [_CAMPAIGN.recorded, _CAMPAIGN.deleted],
    topics.PEOPLE: [_PERSON.recorded, _PERSON.deleted],
    topics.CRM: [
        _CRM_ACCOUNT.recorded,
        _CRM_ACCOUNT.deleted,
        _CRM_CONTACT.recorded,
        _CRM_CONTACT.deleted,
    ],
}
PRODUCES: Final = {
    topics.PLANS: [STRATEGY_DEFINED, PLAN_DEFINED],
    topics.SELLER_PLANS: [SELLER_PLAN_DEFINED, PARTICIPANT_CHANGED],
    topics.TICKS: [TICK_DUE, SELLER_TICK_DUE],
    topics.WATERMARKS: [WATERMARK_ADVANCED],
}
OWNS: Final = [
    "strategy",
    "plan",
    "target",
    "target_change",
    "due",
    "tick",
    "import_file",
    "import_row",
    "partner",
    "campaign",
    "seller_plan",
    "candidate",
    "participant",
    "opt_out",
    "opt_out_key",
    "seller_due",
    "seller_tick",
    "person_row",
    "crm_record",
    "consumed",
    "outbox",
    "dead_letter",
]
