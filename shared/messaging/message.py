"""Messages as they are handed to Kafka and as they come from it."""

from typing import NamedTuple

from shared.events.envelope import Envelope, Headers


class Message(NamedTuple):
    """An event on its way to a topic."""

    topic: str
    key: str
    value: bytes
    envelope: Envelope


class Record(NamedTuple):
    """One record of a topic as it was read, nothing decoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


class Position(NamedTuple):
    """A topic's partition and the offset after the last record that was dealt with."""

    topic: str
    partition: int
    next_offset: int


__all__ = ["Headers", "Message", "Position", "Record"]
