"""The twelve records that upstream systems emit (contract, "Events in"), and their identity.

A record travels as `milepost.<record>.recorded.v1` with its values or as
`milepost.<record>.deleted.v1` with its key and version. Null is absent, extra fields are ignored.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, get_type_hints

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from shared.events.values import (
    Address,
    Amount,
    Currency,
    Day,
    Email,
    Id,
    Moment,
    Number,
    PersonAddress,
    Text,
    Version,
    Word,
    ZoneName,
)

MOST_ERRORS: Final = 50
"""How many errors are told of one event; beyond that more of them help nobody."""

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


class Fault(NamedTuple):
    """What is wrong between two fields, and with which of them."""

    field: str
    detail: str


class Record(BaseModel):
    """Values of one version of a record."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    @staticmethod
    def fault(values: Any) -> Fault | None:  # noqa: ARG004 - most kinds have no such rule
        """What does not go together; takes anything with the record's fields as attributes."""
        return None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        fault = self.fault(self)
        if fault is not None:
            raise PydanticCustomError("fault", fault.detail, {"at": fault.field})
        return self


class PartnerUser(Record):
    email: Email
    name: Text | None = None
    role: Literal["admin", "member"]
    locale: Word | None = None
    """In which language to write: `de`, `en-GB`. Others than mails are written in do no harm."""


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

    @staticmethod
    def fault(values: Any) -> Fault | None:
        if values.amount is not None and values.currency is None:
            return Fault("currency", "an amount needs a currency")
        return None


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
    email: Email | None = None
    captured_on: Day


class Certification(Record):
    completion_id: Id
    version: Version
    partner_id: Id
    user_id: Id
    certification: Id
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
    joined_at: Moment | None = None
    left_at: Moment | None = None
    messages: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None


class Interaction(Record):
    interaction_id: Id
    version: Version
    kind: Literal["email", "meeting", "call", "chat"]
    started_at: Moment
    ended_at: Moment | None = None
    chat_id: Id | None = None
    cancelled: bool | None = None
    participants: Annotated[list[Participant], Field(min_length=1, max_length=20_000)]

    @staticmethod
    def fault(values: Any) -> Fault | None:
        if values.kind not in ("meeting", "call"):
            return None
        if values.ended_at is None:
            return Fault("ended_at", "is required of a meeting or a call")
        if values.ended_at < values.started_at:
            return Fault("ended_at", "must not be before started_at")
        return None


class Person(Record):
    person_id: PersonAddress
    effective_on: Day
    version: Version
    name: Text | None = None
    manager_id: PersonAddress | None = None
    organization: Word | None = None
    level: Word | None = None
    function: Word | None = None
    time_zone: ZoneName | None = None
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
    email: PersonAddress


class SellerAssignment(Record):
    account_id: Id
    seller: PersonAddress
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
    hints = get_type_hints(model, include_extras=True)
    fields: dict[str, Any] = {key: (hints[key], ...) for key in (*keys, "version")}
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
    return _SPELLING.encode(values.model_dump(exclude_none=True))


_SPELLING: Final = msgspec.json.Encoder(order="sorted", decimal_format="string")


def pointer(location: tuple[int | str, ...], prefix: str = "/data") -> str:
    """The JSON pointer (RFC 6901) of a pydantic error location."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return prefix + "".join(f"/{part}" for part in parts)


def describe(failure: ValidationError, prefix: str = "/data") -> list[dict[str, str]]:
    """What is wrong with a body, as `{"pointer", "detail"}`; the values themselves are not told."""
    found = failure.errors(include_url=False, include_context=True)[:MOST_ERRORS]
    return [_described(error, prefix) for error in found]


def _described(error: ErrorDetails, prefix: str) -> dict[str, str]:
    location = error["loc"]
    if location and location[-1] == "[key]":  # pydantic's word for a dict's key
        location = location[:-1]
    at = error.get("ctx", {}).get("at")
    if at is not None:
        location = (*location, at)
    absent = error["type"] == "missing" or (error["input"] is None and location)
    detail = "is required" if absent else _plainly(error["msg"])
    return {"pointer": pointer(location, prefix), "detail": detail}


def _plainly(message: str) -> str:
    for technical, plain in _WORDS.items():
        if message.startswith(technical):
            return plain + message.removeprefix(technical)
    return message


_WORDS: Final = {
    "Input should be": "must be",
    "String should": "must",
    "List should": "must",
    "Dictionary should": "must",
}
