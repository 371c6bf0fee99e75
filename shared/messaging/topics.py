"""Topics as code; `python -m deploy.topics` brings a cluster there."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2

INBOUND: Final = "milepost.inbound.v1"
PARTNERS: Final = "milepost.partners.v1"
ACTIVITY: Final = "milepost.activity.v1"
CAMPAIGNS: Final = "milepost.campaigns.v1"
COLLABORATION: Final = "milepost.collaboration.v1"
PEOPLE: Final = "milepost.people.v1"
CRM: Final = "milepost.crm.v1"
PLANS: Final = "milepost.plans.v1"
SELLER_PLANS: Final = "milepost.seller-plans.v1"
TICKS: Final = "milepost.ticks.v1"
PROGRESS: Final = "milepost.progress.v1"
DELIVERIES: Final = "milepost.deliveries.v1"
WATERMARKS: Final = "milepost.watermarks.v1"

FOREVER: Final = {"cleanup.policy": "delete", "retention.ms": "-1"}
TWO_WEEKS: Final = {"cleanup.policy": "delete", "retention.ms": str(14 * 24 * 3600 * 1000)}
ONE_DAY: Final = {"cleanup.policy": "delete", "retention.ms": str(24 * 3600 * 1000)}


@dataclass(frozen=True)
class Topic:
    """A topic: `partitions` None means the setting `MILEPOST_PARTITIONS`."""

    name: str
    config: dict[str, str] = field(default_factory=lambda: dict(FOREVER))
    partitions: int | None = None


# Facts are kept for ever and never compacted: figures as known at a past moment need every
# version, and a rebuilt consumer must give the same history (ADR 0003).
TOPICS: Final = (
    Topic(INBOUND, TWO_WEEKS),
    Topic(PARTNERS),
    Topic(ACTIVITY),
    Topic(CAMPAIGNS),
    Topic(COLLABORATION),
    Topic(PEOPLE),
    Topic(CRM),
    Topic(PLANS),
    Topic(SELLER_PLANS),
    Topic(TICKS),
    Topic(PROGRESS),
    Topic(DELIVERIES),
    Topic(WATERMARKS, ONE_DAY, partitions=1),
)


@lru_cache(maxsize=262_144)
def partition_for(key: str, partitions: int) -> int:
    """The partition that Kafka's own partitioner would choose for a key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)
