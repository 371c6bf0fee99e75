"""Figures: kept in cells, or added up anew from the ledger."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.progress.domain.explanation import Appraisal
from services.progress.domain.goal import Scope
from services.progress.domain.sheet import Figures
from services.progress.store import LONGEST_S, SQL
from shared.postgres.pool import Connection


async def set_for_recomputing(connection: Connection) -> None:
    """Until the transaction ends, plan for statements that read much of the ledger."""
    await connection.execute(SQL["set_for_recomputing"])


async def recompute_cells(connection: Connection, scope: Scope) -> None:
    """Make the cells of all goals of all plans in scope what the ledger says."""
    if scope.plans and scope.goals:
        await connection.execute(
            SQL["recompute_cells"],
            scope.plans,
            scope.counted_singly,
            scope.counted_together,
            scope.kinds_counted_singly,
            timeout=LONGEST_S,
        )


async def forget_cells(connection: Connection, plan_ids: Iterable[UUID]) -> None:
    await connection.execute(SQL["forget_cells"], list(plan_ids))


async def find_cells(
    connection: Connection, plan_ids: Iterable[UUID]
) -> tuple[Figures, dict[UUID, date]]:
    """The kept figures of plans, and up to which day each plan's reach at most."""
    rows = await connection.fetch(SQL["find_cells"], list(plan_ids))
    reach: dict[UUID, date] = {}
    for row in rows:
        reach[row["plan_id"]] = max(reach.get(row["plan_id"], row["latest"]), row["latest"])
    return figures_of(rows), reach


async def add_up(connection: Connection, scope: Scope, known_at: datetime, until: date) -> Figures:
    """Figures from the ledger: what is known at a moment, up to and including a day."""
    if not scope.plans or not scope.goals:
        return {}
    rows = await connection.fetch(
        SQL["add_up"], scope.plans, scope.goals, known_at, until, timeout=LONGEST_S
    )
    return figures_of(rows)


def figures_of(rows: Iterable[Any]) -> Figures:
    """Rows with four quarters as figures of plan and goal."""
    return {
        (row["plan_id"], row["goal_id"]): (row["q1"], row["q2"], row["q3"], row["q4"])
        for row in rows
    }


async def list_contributions(
    connection: Connection,
    scope: Scope,
    known_at: datetime,
    until: date,
    *,
    after: tuple[date | None, str | None],
    limit: int,
) -> Sequence[Any]:
    """What makes up the figures in scope, by day and record."""
    found: Sequence[Any] = await connection.fetch(
        SQL["list_contributions"], scope.plans, scope.goals, known_at, until, *after, limit
    )
    return found


async def judge(
    connection: Connection, scope: Scope, known_at: datetime, kind: str, record_id: str
) -> dict[str, Appraisal]:
    """What the goals in scope make of a record, by goal id; goals of other kinds say nothing."""
    rows = await connection.fetch(SQL["judge"], scope.plans, scope.goals, known_at, kind, record_id)
    return {str(row["goal_id"]): Appraisal(*row) for row in rows}


async def compare(connection: Connection, scope: Scope) -> dict[UUID, int]:
    """Plans in scope with kept figures that differ from the ledger, and how many do."""
    ids = [plan.plan_id for plan in scope.plans]
    rows = await connection.fetch(SQL["compare"], scope.plans, scope.goals, ids, timeout=LONGEST_S)
    return {row["plan_id"]: row["differences"] for row in rows}


async def list_stale_plans(connection: Connection) -> list[UUID]:
    """Plans that stand otherwise than their snapshots say."""
    rows = await connection.fetch(SQL["list_stale_plans"], timeout=LONGEST_S)
    return [row["plan_id"] for row in rows]


async def count_misplaced_versions(connection: Connection) -> int:
    """How many versions in the history are not below the one that counts."""
    found: int = await connection.fetchval(SQL["count_misplaced_versions"], timeout=LONGEST_S)
    return found
