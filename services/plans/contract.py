"""The door plate of the plans service: what it hears, what it tells, which tables are its own."""

from typing import Final

from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED, TICK_DUE
from shared.events.records import RECORDS
from shared.events.watermark import WATERMARK_ADVANCED
from shared.messaging import topics

_PARTNER: Final = RECORDS["partner"]
_CAMPAIGN: Final = RECORDS["campaign"]

SERVICE: Final = "plans"
CONSUMES: Final = {
    topics.PARTNERS: [_PARTNER.recorded, _PARTNER.deleted],
    topics.CAMPAIGNS: [_CAMPAIGN.recorded, _CAMPAIGN.deleted],
}
PRODUCES: Final = {
    topics.PLANS: [STRATEGY_DEFINED, PLAN_DEFINED],
    topics.TICKS: [TICK_DUE],
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
    "consumed",
    "outbox",
    "dead_letter",
]
