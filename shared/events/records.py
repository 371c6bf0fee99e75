"""The twelve records that upstream systems emit (contract, "Events in"), and their identity.

A record travels as `milepost.<record>.recorded.v1` with its values or as
`milepost.<record>.deleted.v1` with its key and version. Null is absent, extra fields are ignored.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.kernel.money import CURRENCIES

MAX_AMOUNT: Final = Decimal(10) ** 15
MAX_VERSION: Final = 2**63 - 1


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("null_byte", "must not contain a null byte")
    return text


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise PydanticCustomError("currency", "must be an upper-case ISO 4217 currency code")
    return code


Clean = AfterValidator(_without_nul)
Id = Annotated[str, StringConstraints(min_length=1, max_length=200), Clean]
Text = Annotated[str, StringConstraints(max_length=1000), Clean]
Word = Annotated[str, StringConstraints(max_length=200), Clean]
Address = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=320), Clean
]
Currency = Annotated[str, AfterValidator(_known_currency)]
Version = Annotated[int, Field(ge=0, le=MAX_VERSION, strict=True)]
Amount = Annotated[Decimal, Field(ge=0, le=MAX_AMOUNT, decimal_places=2, allow_inf_nan=False)]
Number = Annotated[
    Decimal, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT, decimal_places=6, allow_inf_nan=False)
]
Day = date
"""An ISO date; a time is turned into a day of the organization's zone before it gets here."""

ActivityType = Literal[
    "ad_campaign",
    "email",
    "workflow",
    "microsite",
    "panel",
    "social_post_with_form",
    "custom_activity",
]
DealStatus = Literal["draft", "registered", "approved", "rejected", "closed_won", "closed_lost"]


class Record(BaseModel):
    """Values of one version of a record."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class PartnerUser(Record):
    email: Address
    name: Text | None = None
    role: Literal["admin", "member"]


class Partner(Record):
    partner_id: Id
    version: Version
    name: Text
    groups: Annotated[list[Word], Field(max_length=1000)] | None = None
    users: Annotated[list[PartnerUser], Field(max_length=10_000)] | None = None
    active: bool | None = None


class Deal(Record):
    deal_id: Id
    version: Version
    partner_id: Id
    account_id: Id | None = None
    name: Text | None = None
    deal_type: Word | None = None
    products: Annotated[list[Word], Field(max_length=1000)] | None = None
    status: DealStatus
    amount: Amount | None = None
    currency: Currency | None = None
    registered_on: Day | None = None
    approved_on: Day | None = None
    closed_on: Day | None = None

    @model_validator(mode="after")
    def _priced_in_a_currency(self) -> Self:
        if self.amount is not None and self.currency is None:
            raise PydanticCustomError("currency", "an amount needs a currency", {"at": "currency"})
        return self


class Account(Record):
    account_id: Id
    version: Version
    partner_id: Id
    name: Text
    status: Literal["pending", "approved", "rejected"]
    approved_on: Day | None = None


class Campaign(Record):
    campaign_id: Id
    version: Version
    name: Text
    tags: Annotated[list[Word], Field(max_length=1000)] | None = None


class Lead(Record):
    lead_id: Id
    version: Version
    partner_id: Id
    campaign_id: Id | None = None
    activity_type: ActivityType | None = None
    name: Text | None = None
    email: Address | None = None
    captured_on: Day


class Certification(Record):
    completion_id: Id
    version: Version
    partner_id: Id
    user_id: Id
    certification: Annotated[str, StringConstraints(min_length=1, max_length=200), Clean]
    completed_on: Day


class PartnerField(Record):
    partner_id: Id
    field: Id
    effective_on: Day
    version: Version
    value: Number


class Participant(Record):
    address: Address
    role: Literal["organizer", "sender", "recipient", "attendee"]
    response: Literal["accepted", "tentative", "none", "declined"] | None = None
    joined_at: AwareDatetime | None = None
    left_at: AwareDatetime | None = None
    messages: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = None


class Interaction(Record):
    interaction_id: Id
    version: Version
    kind: Literal["email", "meeting", "call", "chat"]
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    chat_id: Id | None = None
    cancelled: bool | None = None
    participants: Annotated[list[Participant], Field(min_length=1, max_length=20_000)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.kind in ("meeting", "call"):
            if self.ended_at is None:
                raise PydanticCustomError(
                    "ended_at", "a meeting or call needs an end", {"at": "ended_at"}
                )
            if self.ended_at < self.started_at:
                raise PydanticCustomError(
                    "ended_at", "must not be before started_at", {"at": "ended_at"}
                )
        return self


class Person(Record):
    person_id: Address
    effective_on: Day
    version: Version
    name: Text | None = None
    manager_id: Address | None = None
    organization: Word | None = None
    level: Word | None = None
    function: Word | None = None
    time_zone: Word | None = None
    attributes: Annotated[dict[Word, Text], Field(max_length=105)] | None = None
    licensed: bool
    opted_out: bool


class CrmAccount(Record):
    account_id: Id
    effective_on: Day
    version: Version
    name: Text
    annual_revenue: Amount | None = None
    currency: Currency | None = None
    type: Word | None = None


class CrmContact(Record):
    contact_id: Id
    effective_on: Day
    version: Version
    account_id: Id
    email: Address


class SellerAssignment(Record):
    account_id: Id
    seller: Address
    effective_on: Day
    version: Version


@dataclass(frozen=True)
class RecordKind:
    """One kind of record: its model, what identifies it and where it travels."""

    name: str
    model: type[Record]
    keys: tuple[str, ...]
    topic: str
    tombstone: type[Record]
    """The model of a deletion: key fields and version, everything else ignored."""

    @property
    def recorded(self) -> str:
        return f"milepost.{self.name}.recorded.v1"

    @property
    def deleted(self) -> str:
        return f"milepost.{self.name}.deleted.v1"

    def record_id(self, values: Any) -> str:
        """The identity of a record within its kind, from its values (`PARTNER/FIELD/DAY`)."""
        return "/".join(str(getattr(values, key)) for key in self.keys)


def _kind(name: str, model: type[Record], keys: tuple[str, ...], topic: str) -> RecordKind:
    fields: dict[str, Any] = {
        key: (model.model_fields[key].rebuild_annotation(), ...) for key in (*keys, "version")
    }
    tombstone = create_model(f"{model.__name__}Deleted", __base__=Record, **fields)
    return RecordKind(name, model, keys, topic, tombstone)


RECORDS: Final[dict[str, RecordKind]] = {
    kind.name: kind
    for kind in (
        _kind("partner", Partner, ("partner_id",), "milepost.partners.v1"),
        _kind("deal", Deal, ("deal_id",), "milepost.activity.v1"),
        _kind("account", Account, ("account_id",), "milepost.activity.v1"),
        _kind("campaign", Campaign, ("campaign_id",), "milepost.campaigns.v1"),
        _kind("lead", Lead, ("lead_id",), "milepost.activity.v1"),
        _kind("certification", Certification, ("completion_id",), "milepost.activity.v1"),
        _kind(
            "partner_field",
            PartnerField,
            ("partner_id", "field", "effective_on"),
            "milepost.activity.v1",
        ),
        _kind("interaction", Interaction, ("interaction_id",), "milepost.collaboration.v1"),
        _kind("person", Person, ("person_id", "effective_on"), "milepost.people.v1"),
        _kind("crm_account", CrmAccount, ("account_id", "effective_on"), "milepost.crm.v1"),
        _kind("crm_contact", CrmContact, ("contact_id", "effective_on"), "milepost.crm.v1"),
        _kind(
            "seller_assignment",
            SellerAssignment,
            ("account_id", "seller", "effective_on"),
            "milepost.crm.v1",
        ),
    )
}

EVENT_TYPES: Final[dict[str, tuple[RecordKind, bool]]] = {
    event: (kind, deleted)
    for kind in RECORDS.values()
    for event, deleted in ((kind.recorded, False), (kind.deleted, True))
}
"""Event type → its kind of record and whether it is a deletion."""


def model_of(event_type: str) -> type[Record] | None:
    """The model of an event type's data; None for a type that is not known."""
    found = EVENT_TYPES.get(event_type)
    if found is None:
        return None
    kind, deleted = found
    return kind.tombstone if deleted else kind.model


def message_key(event_type: str, values: Any) -> str:
    """The Kafka key: what the order matters for (the partner, where the data names it)."""
    kind, _ = EVENT_TYPES[event_type]
    partner: str | None = getattr(values, "partner_id", None)
    if partner is not None and kind.topic == "milepost.activity.v1":
        return partner
    return kind.record_id(values)


def canonical(values: Record) -> bytes:
    """The one spelling of a version's values: sorted keys, compact, without nulls and extras.

    Two bodies of the same version are compared by it (contract: the greater one counts).
    """
    fields = values.model_dump(exclude_none=True)
    return orjson.dumps(fields, default=_spell, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _spell(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    raise TypeError(f"{type(value).__name__} has no canonical spelling")


def pointer(location: tuple[int | str, ...], prefix: str = "/data") -> str:
    """The JSON pointer (RFC 6901) of a pydantic error location."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return prefix + "".join(f"/{part}" for part in parts)
