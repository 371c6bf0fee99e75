"""Events on the raw inbound topic, in CloudEvents' structured or binary mode."""

from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from services.ingest.domain.cloud_event import Event, Rejection, examine_event, with_attributes
from services.ingest.domain.fast_lane import take_data
from services.ingest.domain.intake import SINGLE, take_in
from services.ingest.domain.reading import UnreadableError, read_json
from shared.messaging.message import Record

PREFIX: Final = "ce_"


def read_record(record: Record, zone: ZoneInfo) -> Event | Rejection:
    """What to publish for a record of the inbound topic, or what is wrong with it."""
    try:
        headers = dict(_that_matter(record))
    except UnicodeDecodeError:
        return Rejection([_fault("", "a header is not valid UTF-8")])
    if record.value is None:
        return Rejection(
            [_fault("", "the message has no value")], headers.get("ce_id"), headers.get("ce_type")
        )
    media_type = headers.get("content-type", "")
    binary = any(name.startswith(PREFIX) for name in headers)
    if media_type.lower().startswith(SINGLE) or not binary:
        return take_in(record.value, zone)
    attributes = {
        name.removeprefix(PREFIX): value
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }
    if media_type:
        attributes["datacontenttype"] = media_type
    if "traceparent" in headers:
        attributes["traceparent"] = headers["traceparent"]
    return _read_binary(attributes, record.value, zone)


def _that_matter(record: Record) -> Iterator[tuple[str, str]]:
    """The headers that say something of the event. Raises UnicodeDecodeError."""
    for name, value in record.headers:
        known = name.lower()
        if known.startswith(PREFIX) or known in ("content-type", "traceparent"):
            yield known, (value or b"").decode()


def _read_binary(attributes: dict[str, str], value: bytes, zone: ZoneInfo) -> Event | Rejection:
    event_type = attributes.get("type", "")
    short = take_data(event_type, value)
    if short is not None:
        event = with_attributes(attributes, *short)
        if event is not None:
            return event
    try:
        data = read_json(value)
    except UnreadableError as failure:
        fault = _fault("/data", str(failure))
        return Rejection([fault], attributes.get("id"), attributes.get("type"))
    return examine_event({**attributes, "data": data}, zone)


def _fault(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}
