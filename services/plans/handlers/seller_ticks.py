"""Issuing seller ticks: each participant's mail about a period falls due once, as of its time."""

from datetime import datetime
from typing import Final

from services.plans.domain.seller_due import seller_dues
from services.plans.domain.seller_plan import SellerPlan
from services.plans.handlers.desk import Change, Desk, change
from services.plans.handlers.tell import seller_tick_due
from services.plans.store import seller_plans, seller_ticks, strategies, ticks
from services.plans.store.seller_ticks import OpenSellerDue
from shared.events.seller_plans import SellerTickDue
from shared.kernel.ids import named_id
from shared.messaging import outbox

AT_ONCE: Final = 5000


async def issue_due_seller_ticks(desk: Desk) -> int:
    """Issue every seller tick that has fallen due, in due order. Returns how many."""
    issued = 0
    before = await _settled_moment(desk)
    while before is not None:
        some = await _issue_some(desk, before)
        if some is None:
            break
        issued += some
    return issued


async def _settled_moment(desk: Desk) -> datetime | None:
    """Now, when something is due and everybody who joined before now can be seen; else None."""
    async with desk.pool.acquire() as connection:
        if not await seller_ticks.is_any_seller_due(connection, desk.clock.now()):
            return None
        async with connection.transaction():
            alone = await strategies.take_write_lock_alone(connection)
            return desk.clock.now() if alone else None


async def _issue_some(desk: Desk, before: datetime) -> int | None:
    """One transaction's worth of the earliest due; None when none is open."""
    async with change(desk) as under_way:
        if not await ticks.take_the_schedule(under_way.connection):
            return None
        due = await seller_ticks.next_seller_due(under_way.connection, before)
        if due is None:
            return None
        issued, _ = await _issue(under_way, due)
        return issued


async def issue_overdue_to_sellers(under_way: Change, seller_plan_id: str) -> None:
    """Issue what participants are owed up to a change that would take it from them."""
    connection = under_way.connection
    for due in await seller_ticks.seller_dues_of_plan(connection, seller_plan_id, under_way.at):
        reached: OpenSellerDue | None = due
        while reached is not None:
            _, reached = await _issue(under_way, reached)


async def _issue(under_way: Change, due: OpenSellerDue) -> tuple[int, OpenSellerDue | None]:
    """Tick the next participants of a due; gives their number and what is left of the due."""
    connection, at = under_way.connection, under_way.at
    seen = await seller_ticks.participants_due(connection, due, AT_ONCE, under_way.day)
    tick_ids = {one: named_id("seller tick", one, due.period) for one, entitled in seen if entitled}
    fresh = await seller_ticks.add_seller_ticks(connection, due, tick_ids, at)
    told = [
        SellerTickDue(
            tick_id=tick_id,
            seller_plan_id=due.seller_plan_id,
            participant_id=participant_id,
            period=due.period,
            due_at=due.due_at,
        )
        for participant_id, tick_id in tick_ids.items()
        if participant_id in fresh
    ]
    await outbox.put(connection, [seller_tick_due(tick, at) for tick in told])
    over = len(seen) < AT_ONCE
    reached = seen[-1][0] if seen else due.reached
    await seller_ticks.note_seller_reached(connection, due, reached, at if over else None)
    left = None if over else OpenSellerDue(due.seller_plan_id, due.period, due.due_at, reached)
    return len(told), left


async def plan_seller_dues(desk: Desk, under_way: Change, plan: SellerPlan) -> None:
    """Write down the dues of a seller plan from now on, in place of those still open."""
    connection, seller_plan_id = under_way.connection, plan.seller_plan_id
    await seller_ticks.forget_open_seller_dues(connection, seller_plan_id)
    if plan.scheduled_at is not None and plan.stopped_at is None:
        dues = seller_dues(
            plan.cadence, plan.start_date, plan.end_date, desk.zone, desk.mail_hour, under_way.at
        )
        await seller_ticks.add_seller_dues(connection, seller_plan_id, dues)


async def follow_settings_to_sellers(desk: Desk) -> None:
    """Move the dues that lie ahead to the mail hour and time zone of the settings."""
    async with change(desk) as under_way:
        connection, at = under_way.connection, under_way.at
        for plan_id, moments in await seller_ticks.list_plans_with_seller_dues(connection, at):
            plan = await seller_plans.find_seller_plan(connection, plan_id)
            if plan is None:
                continue
            span = plan.cadence, plan.start_date, plan.end_date
            ahead = seller_dues(*span, desk.zone, desk.mail_hour, at)
            if [due.at for due in ahead] != moments:
                await seller_ticks.forget_seller_dues_ahead(connection, plan_id, at)
                await seller_ticks.add_seller_dues(connection, plan_id, ahead)
