"""A batch on its way in: what some records of topics say, and how far they go."""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from services.progress.domain.insight.interaction import (
    Bounds,
    TakenInteraction,
    read_interaction,
)
from services.progress.domain.reading import Moments, read_tick, read_version, type_of
from services.progress.domain.told import SellerTick, Tick
from services.progress.domain.version import BrokenEventError, Version
from shared.events.envelope import stamp
from shared.messaging.message import Position, Record

Origin: TypeAlias = tuple[str, int, int]
"""Where a version was read: topic, partition, offset."""


@dataclass
class Batch:
    """Versions, ticks and what cannot be read, with the positions after all of them."""

    versions: list[Version] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    seller_ticks: list[SellerTick] = field(default_factory=list)
    broken: list[tuple[Record, BrokenEventError]] = field(default_factory=list)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    skipped: int = 0
    """How many events are of types that are not taken here."""

    def add(self, other: "Batch") -> None:
        """Append a batch that comes after this one."""
        self.versions += other.versions
        self.origins += other.origins
        self.ticks += other.ticks
        self.seller_ticks += other.seller_ticks
        self.broken += other.broken
        self.positions.update(other.positions)
        self.skipped += other.skipped

    def moves(self) -> list[Position]:
        """How far the batch brings each partition."""
        return [Position(topic, part, offset) for (topic, part), offset in self.positions.items()]

    def halves(self) -> Iterator["Batch"]:
        """Two batches that together are this one; the positions move with the second."""
        middle = len(self.versions) // 2
        first, second = copy(self), type(self)(positions=dict(self.positions))
        first.positions = {}
        first.versions, second.versions = self.versions[:middle], self.versions[middle:]
        first.origins, second.origins = self.origins[:middle], self.origins[middle:]
        yield first
        yield second

    def set_aside(self, refusal: Exception) -> "Batch":
        """The batch without its versions, which are kept as dead letters instead."""
        # What the database says may quote values, and a letter's errors are shown: the kind of
        # refusal will do.
        broken = BrokenEventError.at("", f"the database refuses it: {type(refusal).__name__}")
        letters = [
            (_record_of(version, origin), broken)
            for version, origin in zip(self.versions, self.origins, strict=True)
        ]
        left = copy(self)
        left.versions, left.origins, left.broken = [], [], [*self.broken, *letters]
        return left

    @classmethod
    def read(cls, records: Iterable[Record], moments: Moments) -> Self:
        """What records say; those of unknown types are counted and nothing more."""
        batch = cls()
        batch.take_all(records, moments)
        return batch

    def take_all(self, records: Iterable[Record], moments: Moments) -> None:
        """Add what records say; what cannot be read is kept with what is wrong."""
        for record in records:
            self.positions[record.topic, record.partition] = record.offset + 1
            try:
                self.take(record, moments)
            except BrokenEventError as failure:
                self.broken.append((record, failure))

    def take(self, record: Record, moments: Moments) -> None:
        """Add what one record says. Raises BrokenEventError."""
        version = read_version(record.headers, record.value, moments)
        if version is not None:
            self.versions.append(version)
            self.origins.append(record[:3])
            return
        tick = read_tick(record.headers, record.value)
        if isinstance(tick, Tick):
            self.ticks.append(tick)
        elif tick is not None:
            self.seller_ticks.append(tick)
        else:
            self.skipped += 1


@dataclass
class CollaborationBatch(Batch):
    """Versions of interactions; `bounds` say which of them count."""

    versions: list[TakenInteraction] = field(default_factory=list)  # type: ignore[assignment]
    bounds: Bounds = field(default_factory=Bounds)

    def take(self, record: Record, moments: Moments) -> None:
        """Add what one record says. Raises BrokenEventError."""
        taken = read_interaction(record.headers, record.value, moments, self.bounds)
        if taken is None:
            self.skipped += 1
            return
        self.versions.append(taken)
        self.origins.append(record[:3])


def _record_of(version: Version, origin: Origin) -> Record:
    """The message that a version came from, as far as it is still known."""
    headers = (
        ("ce_type", type_of(version).encode()),
        ("ce_acceptedat", stamp(version.known_from).encode()),
    )
    key = (version.partner_id or version.record_id).encode()
    return Record(*origin, key, version.body.encode(), headers, 0)
