"""Plans, their targets and the history of these."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from services.plans.domain.plan import Plan
from services.plans.domain.refusal import ConflictError
from services.plans.domain.target import Target, TargetChange
from services.plans.store import SQL
from shared.kernel.period import Status
from shared.postgres.pool import Connection


@dataclass(frozen=True)
class Listed:
    """A plan in a list: with its partner's name, and what it was sorted by."""

    plan: Plan
    partner_name: str | None
    sort_keys: tuple[Any, ...]


@dataclass(frozen=True)
class Wanted:
    """Which plans a list asks for; None = any."""

    status: Status | None = None
    strategy_id: str | None = None
    partner_id: str | None = None


async def add_plan(connection: Connection, plan: Plan) -> None:
    """Raises ConflictError when the partner has a plan of this strategy."""
    try:
        await connection.execute(
            SQL["add_plan"],
            plan.plan_id,
            plan.strategy_id,
            plan.partner_id,
            plan.revision,
            plan.created_at,
        )
    except asyncpg.UniqueViolationError:
        raise ConflictError("The partner has a plan of this strategy") from None


async def delete_plan(connection: Connection, plan_id: str) -> None:
    await connection.execute(SQL["delete_plan"], plan_id)


async def find_plan(connection: Connection, plan_id: str) -> tuple[Plan, str | None] | None:
    """A plan with its targets, and its partner's name."""
    row = await connection.fetchrow(SQL["find_plan"], plan_id)
    if row is None:
        return None
    targets = await find_targets(connection, [plan_id])
    return _plan(row, targets.get(plan_id, {})), row["partner_name"]


async def find_plan_to_change(connection: Connection, plan_id: str) -> Plan | None:
    """A plan with its targets; nobody else changes it until the transaction ends."""
    row = await connection.fetchrow(SQL["find_plan_to_change"], plan_id)
    if row is None:
        return None
    targets = await find_targets(connection, [plan_id])
    return _plan(row, targets.get(plan_id, {}))


async def find_strategy_of_plan(connection: Connection, plan_id: str) -> str | None:
    found = await connection.fetchval(SQL["find_strategy_of_plan"], plan_id)
    return None if found is None else str(found)


async def has_plan(connection: Connection, strategy_id: str, partner_id: str) -> bool:
    found = await connection.fetchval(SQL["find_plan_of_partner"], strategy_id, partner_id)
    return found is not None


async def advance_plan(connection: Connection, plan_id: str, revision: int) -> None:
    await connection.execute(SQL["advance_plan"], plan_id, revision)


async def open_plan(connection: Connection, plan_id: str) -> None:
    """Take the label away that an import gave."""
    await connection.execute(SQL["open_plan"], plan_id)


async def find_targets(
    connection: Connection, plan_ids: Collection[str]
) -> dict[str, dict[str, Target]]:
    """Plan id → goal id → target."""
    found: dict[str, dict[str, Target]] = {}
    for row in await connection.fetch(SQL["find_targets"], list(plan_ids)):
        target = Target(row["q1"], row["q2"], row["q3"], row["q4"])
        found.setdefault(str(row["plan_id"]), {})[str(row["goal_id"])] = target
    return found


async def put_targets(
    connection: Connection, plan_id: str, changes: Iterable[TargetChange]
) -> None:
    """Write what changed: targets that are there afterwards, and those that are not."""
    changes = list(changes)
    cleared = [change.goal.goal_id for change in changes if change.new is None]
    written = [
        (plan_id, c.goal.goal_id, t.annual, t.q1, t.q2, t.q3, t.q4)
        for c in changes
        if (t := c.new) is not None
    ]
    await connection.execute(SQL["clear_targets"], plan_id, cleared)
    await connection.executemany(SQL["put_target"], written)


async def add_history(
    connection: Connection,
    plan_id: str,
    changes: Iterable[TargetChange],
    *,
    who: str,
    at: datetime,
    reason: str | None,
) -> None:
    rows = [(plan_id, c.goal.goal_id, who, at, *c.spelled(), reason) for c in changes]
    await connection.executemany(SQL["add_target_change"], rows)


async def list_history(
    connection: Connection, plan_id: str, before: int | None, limit: int
) -> list[asyncpg.Record]:
    """Changes of targets, the latest first."""
    return await connection.fetch(SQL["list_target_changes"], plan_id, before, limit)


async def list_plans(
    connection: Connection,
    wanted: Wanted,
    *,
    day: date,
    key: str,
    down: bool,
    after: Sequence[Any],
    limit: int,
) -> list[Listed]:
    """A page of plans with their targets; `after` holds the last item's sort keys."""
    filters = (day, wanted.status, wanted.strategy_id, wanted.partner_id)
    direction = "down" if down else "up"
    async with connection.transaction():
        await connection.execute(SQL["plan_each_time"])
        if key == "created":
            block = f"list_plans_by_creation_{direction}"
            rows = await connection.fetch(SQL[block], *filters, *after, limit)
        else:
            block = f"list_plans_by_strategy_{direction}"
            rows = await connection.fetch(SQL[block], *filters, key, *after, limit)
    targets = await find_targets(connection, [row["plan_id"] for row in rows])
    return [_listed(row, targets.get(str(row["plan_id"]), {}), key) for row in rows]


def _listed(row: asyncpg.Record, targets: Mapping[str, Target], key: str) -> Listed:
    plan = _plan(row, targets)
    if key == "created":
        keys: tuple[Any, ...] = (plan.created_at.isoformat(), plan.plan_id)
    else:
        keys = (row["sort_key"], plan.strategy_id, plan.plan_id)
    return Listed(plan, row["partner_name"], keys)


def _plan(row: asyncpg.Record, targets: Mapping[str, Target]) -> Plan:
    return Plan(
        plan_id=str(row["plan_id"]),
        strategy_id=str(row["strategy_id"]),
        partner_id=row["partner_id"],
        revision=row["revision"],
        created_at=row["created_at"],
        targets=targets,
        label=row["label"],
        labelled_at=row["labelled_at"],
    )
