"""Seller plans."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import asyncpg

from services.plans.domain.naming import name_key, name_order
from services.plans.domain.refusal import ConflictError
from services.plans.domain.seller_plan import DEFAULT_NAME, SellerPlan, State
from services.plans.store import SQL
from shared.postgres.pool import Connection


async def add_seller_plan(connection: Connection, plan: SellerPlan) -> None:
    """Raises ConflictError when the name is taken."""
    await _write(connection, "add_seller_plan", plan)


async def replace_seller_plan(connection: Connection, plan: SellerPlan) -> None:
    """Raises ConflictError when the name is taken."""
    await _write(connection, "replace_seller_plan", plan)


async def _write(connection: Connection, block: str, plan: SellerPlan) -> None:
    try:
        await connection.execute(
            SQL[block],
            plan.seller_plan_id,
            plan.revision,
            plan.name,
            name_key(plan.name),
            name_order(plan.name),
            plan.cadence,
            plan.start_date,
            plan.end_date,
            plan.created_at,
            plan.scheduled_at,
            plan.stopped_at,
        )
    except asyncpg.UniqueViolationError:
        raise ConflictError("Another seller plan has this name") from None


async def find_seller_plan(connection: Connection, seller_plan_id: str) -> SellerPlan | None:
    row = await connection.fetchrow(SQL["find_seller_plan"], seller_plan_id)
    return None if row is None else _read(row)


async def find_seller_plan_to_change(
    connection: Connection, seller_plan_id: str
) -> SellerPlan | None:
    """Nobody else changes it until the transaction ends."""
    row = await connection.fetchrow(SQL["find_seller_plan_to_change"], seller_plan_id)
    return None if row is None else _read(row)


async def find_default_names(connection: Connection) -> set[str]:
    """The keys of the names that begin as the default one does."""
    rows = await connection.fetch(SQL["find_default_names"], name_key(DEFAULT_NAME))
    return {row["name_key"] for row in rows}


async def count_takers(connection: Connection, seller_plan_ids: Collection[str]) -> dict[str, int]:
    """Plan id → how many take part, or have qualified for a draft."""
    rows = await connection.fetch(SQL["count_takers"], list(seller_plan_ids))
    return {str(row["seller_plan_id"]): row["takers"] for row in rows}


async def list_seller_plans(
    connection: Connection,
    *,
    day: date,
    state: State | None,
    key: str,
    down: bool,
    after: Sequence[Any],
    limit: int,
) -> list[tuple[SellerPlan, str]]:
    """Plans and what they were sorted by; `after` is the last item's sort key and id."""
    block = "list_seller_plans_down" if down else "list_seller_plans_up"
    rows = await connection.fetch(SQL[block], day, state, key, *after, limit)
    return [(_read(row), row["sort_key"]) for row in rows]


def _read(row: asyncpg.Record) -> SellerPlan:
    return SellerPlan(
        seller_plan_id=str(row["seller_plan_id"]),
        revision=row["revision"],
        name=row["name"],
        cadence=row["cadence"],
        start_date=row["start_date"],
        created_at=row["created_at"],
        scheduled_at=row["scheduled_at"],
        stopped_at=row["stopped_at"],
    )
