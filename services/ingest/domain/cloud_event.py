"""What makes a CloudEvent acceptable, examined at leisure: every fault gets its JSON pointer.

This is the truth about events; the fast lane only takes a short cut to the same answer.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from services.ingest.domain.reading import UnreadableError, read_json
from shared.events.records import EVENT_TYPES, canonical, describe, message_key, model_of
from shared.events.values import Legible, moment_of

Fault = dict[str, str]
"""`{"pointer", "detail"}`."""

MAX_ID: Final = 500
MAX_SOURCE: Final = 1000
MAX_TIME: Final = 64
MAX_VALUE: Final = 900_000
"""Bytes of canonical data: what fits a Kafka message as brokers are set by default."""
_JSON = re.compile(r"application/([\w.+-]+\+)?json", re.IGNORECASE)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Event(NamedTuple):
    """An event that can be published: where to, and its data in its one spelling."""

    id: str
    type: str
    source: str
    time: str | None
    traceparent: str | None
    topic: str
    key: str
    value: bytes


@dataclass(frozen=True)
class Rejection:
    """An event that cannot be, and why; id and type as far as they could be read."""

    errors: list[Fault]
    id: str | None = None
    type: str | None = None

    @property
    def is_of_unknown_type(self) -> bool:
        """Whether it names a type, and not one of ours."""
        return self.type is not None and self.type not in EVENT_TYPES


def _json_only(media_type: str) -> str:
    if not is_json(media_type):
        raise PydanticCustomError("datacontenttype", "must be a JSON media type")
    return media_type


def _moment(text: str) -> str:
    moment_of(text)
    return text


def _not_blank(text: str) -> str:
    if text.isspace():
        raise PydanticCustomError("blank", "must not be blank")
    return text


_Name = (StringConstraints(strict=True, min_length=1, max_length=MAX_ID), Legible)


class _Attributes(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    specversion: Literal["1.0"]
    id: Annotated[str, *_Name, AfterValidator(_not_blank)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE), Legible]
    type: Annotated[str, *_Name]
    time: Annotated[str, StringConstraints(max_length=MAX_TIME), AfterValidator(_moment)] | None = (
        None
    )
    datacontenttype: Annotated[str, AfterValidator(_json_only)] | None = None
    data: dict[str, Any]


def is_json(media_type: str) -> bool:
    """Whether a content type says JSON, parameters aside."""
    return bool(_JSON.fullmatch(media_type.partition(";")[0].strip()))


def examine(raw: bytes, zone: ZoneInfo) -> Event | Rejection:
    """An event in structured mode: what to publish, or all that is wrong with it."""
    try:
        found = read_json(raw)
    except UnreadableError as failure:
        return Rejection([{"pointer": "", "detail": str(failure)}])
    return examine_event(found, zone)


def examine_event(found: Any, zone: ZoneInfo) -> Event | Rejection:
    """Like `examine`, of an event that is read already."""
    if not isinstance(found, dict):
        return Rejection([{"pointer": "", "detail": "an event is a JSON object"}])
    errors: list[Fault] = []
    attributes = _attributes_of(found, errors)
    kind, data = found.get("type"), found.get("data")
    value_and_key = None
    if isinstance(kind, str) and kind and kind not in EVENT_TYPES:
        errors.append({"pointer": "/type", "detail": "is no type of event that is known here"})
    elif isinstance(kind, str) and isinstance(data, dict):
        value_and_key = spell_data(kind, data, zone, errors)
    if attributes is None or value_and_key is None:
        return Rejection(errors, _text(found.get("id")), _text(kind))
    return _event(attributes, found, *value_and_key)


def with_attributes(found: dict[str, str], value: bytes, key: str) -> Event | None:
    """The event of data that is in order, if its attributes are, too."""
    attributes = _attributes_of({**found, "data": {}}, [])
    return None if attributes is None else _event(attributes, found, value, key)


def _event(attributes: "_Attributes", found: dict[str, Any], value: bytes, key: str) -> Event:
    return Event(
        attributes.id,
        attributes.type,
        attributes.source,
        attributes.time,
        traceparent_of(found.get("traceparent")),
        EVENT_TYPES[attributes.type][0].topic,
        key,
        value,
    )


def _attributes_of(found: dict[str, Any], errors: list[Fault]) -> _Attributes | None:
    try:
        return _Attributes.model_validate(found)
    except ValidationError as failure:
        errors += describe(failure, prefix="")
        return None


def spell_data(
    event_type: str, data: dict[str, Any], zone: ZoneInfo, errors: list[Fault]
) -> tuple[bytes, str] | None:
    """The canonical data and the message key; or None, and what is wrong added to `errors`."""
    model = model_of(event_type)
    if model is None:
        return None
    try:
        values = model.model_validate(data, context={"zone": zone})
    except ValidationError as failure:
        errors += describe(failure)
        return None
    value = canonical(values)
    if len(value) > MAX_VALUE:
        errors.append({"pointer": "/data", "detail": f"must be less than {MAX_VALUE} bytes"})
        return None
    return value, message_key(event_type, values)


def traceparent_of(value: object) -> str | None:
    """A trace context that can be passed on; anything else is an extension that means nothing."""
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        return None
    # A lone surrogate is no text that an answer could be written with.
    return value if value.isprintable() else None
