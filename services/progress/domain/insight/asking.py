"""What is asked of the measures, and what answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Protocol

from services.progress.domain.insight.period import Period
from shared.postgres.pool import Connection

Hours = dict[str, tuple[Fraction, Fraction]]
"""Person → external and internal seconds."""


@dataclass(frozen=True)
class Asked:
    """A person's insight of a period, as known at a moment, of what has begun by `now`."""

    person: str
    period: Period
    known_at: datetime
    now: datetime
    complete_to: datetime | None


class Measures(Protocol):
    """The measures over the tables, inside the caller's transaction and scope."""

    async def insights(
        self, connection: Connection, asked: Sequence[Asked]
    ) -> list[dict[str, Any]]:
        """The contract's `GET /me/insights` for each, with `peers` null."""

    async def hours(
        self, connection: Connection, people: Collection[str], period: Period, at: datetime
    ) -> Hours:
        """What people's collaboration of a period comes to, as known at and begun by a moment."""

    async def network(self, connection: Connection, person: str, now: datetime) -> dict[str, Any]:
        """`{"starts", "ends", "people": [{"address", "name", "account", "group", T}]}`: 28 days."""
