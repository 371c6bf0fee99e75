"""The door plate of the ingest service: what it hears, what it tells, which tables are its own."""

from typing import Final

from shared.events.records import EVENT_TYPES, RECORDS
from shared.events.watermark import WATERMARK_ADVANCED
from shared.messaging import topics

CONSUMES: Final = {topics.INBOUND: list(EVENT_TYPES)}
PRODUCES: Final = {
    **{
        topic: [
            event
            for kind in RECORDS.values()
            if kind.topic == topic
            for event in (kind.recorded, kind.deleted)
        ]
        for topic in sorted({kind.topic for kind in RECORDS.values()})
    },
    topics.WATERMARKS: [WATERMARK_ADVANCED],
}
OWNS: Final = [
    "upload",
    "upload_part",
    "rejected_row",
    "checked_row",
    "uploaded_key",
    "account_reference",
    "dead_letter",
]
