"""On which side of their targets goals stand, as it was told."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.progress.domain.sheet import Figures
from services.progress.domain.standing import Standing
from services.progress.store import LONGEST_S, SQL
from shared.postgres.pool import Connection


async def take_crossings(connection: Connection) -> bool:
    """Be the one that looks, until the transaction ends. False where another one is."""
    return bool(await connection.fetchval(SQL["take_crossings"]))


async def list_plans_beyond(
    connection: Connection, plan_ids: Sequence[UUID], day: date
) -> list[UUID]:
    """Those of some plans whose cells hold what is dated after a day."""
    rows = await connection.fetch(SQL["list_plans_beyond"], plan_ids, day)
    return [row["plan_id"] for row in rows]


async def find_crossings(
    connection: Connection, plan_ids: Sequence[UUID], beyond: Sequence[UUID], counted: Figures
) -> list[Standing]:
    """Goals of plans that stand otherwise than was told, or did.

    `counted` are the figures of the plans `beyond`; those of the others are in the cells.
    """
    rows = await connection.fetch(
        SQL["find_crossings"],
        plan_ids,
        beyond,
        [plan_id for plan_id, _ in counted],
        [goal_id for _, goal_id in counted],
        [sum(quarters, Decimal(0)) for quarters in counted.values()],
        timeout=LONGEST_S,
    )
    return [Standing(**dict(row)) for row in rows]


async def set_pending(connection: Connection, goals: Iterable[Standing]) -> None:
    """Note goals that stand on the other side of their target now."""
    await connection.execute(SQL["set_pending"], *_columns(goals))


async def clear_pending(connection: Connection, goals: Iterable[Standing]) -> None:
    """Forget that goals stood on the other side: they came back before it was told."""
    await connection.execute(SQL["clear_pending"], *_columns(goals))


async def cross_over(connection: Connection, goals: Iterable[Standing]) -> None:
    """Note that goals are told to stand on the other side."""
    await connection.execute(SQL["cross_over"], *_columns(goals))


async def forget_standings(connection: Connection) -> None:
    """Forget plans and goals that are gone."""
    await connection.execute(SQL["forget_standings"], timeout=LONGEST_S)


def _columns(goals: Iterable[Standing]) -> tuple[list[UUID], list[UUID]]:
    found = list(goals)
    return [one.plan_id for one in found], [one.goal_id for one in found]
