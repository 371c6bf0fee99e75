"""What the plans service tells of seller plans: their dates, who takes part, due ticks.

A participant is a random id here. Whose it is stands in the plans service alone: no address of a
person who takes part ever travels through Kafka.
"""

from datetime import date, datetime
from typing import Final, Literal

from shared.events.plans import Payload

SELLER_PLAN_DEFINED: Final = "milepost.plans.seller_plan.defined.v1"
PARTICIPANT_CHANGED: Final = "milepost.plans.participant.changed.v1"
SELLER_TICK_DUE: Final = "milepost.plans.seller_tick.due.v1"

Cadence = Literal["monthly", "weekly"]


class SellerPlanSnapshot(Payload):
    """A seller plan as it stands after its `version`-th change.

    `scheduled_at` is None while it is a draft; the plan is active from the start of `start_date` in
    the organization's time zone to that of `end_date` (exclusive), or until `stopped_at`.
    """

    seller_plan_id: str
    version: int
    name: str
    cadence: Cadence
    start_date: date
    end_date: date
    minimum_group_size: int
    created_at: datetime
    scheduled_at: datetime | None = None
    stopped_at: datetime | None = None


class ParticipantChanged(Payload):
    """Somebody takes part in a seller plan, or does not any more."""

    participant_id: str
    seller_plan_id: str
    version: int
    taking_part: bool


class SellerTickDue(Payload):
    """A participant's mail about a period is due: at most one per participant and period, ever.

    `period` is the month it is about, `YYYY-MM`, or the Sunday on which the week began.
    """

    tick_id: str
    seller_plan_id: str
    participant_id: str
    period: str
    due_at: datetime
