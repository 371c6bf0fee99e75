"""A desk on a real database, with a clock that stands still until it is moved."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.plans.contract import OWNS
from services.plans.domain.strategy import GoalDraft, GroupDraft, Strategy, StrategyDraft
from services.plans.handlers.desk import Desk
from services.plans.handlers.plans import PlanDraft, PlanView, create_plan
from services.plans.handlers.strategies import define_strategy
from services.plans.store import directory
from services.plans.store.directory import HeardPartner
from shared.kernel.clock import FixedClock, MonotoneClock
from shared.kernel.ids import new_id
from shared.postgres.pool import create_pool
from tests.backends.database import Database

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DEALS = GoalDraft("approved_registered_deals")
WON = GoalDraft("closed_won_total_deals_amount", options={"currency": "USD"})


@asynccontextmanager
async def a_desk(
    database: Database, *, at: datetime = NOW, zone: str = "UTC", hour: int = 8
) -> AsyncIterator[tuple[Desk, FixedClock]]:
    """A desk on a database that is emptied first, so that the tests of a module can share one."""
    clock = FixedClock(at)
    pool = await create_pool(database.url("plans"), size=6)
    emptied = [table for table in OWNS if table != "opt_out_key"]
    await pool.execute(f"TRUNCATE {', '.join(emptied)}")

    async def nothing() -> None: ...

    yield (
        Desk(
            pool=pool,
            clock=clock,
            stamps=MonotoneClock(clock),
            zone=ZoneInfo(zone),
            mail_hour=hour,
            new_id=new_id,
            wake=lambda: None,
            catch_up=nothing,
        ),
        clock,
    )
    await pool.close()


async def partners(desk: Desk, *ids: str, version: int = 1, **changes: Any) -> None:
    heard = [
        HeardPartner(
            **{
                "partner_id": one,
                "version": version,
                "body": json.dumps([one, version]),
                "deleted": False,
                "name": f"Partner {one}",
                "active": True,
                **changes,
            }
        )
        for one in ids
    ]
    async with desk.pool.acquire() as connection:
        await directory.note_partners(connection, heard)


async def strategy(
    desk: Desk, *goals: GoalDraft, start: date = date(2026, 1, 1), **changes: Any
) -> Strategy:
    told: dict[str, Any] = {
        "name": new_id(),
        "start_date": start,
        "goal_groups": [GroupDraft("Sales", goals)],
        **changes,
    }
    return await define_strategy(desk, StrategyDraft(**told))


async def plan(desk: Desk, of: Strategy, partner_id: str, targets: Any = None) -> PlanView:
    return await create_plan(desk, PlanDraft(of.strategy_id, partner_id, targets or {}))


async def told(desk: Desk) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Type, data and headers of everything in the outbox, in order."""
    rows = await desk.pool.fetch("SELECT value, headers FROM outbox ORDER BY id")
    return [(r["headers"]["ce_type"], json.loads(r["value"]), r["headers"]) for r in rows]


async def forget_told(desk: Desk) -> None:
    await desk.pool.execute("DELETE FROM outbox")


def redraft(of: Strategy, **changes: Any) -> StrategyDraft:
    """A strategy as it would be sent back."""
    groups: Iterable[GroupDraft] = [
        GroupDraft(
            group.name,
            [GoalDraft(g.type, g.name, g.goal_id, g.options) for g in group.goals],
            group.group_id,
        )
        for group in of.goal_groups
    ]
    same: dict[str, Any] = {
        "name": of.name,
        "start_date": of.start_date,
        "description": of.description,
        "partner_groups": of.partner_groups,
        "goal_groups": groups,
        **changes,
    }
    return StrategyDraft(**same)
