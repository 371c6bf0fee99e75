"""Writing the seller side: rows of people and customers, participants, ticks, interactions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.progress.domain.insight.interaction import Part, TakenInteraction
from services.progress.domain.told import SellerTick
from services.progress.store import LONGEST_S, SQL
from shared.messaging.message import Position
from shared.postgres.pool import Connection

BETWEEN: Final = "\x1f"
"""Between the addresses of those who were there: no address holds it."""


async def settle_person_rows(connection: Connection, ids: Sequence[str]) -> None:
    """Bring people's rows to what their records say."""
    await connection.execute(SQL["forget_person_rows"], ids)
    await connection.execute(SQL["add_person_rows"], ids)


async def settle_account_rows(connection: Connection, ids: Sequence[str]) -> None:
    """Bring CRM accounts' rows to what their records say."""
    await connection.execute(SQL["forget_account_rows"], ids)
    await connection.execute(SQL["add_account_rows"], ids)


async def settle_contact_rows(connection: Connection, ids: Sequence[str]) -> None:
    """Bring CRM contacts' rows to what their records say."""
    await connection.execute(SQL["forget_contact_rows"], ids)
    await connection.execute(SQL["add_contact_rows"], ids)


async def settle_assignment_rows(connection: Connection, ids: Sequence[str]) -> None:
    """Bring sellers' assignments to what their records say."""
    await connection.execute(SQL["forget_assignment_rows"], ids)
    await connection.execute(SQL["add_assignment_rows"], ids)


async def settle_seller_plans(connection: Connection, ids: Sequence[str]) -> None:
    """Bring seller plans to their newest snapshots."""
    await connection.execute(SQL["settle_seller_plans"], ids)


async def settle_participants(connection: Connection, ids: Sequence[str]) -> None:
    """Bring participants to what was told last; who left is forgotten."""
    await connection.execute(SQL["settle_participants"], [UUID(one) for one in ids])


async def note_seller_ticks(connection: Connection, ticks: Iterable[SellerTick]) -> None:
    """Keep seller ticks that were heard; those known already stay as they are."""
    rows = [(t.tick_id, t.seller_plan_id, t.participant_id, t.period, t.due_at) for t in ticks]
    if rows:
        await connection.execute(SQL["note_seller_ticks"], *map(list, zip(*rows, strict=True)))


async def list_unresolved(connection: Connection, most: int) -> list[UUID]:
    """Participants whose person is not known here yet."""
    return [row[0] for row in await connection.fetch(SQL["list_unresolved"], most)]


async def resolve_participants(connection: Connection, people: dict[UUID, str]) -> int:
    """Note whose ids some are; gives how many were open."""
    resolved: int = await connection.fetchval(
        SQL["resolve_participants"], list(people), list(people.values())
    )
    return resolved


async def take_interactions(
    connection: Connection, single: Sequence[TakenInteraction], several: Sequence[TakenInteraction]
) -> tuple[int, int]:
    """Bring versions in: those alone of their interaction in the batch, and the others.

    Gives how many interactions are new, and how many versions have two bodies.
    """
    known: set[str] = set()
    if single:
        arrays = _arrays(single)
        known = set(await connection.fetchval(SQL["add_interactions"], *arrays, timeout=LONGEST_S))
    changed = [*(one for one in single if one.record_id in known), *several]
    conflicts = 0
    if changed:
        arrays = _arrays(changed)
        conflicts = await connection.fetchval(
            SQL["change_interactions"], *arrays, timeout=LONGEST_S
        )
    return len(single) - len(known), conflicts


def _arrays(taken: Sequence[TakenInteraction]) -> list[list[Any]]:
    """The columns of interactions, then those of their parts with the place of each one's."""
    parts = [
        (place, part.person, *_own_bounds(one, part), *part[3:])
        for place, one in enumerate(taken, 1)
        for part in one.parts
    ]
    columns: list[list[Any]] = [
        [one.record_id for one in taken],
        [one.version for one in taken],
        [one.known_from for one in taken],
        [one.body for one in taken],
        [one.activity for one in taken],
        [one.starts for one in taken],
        [one.ends for one in taken],
        [one.chat_id for one in taken],
        [one.all_messages for one in taken],
        [BETWEEN.join(part.person for part in one.parts) for one in taken],
    ]
    empty: list[list[Any]] = [[] for _ in range(8)]
    return columns + (list(map(list, zip(*parts, strict=True))) if parts else empty)


def _own_bounds(one: TakenInteraction, part: Part) -> tuple[datetime | None, datetime | None]:
    """Where a part begins and ends, None where the interaction does."""
    return (
        None if part.own_from == one.starts else part.own_from,
        None if part.own_until == one.ends else part.own_until,
    )


async def move_positions(connection: Connection, positions: Iterable[Position]) -> None:
    """Write down how far topics are dealt with, beside the effects."""
    at = list(zip(*positions, strict=True)) or [(), (), ()]
    await connection.execute(SQL["move_positions"], *map(list, at))
