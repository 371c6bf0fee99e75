"""Strategies, and the lock that orders changes by their stamps."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, Final
from zlib import crc32

import asyncpg

from services.plans.domain.goal import Goal, GoalGroup
from services.plans.domain.naming import name_key, name_order
from services.plans.domain.refusal import ConflictError
from services.plans.domain.strategy import Strategy
from services.plans.store import SQL
from shared.kernel.period import Status
from shared.postgres.pool import Connection

WRITE_LOCK: Final = crc32(b"milepost.plans.write")


async def take_write_lock(connection: Connection) -> None:
    """Before a change reads the clock: it shares the lock with other changes."""
    await connection.execute(SQL["take_write_lock"], WRITE_LOCK)


async def take_write_lock_alone(connection: Connection) -> bool:
    """Wait, briefly, until no change is under way; False when there still is one."""
    await connection.execute(SQL["wait_briefly"])
    try:
        await connection.execute(SQL["take_write_lock_alone"], WRITE_LOCK)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def add_strategy(connection: Connection, strategy: Strategy) -> None:
    """Raises ConflictError when the name is taken."""
    await _write(connection, "add_strategy", strategy)


async def replace_strategy(connection: Connection, strategy: Strategy) -> None:
    """Raises ConflictError when the name is taken."""
    await _write(connection, "replace_strategy", strategy)


async def _write(connection: Connection, block: str, strategy: Strategy) -> None:
    try:
        await connection.execute(
            SQL[block],
            strategy.strategy_id,
            strategy.revision,
            strategy.name,
            name_key(strategy.name),
            name_order(strategy.name),
            strategy.description,
            strategy.start_date,
            strategy.end_date,
            list(strategy.partner_groups),
            [_document(group) for group in strategy.goal_groups],
            strategy.created_at,
            strategy.changed_at,
        )
    except asyncpg.UniqueViolationError:
        raise ConflictError("Another strategy has this name") from None


async def delete_strategy(connection: Connection, strategy_id: str) -> None:
    """Delete a strategy and its plans."""
    await connection.execute(SQL["delete_strategy"], strategy_id)


async def find_strategy(connection: Connection, strategy_id: str) -> Strategy | None:
    return _strategy(await connection.fetchrow(SQL["find_strategy"], strategy_id))


async def find_strategy_to_change(connection: Connection, strategy_id: str) -> Strategy | None:
    """Nobody else changes it, or its plans, until the transaction ends."""
    return _strategy(await connection.fetchrow(SQL["find_strategy_to_change"], strategy_id))


async def find_strategy_to_rely_on(connection: Connection, strategy_id: str) -> Strategy | None:
    """It stays as it is until the transaction ends."""
    return _strategy(await connection.fetchrow(SQL["find_strategy_to_rely_on"], strategy_id))


async def find_strategies(
    connection: Connection, strategy_ids: Collection[str]
) -> dict[str, Strategy]:
    rows = await connection.fetch(SQL["find_strategies"], list(strategy_ids))
    return {strategy.strategy_id: strategy for strategy in map(_read, rows)}


async def list_strategies(
    connection: Connection,
    *,
    day: date,
    status: Status | None,
    key: str,
    down: bool,
    after: Sequence[Any],
    limit: int,
) -> list[tuple[Strategy, str]]:
    """Strategies and what they were sorted by; `after` is the last item's sort key and id."""
    block = "list_strategies_down" if down else "list_strategies_up"
    rows = await connection.fetch(SQL[block], day, status, key, *after, limit)
    return [(_read(row), row["sort_key"]) for row in rows]


async def drop_targets_of_goals(
    connection: Connection, strategy_id: str, goal_ids: Collection[str], who: str, at: datetime
) -> None:
    """Targets go with their goals, in every plan of the strategy."""
    await connection.execute(SQL["drop_targets_of_goals"], strategy_id, list(goal_ids), who, at)


def _document(group: GoalGroup) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "name": group.name,
        "goals": [
            {"goal_id": g.goal_id, "type": g.type, "name": g.name, "options": dict(g.options)}
            for g in group.goals
        ],
    }


def _group(document: dict[str, Any]) -> GoalGroup:
    goals = tuple(Goal(**goal) for goal in document["goals"])
    return GoalGroup(document["group_id"], document["name"], goals)


def _strategy(row: asyncpg.Record | None) -> Strategy | None:
    return None if row is None else _read(row)


def _read(row: asyncpg.Record) -> Strategy:
    return Strategy(
        strategy_id=str(row["strategy_id"]),
        revision=row["revision"],
        name=row["name"],
        description=row["description"],
        start_date=row["start_date"],
        partner_groups=tuple(row["partner_groups"]),
        goal_groups=tuple(_group(document) for document in row["goal_groups"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )
