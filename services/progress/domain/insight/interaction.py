"""Reading interactions: who was there, and what each one's part in it was (insight rules, 3).

Addresses come trimmed and in lower case from ingest. An interaction that counts for nobody – it was
cancelled, nobody else was there, 250 people were, or a meeting lasted eight hours – has no parts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from services.progress.domain.reading import Headers, Moments
from services.progress.domain.told import Id, Number
from services.progress.domain.version import BrokenEventError
from shared.events import records as upstream

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
ORGANIZER, SENDER, OTHER = 1, 2, 3
RESPONSES: Final = {"accepted": 2, "tentative": 3, "none": 4, None: 4}
ROLES: Final = {"organizer": ORGANIZER, "sender": SENDER, "recipient": OTHER, "attendee": OTHER}
DECLINED: Final = "declined"
BOOKED: Final = ("meeting", "call")
_ESCAPED_NUL: Final = b"\\u0000"
_KIND: Final = upstream.RECORDS["interaction"]


class Participant(msgspec.Struct, gc=False):
    address: Id
    role: str
    response: str | None = None
    joined_at: Moment | None = None
    left_at: Moment | None = None
    messages: int | None = None


class Interaction(msgspec.Struct, gc=False):
    interaction_id: Id
    version: Number
    kind: str
    started_at: Moment
    participants: list[Participant]
    ended_at: Moment | None = None
    chat_id: str | None = None
    cancelled: bool = False


class InteractionGone(msgspec.Struct, gc=False):
    interaction_id: Id
    version: Number


class Part(NamedTuple):
    """One person's part in an interaction, in the order of the columns it is written to."""

    person: str
    own_from: datetime
    own_until: datetime | None
    role_rank: int
    response_rank: int
    is_sender: bool
    own_messages: int


class TakenInteraction(NamedTuple):
    """A version of an interaction; `parts` are empty when it counts for nobody."""

    known_from: datetime
    version: int
    record_id: str
    deleted: bool
    body: str
    kind: str = "interaction"
    partner_id: str | None = None
    activity: str | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    chat_id: str | None = None
    all_messages: int = 0
    parts: Sequence[Part] = ()


@dataclass(frozen=True)
class Bounds:
    """Which interactions count at all."""

    people: int = 250
    """From so many on it is an audience."""
    length: timedelta = timedelta(hours=8)
    """From so long on a meeting or call is no appointment."""


_decode: Final = msgspec.json.Decoder(Interaction).decode
_decode_gone: Final = msgspec.json.Decoder(InteractionGone).decode
_TYPES: Final = {_KIND.recorded.encode(): False, _KIND.deleted.encode(): True}


def read_interaction(
    headers: Headers, value: bytes | None, moments: Moments, bounds: Bounds
) -> TakenInteraction | None:
    """The version that an event tells; None for another type. Raises BrokenEventError."""
    found = dict(headers)
    deleted = _TYPES.get(found.get("ce_type", b""))
    if deleted is None:
        return None
    known_from, content = moments.read(found.get("ce_acceptedat")), value or b""
    if _ESCAPED_NUL in content:
        raise BrokenEventError.at("", "must not contain a null byte")
    try:
        return _read(content, known_from, bounds, deleted=deleted)
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as failure:
        return _read_with_care(content, known_from, bounds, failure, deleted=deleted)


def _read(
    content: bytes, known_from: datetime, bounds: Bounds, *, deleted: bool
) -> TakenInteraction:
    body = content.decode()
    if deleted:
        gone = _decode_gone(content)
        return TakenInteraction(known_from, gone.version, gone.interaction_id, True, body)
    read = _decode(content)
    parts = parts_of(read, bounds)
    return TakenInteraction(
        known_from,
        read.version,
        read.interaction_id,
        False,
        body,
        "interaction",
        None,
        read.kind,
        read.started_at,
        read.ended_at,
        read.chat_id,
        sum(part.own_messages for part in parts),
        parts,
    )


def _read_with_care(
    content: bytes, known_from: datetime, bounds: Bounds, failure: Exception, *, deleted: bool
) -> TakenInteraction:
    """Say what is wrong, field by field; or read what the full model spells canonically."""
    model = _KIND.tombstone if deleted else _KIND.model
    try:
        spelled = upstream.canonical(model.model_validate_json(content))
        return _read(spelled, known_from, bounds, deleted=deleted)
    except ValidationError as found:
        raise BrokenEventError(*upstream.describe(found, prefix="")) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        raise BrokenEventError.at("", str(failure)) from None


def parts_of(read: Interaction, bounds: Bounds) -> list[Part]:
    """Who was there, by address; [] when the interaction counts for nobody."""
    if read.cancelled or not _has_length(read, bounds):
        return []
    listed: dict[str, list[Participant]] = {}
    for one in read.participants:
        listed.setdefault(one.address, []).append(one)
    parts = [_part(read, address, listed[address]) for address in sorted(listed)]
    there = [part for part in parts if part is not None]
    return there if 2 <= len(there) < bounds.people else []  # noqa: PLR2004 - nobody else


def _has_length(read: Interaction, bounds: Bounds) -> bool:
    if read.kind not in BOOKED:
        return True
    if read.ended_at is None:
        return False
    return timedelta() < read.ended_at - read.started_at < bounds.length


def _part(read: Interaction, address: str, listed: Sequence[Participant]) -> Part | None:
    """The strongest role and best response of who is listed several times; None: was not there."""
    role = min(ROLES[one.role] for one in listed)
    responses = [RESPONSES[one.response] for one in listed if one.response != DECLINED]
    if role == ORGANIZER:
        responses = [ORGANIZER]
    if not responses:
        return None
    is_sender = any(one.role == "sender" for one in listed)
    messages = _messages(listed, is_sender=is_sender) if read.kind == "chat" else 0
    own_from, own_until = _own_bounds(read, listed)
    return Part(address, own_from, own_until, role, min(responses), is_sender, messages)


def _messages(listed: Iterable[Participant], *, is_sender: bool) -> int:
    given = [one.messages for one in listed if one.messages is not None]
    return sum(given) if given else int(is_sender)


def _own_bounds(
    read: Interaction, listed: Iterable[Participant]
) -> tuple[datetime, datetime | None]:
    if read.kind not in BOOKED:
        return read.started_at, None
    if read.kind == "meeting":
        return read.started_at, read.ended_at
    joined = [one.joined_at for one in listed if one.joined_at is not None]
    left = [one.left_at for one in listed if one.left_at is not None]
    return (
        min(joined) if joined else read.started_at,
        max(left) if left else read.ended_at,
    )
