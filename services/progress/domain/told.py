"""What events say, as far as the ledger looks: typed structs, decoded in one go.

Fields that are not named here stay in the body, which is kept as it arrived.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Deal(msgspec.Struct, gc=False):
    deal_id: Id
    version: Number
    partner_id: Id
    status: str
    deal_type: str | None = None
    products: list[str] | None = None
    amount: Decimal | None = None
    currency: str | None = None
    approved_on: date | None = None
    closed_on: date | None = None


class Account(msgspec.Struct, gc=False):
    account_id: Id
    version: Number
    partner_id: Id
    status: str
    approved_on: date | None = None


class Lead(msgspec.Struct, gc=False):
    lead_id: Id
    version: Number
    partner_id: Id
    captured_on: date
    campaign_id: str | None = None
    activity_type: str | None = None


class Certification(msgspec.Struct, gc=False):
    completion_id: Id
    version: Number
    partner_id: Id
    user_id: Id
    certification: Id
    completed_on: date


class PartnerField(msgspec.Struct, gc=False):
    partner_id: Id
    field: Id
    effective_on: date
    version: Number
    value: Decimal


class Partner(msgspec.Struct, gc=False):
    partner_id: Id
    version: Number


class Campaign(msgspec.Struct, gc=False):
    campaign_id: Id
    version: Number
    tags: list[str] | None = None


class Strategy(msgspec.Struct, gc=False):
    strategy_id: UUID
    version: Number
    start_date: date
    deleted: bool = False


class Plan(msgspec.Struct, gc=False):
    plan_id: UUID
    version: Number
    strategy_id: UUID
    partner_id: Id
    deleted: bool = False


class Tick(msgspec.Struct, frozen=True):
    """A plan's mail is due."""

    tick_id: UUID
    plan_id: UUID
    period: str
    due_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Person(msgspec.Struct, gc=False):
    person_id: Id
    effective_on: date
    version: Number
    licensed: bool
    opted_out: bool
    name: str | None = None
    manager_id: str | None = None
    organization: str | None = None
    level: str | None = None
    function: str | None = None
    time_zone: str | None = None
    attributes: dict[str, str] | None = None


class CrmAccount(msgspec.Struct, gc=False):
    account_id: Id
    effective_on: date
    version: Number
    name: str
    annual_revenue: Decimal | None = None
    currency: str | None = None
    type: str | None = None


class CrmContact(msgspec.Struct, gc=False):
    contact_id: Id
    effective_on: date
    version: Number
    account_id: Id
    email: Id


class SellerAssignment(msgspec.Struct, gc=False):
    account_id: Id
    seller: Id
    effective_on: date
    version: Number


class PersonGone(msgspec.Struct, gc=False):
    person_id: Id
    effective_on: date
    version: Number


class CrmAccountGone(msgspec.Struct, gc=False):
    account_id: Id
    effective_on: date
    version: Number


class CrmContactGone(msgspec.Struct, gc=False):
    contact_id: Id
    effective_on: date
    version: Number


class SellerPlan(msgspec.Struct, gc=False):
    seller_plan_id: UUID
    version: Number
    name: str
    cadence: str
    start_date: date
    end_date: date
    minimum_group_size: int
    created_at: datetime
    scheduled_at: datetime | None = None
    stopped_at: datetime | None = None


class Participation(msgspec.Struct, gc=False):
    participant_id: UUID
    seller_plan_id: UUID
    version: Number
    taking_part: bool


class SellerTick(msgspec.Struct, frozen=True):
    """A participant's mail is due."""

    tick_id: UUID
    seller_plan_id: UUID
    participant_id: UUID
    period: str
    due_at: Annotated[datetime, msgspec.Meta(tz=True)]


class DealGone(msgspec.Struct, gc=False):
    deal_id: Id
    version: Number


class AccountGone(msgspec.Struct, gc=False):
    account_id: Id
    version: Number


class LeadGone(msgspec.Struct, gc=False):
    lead_id: Id
    version: Number


class CertificationGone(msgspec.Struct, gc=False):
    completion_id: Id
    version: Number


class PartnerFieldGone(msgspec.Struct, gc=False):
    partner_id: Id
    field: Id
    effective_on: date
    version: Number
