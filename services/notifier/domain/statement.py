"""The statement that progress gives for a tick, and the deliveries that follow from it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec

from services.notifier.domain.address import AddressRefusedError, checked, normal
from services.notifier.domain.delivery import (
    PARTNER_PROGRESS,
    SELLER_INSIGHTS,
    State,
    delivery_id,
    message_id,
)
from services.notifier.domain.insight_statement import Insights

_RECORD: Final = "^(account|deal|lead|certification|partner_field)/"
MAX_NAME = 1000
MAX_LOCALE = 35
"""Characters of a name and of a locale that are kept."""


class Quarter(msgspec.Struct, frozen=True):
    quarter: int
    starts: date
    ends: date
    value: str
    target: str | None = None
    percent: str | None = None


class Goal(msgspec.Struct, frozen=True):
    name: str
    unit: str
    value: str
    goal_id: str = ""
    target: str | None = None
    percent: str | None = None
    quarters: list[Quarter] = []


class GoalGroup(msgspec.Struct, frozen=True):
    name: str
    goals: list[Goal] = []


class Progress(msgspec.Struct, frozen=True):
    """The part of a plan's progress that a mail shows; other fields are ignored."""

    start_date: date
    end_date: date
    goal_groups: list[GoalGroup] = []


class CorrectedRecord(msgspec.Struct, frozen=True):
    """A record that made a figure another; how, says `change`."""

    record: Annotated[str, msgspec.Meta(pattern=_RECORD)]
    """Kind and id, such as deal/d1."""
    change: Literal["gone", "changed", "came_late", "added"]
    name: str | None = None
    was: str | None = None
    value: str | None = None


class Correction(msgspec.Struct, frozen=True):
    """A figure of an earlier mail that is another by now, for the year or for one quarter."""

    goal_id: str
    unit: str
    day: date
    was: str
    value: str
    quarter: int | None = None
    records: list[CorrectedRecord] = []
    more: int = 0


class Recipient(msgspec.Struct, frozen=True):
    email: str
    name: str | None = None
    locale: str | None = None


class Statement(msgspec.Struct, frozen=True):
    """What a tick's mail says and to whom it goes, both as of the due time."""

    tick_id: str
    plan_id: str
    period: str
    due_at: datetime
    strategy_name: str = ""
    recipients: list[Recipient] = []
    reason: str | None = None
    progress: Progress | None = None
    corrections: list[Correction] = []
    kind: str = "partner"
    participant_id: str | None = None
    plan_name: str = ""
    cadence: str = "monthly"
    insights: Insights | None = None

    @property
    def stream(self) -> str:
        """The stream that its mails belong to."""
        return SELLER_INSIGHTS if self.kind == "seller" else PARTNER_PROGRESS

    @property
    def has_content(self) -> bool:
        """Whether there is anything to write."""
        return self.progress is not None or self.insights is not None


class StatementBrokenError(ValueError):
    """The statement is not what the contract says; the message names the place."""


_decoder = msgspec.json.Decoder(Statement)


def read_statement(content: bytes | str) -> Statement:
    """Read a statement. Raises StatementBrokenError."""
    try:
        return _decoder.decode(content)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeError) as failure:
        raise StatementBrokenError(str(failure)) from None


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One mail to one recipient; FAILED from the start where the address cannot be written to."""

    delivery_id: str
    recipient: str
    recipient_name: str
    message_id: str
    locale: str | None = None
    state: State = State.PLANNED
    error: str | None = None


def plan_deliveries(statement: Statement, *, domain: str) -> list[PlannedDelivery]:
    """One delivery per distinct address, whatever its case; [] when none is due."""
    if not statement.has_content:
        return []
    stream = statement.stream
    known: dict[str, Recipient] = {}
    for recipient in statement.recipients:
        known.setdefault(_stored(normal(recipient.email)), recipient)
    return [_plan_one(statement, stream, domain, address, who) for address, who in known.items()]


def _plan_one(
    statement: Statement, stream: str, domain: str, address: str, who: Recipient
) -> PlannedDelivery:
    # Of a private stream not even a hash of the address goes into ids, which outlast it.
    whom = statement.participant_id or address
    key = delivery_id(stream, statement.plan_id, statement.period, whom)
    state, error = State.PLANNED, None
    try:
        checked(address)
    except AddressRefusedError as refusal:
        state, error = State.FAILED, f"address: {refusal}"
    return PlannedDelivery(
        key,
        address,
        _stored(who.name or "")[:MAX_NAME],
        message_id(key, domain),
        _stored(who.locale or "")[:MAX_LOCALE] or None,
        state=state,
        error=error,
    )


def _stored(text: str) -> str:
    """PostgreSQL's text holds no null bytes."""
    return text.replace("\x00", "\ufffd")


def skip_reason(statement: Statement) -> str:
    """Why a tick whose statement yields no delivery sends nothing."""
    if statement.reason:
        return statement.reason
    if not statement.recipients:
        return "no_recipients"
    return "no_insights" if statement.stream == SELLER_INSIGHTS else "no_progress"
