"""`python -m deploy.local sources …`: mappings of other systems' payloads, tried at the desk."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.home import PREFIX, LocalError
from services.ingest.domain.cloud_event import Event
from services.ingest.domain.mapped import judge_items
from services.ingest.domain.mapping import MappingFaultError, PayloadFaultError, SourceMapping
from services.ingest.domain.reading import UnreadableError, read_json
from services.ingest.handlers.sources import load_mapping

Shown = dict[str, Any]


def read(file: Path) -> SourceMapping:
    """The mapping in a file. Raises LocalError with every fault and its path in the file."""
    try:
        return load_mapping(file)
    except MappingFaultError as failure:
        raise LocalError(str(failure)) from None


def try_out(file: Path, sample: Path, received_at: datetime) -> Shown:
    """What the mapping in a file gives for a payload in another. Raises LocalError."""
    mapping = read(file)
    zone = ZoneInfo(os.environ.get(f"{PREFIX}TIME_ZONE", "UTC"))
    try:
        payload = read_json(sample.read_bytes())
        items = list(judge_items(mapping, payload, received_at, zone))
    except UnreadableError as failure:
        raise LocalError(f"{sample.name}: {failure}") from None
    except PayloadFaultError as failure:
        raise LocalError(f"{mapping.name}: {failure}") from None
    judged = [one for item in items for one in item]
    return {
        "accepted": [
            _accepted(one.index, one.result) for one in judged if isinstance(one.result, Event)
        ],
        "ignored": [at for at, item in enumerate(items) if not item],
        "rejected": [
            {"index": one.index, "id": one.result.id, "errors": one.result.errors}
            for one in judged
            if not isinstance(one.result, Event)
        ],
    }


def _accepted(index: int, event: Event) -> Shown:
    return {
        "index": index,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "topic": event.topic,
        "key": event.key,
        "data": json.loads(event.value),
    }
