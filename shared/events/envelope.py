"""CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_*` headers, the data as value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

Headers = list[tuple[str, bytes]]
_FIXED: Headers = [("ce_specversion", b"1.0"), ("content-type", b"application/json")]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels beside an event's data.

    `accepted_at` is the moment from which the event is known: stamped by ingest or plans from
    the stack's clock, never the event's own `time`.
    """

    id: str
    type: str
    source: str
    accepted_at: datetime
    time: str | None = None
    traceparent: str | None = None


def stamp(moment: datetime) -> str:
    """A moment as it travels in headers and answers: RFC 3339, UTC, microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_headers(envelope: Envelope) -> Headers:
    """The Kafka headers of an event."""
    headers = [
        *_FIXED,
        ("ce_id", envelope.id.encode()),
        ("ce_type", envelope.type.encode()),
        ("ce_source", envelope.source.encode()),
        ("ce_acceptedat", stamp(envelope.accepted_at).encode()),
    ]
    if envelope.time:
        headers.append(("ce_time", envelope.time.encode()))
    if envelope.traceparent:
        headers.append(("traceparent", envelope.traceparent.encode()))
    return headers


def from_headers(headers: Iterable[tuple[str, bytes]]) -> Envelope:
    """Read the envelope of an event that a Milepost service published.

    Raises ValueError naming the header that is missing or broken.
    """
    found: Mapping[str, bytes] = dict(headers)
    try:
        return Envelope(
            id=found["ce_id"].decode(),
            type=found["ce_type"].decode(),
            source=found["ce_source"].decode(),
            accepted_at=datetime.fromisoformat(found["ce_acceptedat"].decode()),
            time=_text(found.get("ce_time")),
            traceparent=_text(found.get("traceparent")),
        )
    except KeyError as missing:
        raise ValueError(f"the header {missing.args[0]} is missing") from None
    except (UnicodeDecodeError, ValueError) as broken:
        raise ValueError(f"a header cannot be read: {broken}") from None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
