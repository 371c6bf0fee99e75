"""A batch on its way in: what some records of topics say, and how far they go."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from services.progress.domain.reading import Moments, Tick, read_tick, read_version
from services.progress.domain.version import BrokenEventError, Version
from shared.messaging.message import Position, Record


class Origin(NamedTuple):
    """Where a version was read."""

    topic: str
    partition: int
    offset: int


@dataclass
class Batch:
    """Versions, ticks and what cannot be read, with the positions after all of them."""

    versions: list[Version] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    broken: list[tuple[Record, BrokenEventError]] = field(default_factory=list)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    skipped: int = 0
    """How many events are of types that are not taken here."""

    def add(self, other: "Batch") -> None:
        """Append a batch that comes after this one."""
        self.versions += other.versions
        self.origins += other.origins
        self.ticks += other.ticks
        self.broken += other.broken
        self.positions.update(other.positions)
        self.skipped += other.skipped

    def moves(self) -> list[Position]:
        """How far the batch brings each partition."""
        return [Position(topic, part, offset) for (topic, part), offset in self.positions.items()]

    def halves(self) -> Iterator["Batch"]:
        """Two batches that together are this one; the positions move with the second."""
        middle = len(self.versions) // 2
        yield Batch(self.versions[:middle], self.origins[:middle], self.ticks, self.broken)
        yield Batch(self.versions[middle:], self.origins[middle:], positions=dict(self.positions))

    @classmethod
    def read(cls, records: Iterable[Record], moments: Moments) -> Self:
        """What records say; those of unknown types are counted and nothing more."""
        batch = cls()
        for record in records:
            batch.positions[record.topic, record.partition] = record.offset + 1
            try:
                batch.take(record, moments)
            except BrokenEventError as failure:
                batch.broken.append((record, failure))
        return batch

    def take(self, record: Record, moments: Moments) -> None:
        """Add what one record says. Raises BrokenEventError."""
        version = read_version(record.headers, record.value, moments)
        if version is not None:
            self.versions.append(version)
            self.origins.append(Origin(record.topic, record.partition, record.offset))
            return
        tick = read_tick(record.headers, record.value)
        if tick is not None:
            self.ticks.append(tick)
        else:
            self.skipped += 1
