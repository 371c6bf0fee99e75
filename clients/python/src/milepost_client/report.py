"""What became of events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milepost_client.events import Event


@dataclass(frozen=True)
class Rejected:
    """An event that was not taken, and why."""

    event: Event
    errors: list[Mapping[str, Any]]
    """`{"pointer": "/data/amount", "detail": "…"}` each."""


@dataclass
class Report:
    """What became of all events of a call."""

    accepted: int = 0
    rejected: list[Rejected] = field(default_factory=list)
