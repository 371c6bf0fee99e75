"""Plans, goals and snapshots: as they stand now, and as they were known."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.progress.domain.goal import GoalRow, PlanRow
from services.progress.store import LONGEST_S, SQL
from shared.postgres.pool import Connection


class Snapshot(NamedTuple):
    """A record of the ledger that is a snapshot, with its body."""

    record_id: str
    version: int
    partner_id: str | None
    body: str


async def find_snapshots(
    connection: Connection, kind: str, ids: Iterable[str], known_at: datetime
) -> dict[str, Snapshot]:
    """Records of a kind as known at a moment, by id; deleted ones are left out."""
    rows = await connection.fetch(SQL["find_snapshots"], kind, sorted(set(ids)), known_at)
    return {row["record_id"]: Snapshot(*row) for row in rows}


async def settle_plans(connection: Connection, plan_ids: Iterable[UUID]) -> list[UUID]:
    """Bring plans to what their snapshots, strategies and partners say; gives those changed."""
    ids = [str(one) for one in plan_ids]
    return _ids(await connection.fetch(SQL["settle_plans"], ids, timeout=LONGEST_S))


async def settle_goals(
    connection: Connection, strategy_ids: Sequence[UUID], goals: Sequence[GoalRow]
) -> list[tuple[UUID, UUID]]:
    """Bring the goals of strategies to these; gives strategy and goal of those changed."""
    rows = await connection.fetch(SQL["settle_goals"], strategy_ids, goals, timeout=LONGEST_S)
    return [(row["strategy_id"], row["goal_id"]) for row in rows]


async def find_plans(connection: Connection, plan_ids: Iterable[UUID]) -> list[PlanRow]:
    """Plans as they stand now."""
    rows = await connection.fetch(SQL["find_plans"], list(plan_ids))
    return [PlanRow(*row) for row in rows]


async def find_goals(connection: Connection, strategy_ids: Iterable[UUID]) -> list[GoalRow]:
    """The goals that strategies have now."""
    rows = await connection.fetch(SQL["find_goals"], list(strategy_ids))
    return [GoalRow(*row) for row in rows]


async def find_plans_of_strategies(connection: Connection, ids: Iterable[UUID]) -> list[UUID]:
    return _ids(await connection.fetch(SQL["find_plans_of_strategies"], list(ids)))


async def find_plans_of_partners(connection: Connection, ids: Iterable[str]) -> list[UUID]:
    return _ids(await connection.fetch(SQL["find_plans_of_partners"], list(ids)))


async def find_plans_of_campaigns(connection: Connection, ids: Iterable[str]) -> list[UUID]:
    """Plans that count campaign leads and whose partners have leads of these campaigns."""
    found = await connection.fetch(SQL["find_plans_of_campaigns"], list(ids), timeout=LONGEST_S)
    return _ids(found)


async def list_plans_of_partner(connection: Connection, partner_id: str) -> list[UUID]:
    """A partner's plans, the latest year first."""
    return _ids(await connection.fetch(SQL["list_plans_of_partner"], partner_id))


async def is_partner_heard_of(connection: Connection, partner_id: str) -> bool:
    """Whether the partner is known, or has a plan."""
    return bool(await connection.fetchval(SQL["is_partner_heard_of"], partner_id))


async def list_plans(connection: Connection, after: UUID, limit: int) -> list[UUID]:
    """All plans in the order of their ids, some at a time."""
    return _ids(await connection.fetch(SQL["list_plans"], after, limit))


def _ids(rows: Iterable[Any]) -> list[UUID]:
    return [row["plan_id"] for row in rows]
