"""Seller ticks, participants, peer splits and reads; people are seen within a scope only."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.progress.domain.insight.peers import Split, Withheld
from services.progress.store import SQL
from shared.kernel.ids import new_id
from shared.postgres.pool import Connection


@dataclass(frozen=True)
class SellerTick:
    """A tick that was heard; `person` only within its scope, and while it takes part."""

    tick_id: UUID
    seller_plan_id: UUID
    participant_id: UUID
    period: str
    due_at: datetime
    done_at: datetime | None
    cadence: str
    name: str
    minimum_group_size: int
    person: str | None


@dataclass(frozen=True)
class PersonRow:
    """What the organization says of a person on a day."""

    name: str | None
    licensed: bool
    opted_out: bool
    locale: str | None
    """In which language to write: the attribute `Locale`, if there is one."""


async def find_ticks(connection: Connection, tick_ids: Collection[UUID]) -> dict[UUID, SellerTick]:
    """Seller ticks that were heard, by id."""
    rows = await connection.fetch(SQL["find_seller_ticks"], list(tick_ids))
    return {row["tick_id"]: SellerTick(**row) for row in rows}


async def count_unresolved(connection: Connection, tick_ids: Collection[UUID]) -> int:
    """How many who take part in the plans of ticks are not resolved yet."""
    found: int = await connection.fetchval(SQL["count_unresolved"], list(tick_ids))
    return found


async def finish_ticks(connection: Connection, tick_ids: Collection[UUID], at: datetime) -> int:
    """Answer ticks no more; gives how many were open."""
    finished: int = await connection.fetchval(SQL["finish_ticks"], list(tick_ids), at)
    return finished


async def find_rows_in_force(
    connection: Connection, people: Iterable[str], day: date, known_at: datetime
) -> dict[str, PersonRow]:
    """People → the organizational row in force on a day, as known at a moment."""
    rows = await connection.fetch(SQL["find_rows_in_force"], list(people), day, known_at)
    return {
        row["person"]: PersonRow(row["name"], row["licensed"], row["opted_out"], row["locale"])
        for row in rows
    }


async def find_participations(connection: Connection, person: str) -> list[asyncpg.Record]:
    """The plans that a person takes part in; none outside its own scope."""
    return await connection.fetch(SQL["find_participations"], person)


async def list_cohort(
    connection: Connection, seller_plan_id: UUID, due_at: datetime
) -> dict[UUID, str]:
    """Who takes part in a plan at a due: random id → address."""
    rows = await connection.fetch(SQL["list_cohort"], seller_plan_id, due_at)
    return {row["participant_id"]: row["person"] for row in rows}


async def take_peers_lock(connection: Connection, seller_plan_id: UUID) -> None:
    """Until the transaction ends, nobody else publishes a split of the plan."""
    await connection.execute(SQL["take_peers_lock"], seller_plan_id)


async def has_split(connection: Connection, seller_plan_id: UUID, period: str) -> bool:
    """Whether it is settled what a plan tells of a period."""
    return await connection.fetchrow(SQL["find_split"], seller_plan_id, period) is not None


async def find_last_cohort(
    connection: Connection, seller_plan_id: UUID, before: datetime
) -> frozenset[UUID] | None:
    """The cohort of a plan's last published split that fell due before a moment."""
    row = await connection.fetchrow(SQL["find_last_split"], seller_plan_id, before)
    return frozenset(row["cohort"]) if row else None


async def add_split(
    connection: Connection, tick: SellerTick, split: Split | Withheld, cohort: Collection[UUID]
) -> None:
    """Settle what a plan tells of a period, for ever."""
    told = split if isinstance(split, Split) else None
    await connection.execute(
        SQL["add_split"],
        tick.seller_plan_id,
        tick.period,
        tick.due_at,
        told is not None,
        told.external_percent if told else None,
        told.internal_percent if told else None,
        sorted(cohort),
        split is Withheld.TOO_FEW,
    )


async def list_splits(
    connection: Connection, seller_plan_ids: Iterable[UUID]
) -> list[asyncpg.Record]:
    """What was published of plans, or had to end for want of people, the latest due first."""
    return await connection.fetch(SQL["list_splits"], list(seller_plan_ids))


async def add_reads(
    connection: Connection,
    reads: Sequence[tuple[str, str | None]],
    *,
    at: datetime,
    kind: str,
    who: str,
) -> None:
    """Write down that people's insights are read: address and period each."""
    people, periods = zip(*reads, strict=True) if reads else ((), ())
    ids = [new_id() for _ in reads]
    await connection.execute(SQL["add_reads"], ids, list(people), at, kind, who, list(periods))


async def list_reads(
    connection: Connection, person: str, after: Sequence[Any], limit: int
) -> list[dict[str, Any]]:
    """Reads of a person's insight, the latest first; `after` is a moment and an id, or Nones."""
    rows = await connection.fetch(SQL["list_reads"], person, *after, limit)
    return [dict(row) for row in rows]


async def list_own_involvements(connection: Connection, person: str) -> list[dict[str, Any]]:
    """A person's part in all collaboration that is known now, for its export."""
    return [dict(row) for row in await connection.fetch(SQL["list_own_involvements"], person)]


async def list_own_rows(connection: Connection, person: str) -> list[dict[str, Any]]:
    """The organizational rows about a person, for its export."""
    return [dict(row) for row in await connection.fetch(SQL["list_own_rows"], person)]


async def list_own_assignments(connection: Connection, person: str) -> list[dict[str, Any]]:
    """The accounts that a person is assigned to, for its export."""
    return [dict(row) for row in await connection.fetch(SQL["list_own_assignments"], person)]
