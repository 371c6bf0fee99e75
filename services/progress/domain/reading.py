"""Reading events into versions: the hot path, so typed structs and no model per event.

Values arrive canonical (ingest and plans spell them), and the body is kept as it arrived. What
the structs refuse is looked at again with the full models, which say what is wrong with it, or
spell it canonically where only the spelling was unusual.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from pydantic import ValidationError

from services.progress.domain.told import (
    Account,
    AccountGone,
    Campaign,
    Certification,
    CertificationGone,
    CrmAccount,
    CrmAccountGone,
    CrmContact,
    CrmContactGone,
    Deal,
    DealGone,
    Lead,
    LeadGone,
    Participation,
    Partner,
    PartnerField,
    PartnerFieldGone,
    Person,
    PersonGone,
    Plan,
    SellerAssignment,
    SellerPlan,
    SellerTick,
    Strategy,
    Tick,
)
from services.progress.domain.version import FIELD_SEPARATOR, BrokenEventError, Version
from shared.events import plans, seller_plans
from shared.events import records as upstream

Headers: TypeAlias = Iterable[tuple[str, bytes]]

APPROVED: Final = frozenset({"approved", "closed_won", "closed_lost"})
_ESCAPED_NUL: Final = b"\\u0000"
_MOMENTS_KEPT: Final = 4096


def _array(labels: list[str] | None) -> str | None:
    """PostgreSQL's spelling of a list, which it reads faster than the driver encodes an array."""
    if labels is None:
        return None
    quoted = ['"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in labels]
    return "{" + ",".join(quoted) + "}"


def _deal(d: Deal, known: datetime, body: str) -> Version:
    return Version(
        known,
        d.version,
        d.approved_on if d.status in APPROVED else None,
        d.closed_on if d.status == "closed_won" else None,
        False,
        d.deal_id,
        "deal",
        d.partner_id,
        None if d.amount is None else str(d.amount),
        d.currency,
        d.deal_type,
        _array(d.products),
        None,
        None,
        None,
        None,
        body,
    )


def _version(
    known: datetime,
    kind: str,
    record_id: str,
    version: int,
    body: str,
    *,
    deleted: bool = False,
    partner_id: str | None = None,
    day: date | None = None,
    amount: str | None = None,
    labels: list[str] | None = None,
    campaign_id: str | None = None,
    activity_type: str | None = None,
    user_id: str | None = None,
    subject: str | None = None,
) -> Version:
    return Version(
        known,
        version,
        day,
        None,
        deleted,
        record_id,
        kind,
        partner_id,
        amount,
        None,
        None,
        _array(labels),
        campaign_id,
        activity_type,
        user_id,
        subject,
        body,
    )


def _account(a: Account, known: datetime, body: str) -> Version:
    day = a.approved_on if a.status == "approved" else None
    return _version(
        known, "account", a.account_id, a.version, body, partner_id=a.partner_id, day=day
    )


def _lead(read: Lead, known: datetime, body: str) -> Version:
    return _version(
        known,
        "lead",
        read.lead_id,
        read.version,
        body,
        partner_id=read.partner_id,
        day=read.captured_on,
        campaign_id=read.campaign_id,
        activity_type=read.activity_type,
    )


def _certification(c: Certification, known: datetime, body: str) -> Version:
    return _version(
        known,
        "certification",
        c.completion_id,
        c.version,
        body,
        partner_id=c.partner_id,
        day=c.completed_on,
        user_id=c.user_id,
        subject=c.certification,
    )


def _field_id(f: PartnerField | PartnerFieldGone) -> str:
    return FIELD_SEPARATOR.join((f.partner_id, f.field, f.effective_on.isoformat()))


def _partner_field(f: PartnerField, known: datetime, body: str) -> Version:
    return _version(
        known,
        "partner_field",
        _field_id(f),
        f.version,
        body,
        partner_id=f.partner_id,
        day=f.effective_on,
        amount=str(f.value),
        subject=f.field,
    )


def _field_gone(f: PartnerFieldGone, known: datetime, body: str) -> Version:
    return _version(
        known,
        "partner_field",
        _field_id(f),
        f.version,
        body,
        deleted=True,
        partner_id=f.partner_id,
        day=f.effective_on,
        subject=f.field,
    )


def _partner(p: Partner, known: datetime, body: str) -> Version:
    return _version(known, "partner", p.partner_id, p.version, body)


def _partner_gone(p: Partner, known: datetime, body: str) -> Version:
    return _version(known, "partner", p.partner_id, p.version, body, deleted=True)


def _campaign(c: Campaign, known: datetime, body: str) -> Version:
    return _version(known, "campaign", c.campaign_id, c.version, body, labels=c.tags or [])


def _campaign_gone(c: Campaign, known: datetime, body: str) -> Version:
    return _version(known, "campaign", c.campaign_id, c.version, body, deleted=True)


def _strategy(s: Strategy, known: datetime, body: str) -> Version:
    record_id = str(s.strategy_id)
    return _version(
        known, "strategy", record_id, s.version, body, deleted=s.deleted, day=s.start_date
    )


def _plan(p: Plan, known: datetime, body: str) -> Version:
    return _version(
        known,
        "plan",
        str(p.plan_id),
        p.version,
        body,
        deleted=p.deleted,
        partner_id=p.partner_id,
        subject=str(p.strategy_id),
    )


def _effective(
    kind: str, *keys: str, deleted: bool = False
) -> Callable[[Any, datetime, str], Version]:
    """How to build versions of what is effective from a day on: the day is part of the id."""

    def build(read: Any, known: datetime, body: str) -> Version:
        day: date = read.effective_on
        parts = (*(getattr(read, key) for key in keys), day.isoformat())
        return _version(
            known, kind, FIELD_SEPARATOR.join(parts), read.version, body, deleted=deleted, day=day
        )

    return build


def _seller_plan(p: SellerPlan, known: datetime, body: str) -> Version:
    record_id = str(p.seller_plan_id)
    return _version(known, "seller_plan", record_id, p.version, body, day=p.start_date)


def _participation(p: Participation, known: datetime, body: str) -> Version:
    subject = str(p.seller_plan_id)
    record_id = str(p.participant_id)
    return _version(known, "participant", record_id, p.version, body, subject=subject)


def _gone(kind: str, key: str) -> Callable[[Any, datetime, str], Version]:
    def build(read: Any, known: datetime, body: str) -> Version:
        return _version(known, kind, getattr(read, key), read.version, body, deleted=True)

    return build


class _Reader(NamedTuple):
    decode: Callable[[bytes], Any]
    build: Callable[[Any, datetime, str], Version]


def _reader(struct: type, build: Callable[[Any, datetime, str], Version]) -> _Reader:
    return _Reader(msgspec.json.Decoder(struct).decode, build)


def _type(kind: str, *, deleted: bool = False) -> bytes:
    record = upstream.RECORDS[kind]
    return (record.deleted if deleted else record.recorded).encode()


READERS: Final[dict[bytes, _Reader]] = {
    _type("deal"): _reader(Deal, _deal),
    _type("account"): _reader(Account, _account),
    _type("lead"): _reader(Lead, _lead),
    _type("certification"): _reader(Certification, _certification),
    _type("partner_field"): _reader(PartnerField, _partner_field),
    _type("partner"): _reader(Partner, _partner),
    _type("campaign"): _reader(Campaign, _campaign),
    _type("deal", deleted=True): _reader(DealGone, _gone("deal", "deal_id")),
    _type("account", deleted=True): _reader(AccountGone, _gone("account", "account_id")),
    _type("lead", deleted=True): _reader(LeadGone, _gone("lead", "lead_id")),
    _type("certification", deleted=True): _reader(
        CertificationGone, _gone("certification", "completion_id")
    ),
    _type("partner_field", deleted=True): _reader(PartnerFieldGone, _field_gone),
    _type("partner", deleted=True): _reader(Partner, _partner_gone),
    _type("campaign", deleted=True): _reader(Campaign, _campaign_gone),
    _type("person"): _reader(Person, _effective("person", "person_id")),
    _type("crm_account"): _reader(CrmAccount, _effective("crm_account", "account_id")),
    _type("crm_contact"): _reader(CrmContact, _effective("crm_contact", "contact_id")),
    _type("seller_assignment"): _reader(
        SellerAssignment, _effective("seller_assignment", "account_id", "seller")
    ),
    _type("person", deleted=True): _reader(
        PersonGone, _effective("person", "person_id", deleted=True)
    ),
    _type("crm_account", deleted=True): _reader(
        CrmAccountGone, _effective("crm_account", "account_id", deleted=True)
    ),
    _type("crm_contact", deleted=True): _reader(
        CrmContactGone, _effective("crm_contact", "contact_id", deleted=True)
    ),
    _type("seller_assignment", deleted=True): _reader(
        SellerAssignment, _effective("seller_assignment", "account_id", "seller", deleted=True)
    ),
    seller_plans.SELLER_PLAN_DEFINED.encode(): _reader(SellerPlan, _seller_plan),
    seller_plans.PARTICIPANT_CHANGED.encode(): _reader(Participation, _participation),
    plans.STRATEGY_DEFINED.encode(): _reader(Strategy, _strategy),
    plans.PLAN_DEFINED.encode(): _reader(Plan, _plan),
}
"""How to read the value of each type of event that the ledger takes."""

_SNAPSHOTS: Final[dict[str, type[plans.Payload]]] = {
    plans.STRATEGY_DEFINED: plans.StrategySnapshot,
    plans.PLAN_DEFINED: plans.PlanSnapshot,
    seller_plans.SELLER_PLAN_DEFINED: seller_plans.SellerPlanSnapshot,
    seller_plans.PARTICIPANT_CHANGED: seller_plans.ParticipantChanged,
}
_OWN_TYPES: Final = {
    "strategy": plans.STRATEGY_DEFINED,
    "plan": plans.PLAN_DEFINED,
    "seller_plan": seller_plans.SELLER_PLAN_DEFINED,
    "participant": seller_plans.PARTICIPANT_CHANGED,
}
"""Kinds that upstream does not tell, and the types of their events."""
_TICKS: Final[dict[bytes, Callable[[bytes], Tick | SellerTick]]] = {
    plans.TICK_DUE.encode(): msgspec.json.Decoder(Tick).decode,
    seller_plans.SELLER_TICK_DUE.encode(): msgspec.json.Decoder(SellerTick).decode,
}


class Moments:
    """Reads moments of acceptance; those of one request are the same, so the last are kept."""

    def __init__(self) -> None:
        self._kept: dict[bytes, datetime] = {}

    def read(self, text: bytes | None) -> datetime:
        """The moment that a `ce_acceptedat` header holds. Raises BrokenEventError."""
        found = self._kept.get(text) if text is not None else None
        return found or self._read_new(text)

    def _read_new(self, text: bytes | None) -> datetime:
        try:
            moment = datetime.fromisoformat((text or b"").decode())
        except ValueError:
            raise BrokenEventError.at("", "the header ce_acceptedat cannot be read") from None
        if moment.tzinfo is None:
            raise BrokenEventError.at("", "the header ce_acceptedat has no offset")
        if len(self._kept) >= _MOMENTS_KEPT:
            self._kept.clear()
        self._kept[text or b""] = moment
        return moment


def read_version(headers: Headers, value: bytes | None, moments: Moments) -> Version | None:
    """The version that an event tells; None for a type that the ledger does not take.

    Raises BrokenEventError when it is of a known type and cannot be read.
    """
    found = dict(headers)
    event_type = found.get("ce_type", b"")
    reader = READERS.get(event_type)
    if reader is None:
        return None
    known_from = moments.read(found.get("ce_acceptedat"))
    try:
        body = (value or b"").decode()
        read = reader.decode(body.encode() if value is None else value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        return _read_with_care(event_type.decode(), value or b"", known_from, failure)
    version = reader.build(read, known_from, body)
    if value is not None and _ESCAPED_NUL in value:
        _refuse_nul(version)
    return version


def _read_with_care(
    event_type: str, value: bytes, known_from: datetime, failure: Exception
) -> Version:
    """Say what is wrong, field by field; or read what a full model spells canonically."""
    model: Any = upstream.model_of(event_type)
    try:
        if model is not None:
            spelled = upstream.canonical(model.model_validate_json(value))
        else:
            spelled = _SNAPSHOTS[event_type].model_validate_json(value).value()
    except ValidationError as found:
        raise BrokenEventError(*upstream.describe(found, prefix="")) from None
    reader = READERS[event_type.encode()]
    try:
        return reader.build(reader.decode(spelled), known_from, spelled.decode())
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BrokenEventError.at("", str(failure)) from None


def _refuse_nul(version: Version) -> None:
    for name, value in version._asdict().items():
        if isinstance(value, str) and "\x00" in value:
            raise BrokenEventError.at(f"/{name}", "must not contain a null byte")


def read_tick(headers: Headers, value: bytes | None) -> Tick | SellerTick | None:
    """The tick that an event tells; None for another type. Raises BrokenEventError."""
    decode = _TICKS.get(dict(headers).get("ce_type", b""))
    if decode is None:
        return None
    try:
        return decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise BrokenEventError.at("", str(failure)) from None


def type_of(version: Version) -> str:
    """The type of the event that told a version."""
    if version.kind in _OWN_TYPES:
        return _OWN_TYPES[version.kind]
    record = upstream.RECORDS[version.kind]
    return record.deleted if version.deleted else record.recorded
