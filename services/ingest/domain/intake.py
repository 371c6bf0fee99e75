"""Taking events out of a body: one after the other, each by the shortest way that is safe."""

from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from services.ingest.domain.cloud_event import Event, Rejection, examine
from services.ingest.domain.fast_lane import take
from services.ingest.domain.reading import UnreadableError, read_json

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
LINES: Final = "application/x-ndjson"
FORMS: Final = (SINGLE, BATCH, LINES)
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_read_batch = msgspec.json.Decoder(list[msgspec.Raw]).decode


def split(body: bytes, form: str) -> list[bytes]:
    """The events of a body, each still a text. Raises UnreadableError for a batch that is none."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    if form == LINES:
        return [line for line in body.split(b"\n") if line and not line.isspace()]
    if form == SINGLE:
        return [body] if body.strip() else []
    try:
        return [bytes(item) for item in _read_batch(body)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _batch_at_leisure(body)


def _batch_at_leisure(body: bytes) -> list[bytes]:
    """Says what is wrong with a batch."""
    if not isinstance(read_json(body), list):
        raise UnreadableError("a batch is a JSON array of events")
    raise UnreadableError("is no JSON that can be read")


def take_in(raw: bytes, zone: ZoneInfo) -> Event | Rejection:
    """What to publish for an event, or why not."""
    return take(raw) or examine(raw, zone)
