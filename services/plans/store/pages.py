"""What only the pages ask the tables for."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import asyncpg

from services.plans.domain.naming import name_order
from services.plans.store import SQL
from services.plans.store.plans import Wanted
from shared.postgres.pool import Connection


async def search_plans(
    connection: Connection,
    wanted: Wanted,
    search: str,
    *,
    day: date,
    key: str,
    down: bool,
    after: Sequence[Any],
    limit: int,
) -> list[asyncpg.Record]:
    """Plans whose partner's or strategy's name holds a text; `after` is a sort key and an id."""
    return await connection.fetch(
        SQL["search_plans"],
        day,
        wanted.status,
        wanted.strategy_id,
        name_order(search),
        key,
        *after,
        down,
        limit,
    )


async def search_eligible_partners(
    connection: Connection, strategy_id: str, groups: Sequence[str], search: str, limit: int
) -> list[tuple[str, str]]:
    """Partners that a plan of the strategy can be made for and that have none, by name."""
    rows = await connection.fetch(
        SQL["search_eligible_partners"], strategy_id, list(groups), name_order(search), limit
    )
    return [(row["partner_id"], row["name"]) for row in rows]


async def list_partner_groups(connection: Connection, limit: int) -> list[str]:
    """The groups that partners are in."""
    return [row["one"] for row in await connection.fetch(SQL["list_partner_groups"], limit)]


async def count_plans(connection: Connection, strategy_id: str) -> int:
    """How many plans a strategy has."""
    found: int = await connection.fetchval(SQL["count_plans_of_strategy"], strategy_id)
    return found


async def count_targets(connection: Connection, strategy_id: str, goal_ids: Collection[str]) -> int:
    """How many targets some goals have in all plans of their strategy."""
    found: int = await connection.fetchval(
        SQL["count_targets_of_goals"], strategy_id, list(goal_ids)
    )
    return found
