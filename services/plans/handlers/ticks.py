"""Issuing ticks: each plan's monthly mail falls due once, as of its own time."""

from datetime import datetime
from typing import Final

from services.plans.domain.due import dues_from
from services.plans.domain.strategy import Strategy
from services.plans.handlers.desk import Change, Desk, change
from services.plans.handlers.tell import tick_due
from services.plans.store import strategies, ticks
from services.plans.store.ticks import OpenDue
from shared.events.plans import TickDue
from shared.kernel.ids import named_id
from shared.kernel.period import monthly_dues
from shared.messaging import outbox

AT_ONCE: Final = 5000


async def issue_due_ticks(desk: Desk) -> int:
    """Issue every tick that has fallen due, in due order. Returns how many.

    Several replicas may try: one at a time does, and the log takes a plan's period only once.
    """
    issued = 0
    before = await _settled_moment(desk)
    while before is not None:
        some = await _issue_some(desk, before)
        if some is None:
            break
        issued += some
    return issued


async def _settled_moment(desk: Desk) -> datetime | None:
    """Now, when something is due and every plan made before now can be seen; else None."""
    async with desk.pool.acquire() as connection:
        if not await ticks.is_anything_due(connection, desk.clock.now()):
            return None
        async with connection.transaction():
            alone = await strategies.take_write_lock_alone(connection)
            return desk.clock.now() if alone else None


async def _issue_some(desk: Desk, before: datetime) -> int | None:
    """One transaction's worth of the earliest due; None when none is open."""
    async with change(desk) as under_way:
        if not await ticks.take_the_schedule(under_way.connection):
            return None
        due = await ticks.next_due(under_way.connection, before)
        if due is None:
            return None
        issued, _ = await _issue(under_way, due)
        return issued


async def issue_overdue(under_way: Change, strategy_id: str) -> None:
    """Issue what a strategy's plans are owed up to a change that would take it from them.

    Otherwise it would depend on the scheduler's haste whether a plan that is deleted, or a start
    that moves, still gets the mail that fell due before.
    """
    for due in await ticks.dues_of_strategy(under_way.connection, strategy_id, under_way.at):
        reached: OpenDue | None = due
        while reached is not None:
            _, reached = await _issue(under_way, reached)


async def _issue(under_way: Change, due: OpenDue) -> tuple[int, OpenDue | None]:
    """Tick the next plans of a due; gives their number and what is left of the due."""
    connection, at = under_way.connection, under_way.at
    plans = await ticks.plans_due(connection, due, AT_ONCE)
    tick_ids = {plan_id: named_id("tick", plan_id, due.period) for plan_id, _ in plans}
    fresh = await ticks.add_ticks(connection, due, tick_ids, at)
    told = [
        TickDue(
            tick_id=tick_ids[plan_id],
            plan_id=plan_id,
            strategy_id=due.strategy_id,
            partner_id=partner_id,
            period=due.period,
            due_at=due.due_at,
        )
        for plan_id, partner_id in plans
        if plan_id in fresh
    ]
    await outbox.put(connection, [tick_due(tick, at) for tick in told])
    over = len(plans) < AT_ONCE
    reached = plans[-1][0] if plans else due.reached
    await ticks.note_reached(connection, due, reached, at if over else None)
    left = None if over else OpenDue(due.strategy_id, due.period, due.due_at, reached)
    return len(told), left


async def plan_dues(desk: Desk, under_way: Change, strategy: Strategy) -> None:
    """Write down the dues of a strategy from now on, in place of those still open."""
    await ticks.forget_open_dues(under_way.connection, strategy.strategy_id)
    dues = dues_from(strategy.start_date, under_way.at, desk.zone, desk.mail_hour)
    await ticks.add_dues(under_way.connection, strategy.strategy_id, dues)


async def follow_settings(desk: Desk) -> None:
    """Move the dues that lie ahead to the mail hour and time zone of the settings."""
    async with change(desk) as under_way:
        connection, at = under_way.connection, under_way.at
        for strategy_id, start, moments in await ticks.starts_with_open_dues(connection, at):
            ahead = [due for due in monthly_dues(start, desk.zone, desk.mail_hour) if due.at > at]
            if [due.at for due in ahead] != moments:
                await ticks.forget_dues_ahead(connection, strategy_id, at)
                await ticks.add_dues(connection, strategy_id, ahead)
