"""What the plans service tells: whole snapshots of strategies and plans, and due ticks."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

STRATEGY_DEFINED: Final = "milepost.plans.strategy.defined.v1"
PLAN_DEFINED: Final = "milepost.plans.plan.defined.v1"
TICK_DUE: Final = "milepost.plans.tick.due.v1"

GoalType = Literal[
    "approved_accounts",
    "approved_registered_deals",
    "campaign_leads",
    "closed_won_total_deals_amount",
    "completed_certifications",
    "custom_partner_field",
    "registered_leads",
]
Figure = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Payload(BaseModel):
    """Data of an event between services; readers ignore fields they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def value(self) -> bytes:
        """The canonical JSON of the payload: sorted keys, compact, without nulls."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)


class GoalOptions(Payload):
    """Options of a goal; which of them a type takes is the plans service's rule."""

    deal_types: list[str] = []
    products: list[str] = []
    campaign_tags: list[str] = []
    activity_types: list[str] = []
    currency: str | None = None
    certification: str | None = None
    count_earlier: bool = False
    field: str | None = None


class Goal(Payload):
    goal_id: str
    type: GoalType
    name: str
    unit: str
    options: GoalOptions = GoalOptions()


class GoalGroup(Payload):
    group_id: str
    name: str
    goals: list[Goal] = []


class StrategySnapshot(Payload):
    """A strategy as it stands after its `version`-th change; `deleted` ends it and its plans."""

    strategy_id: str
    version: int
    name: str
    description: str | None = None
    start_date: date
    end_date: date
    quarter_starts: Annotated[list[date], Field(min_length=4, max_length=4)]
    partner_groups: list[str] = []
    goal_groups: list[GoalGroup] = []
    deleted: bool = False


class Target(Payload):
    """A goal's target; the annual figure is the sum of the quarters."""

    annual: Figure
    q1: Figure
    q2: Figure
    q3: Figure
    q4: Figure


class PlanSnapshot(Payload):
    """A success plan as it stands after its `version`-th change, targets by goal id."""

    plan_id: str
    version: int
    strategy_id: str
    partner_id: str
    created_at: datetime
    targets: dict[str, Target] = {}
    deleted: bool = False


class TickDue(Payload):
    """A plan's progress mail is due: at most one tick per plan and period, ever."""

    tick_id: str
    plan_id: str
    strategy_id: str
    partner_id: str
    period: str
    due_at: datetime
