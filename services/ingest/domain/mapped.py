"""What a mapping gives for a payload, item by item, judged as any other event is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.ingest.domain.cloud_event import Event, Rejection, examine_event
from services.ingest.domain.mapping import SourceMapping, Told


@dataclass(frozen=True)
class Judged:
    """An item's event that can be published, or why it cannot be and how far it came."""

    index: int
    result: Event | Rejection
    event: dict[str, Any]

    @property
    def errors(self) -> list[dict[str, str]]:
        """What is wrong, each with its path in the mapping."""
        return [] if isinstance(self.result, Event) else self.result.errors


def judge_items(
    mapping: SourceMapping, payload: Any, received_at: datetime, zone: ZoneInfo
) -> Iterator[list[Judged]]:
    """Each item of a payload in turn; an empty list where the mapping has nothing for it.

    Raises PayloadFaultError where there is no list of items.
    """
    items = mapping.apply(payload, received_at)
    return ([_judge(told, zone) for told in item] for item in items)


def _judge(told: Told, zone: ZoneInfo) -> Judged:
    result = examine_event(told.event, zone)
    if not told.faults and isinstance(result, Event):
        return Judged(told.index, result, told.event)
    errors = [
        {"pointer": fault.pointer, "detail": fault.detail, "mapping": fault.path}
        for fault in told.faults
    ]
    explained = {fault.pointer for fault in told.faults}
    if isinstance(result, Rejection) and "" not in explained:
        errors += [
            {**error, "mapping": told.path_of(error["pointer"])}
            for error in result.errors
            # A field that is missing because its expression failed is not told twice.
            if error["pointer"] not in explained
        ]
    event_id, event_type = told.event["id"], told.event["type"]
    return Judged(told.index, Rejection(errors, event_id, event_type), told.event)
