"""Finding goals that have crossed their targets, and telling it once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from services.progress.domain.goal import Scope
from services.progress.domain.sheet import Figures, KnownPlan, Moment
from services.progress.domain.standing import Patience, Standing, Step, next_step
from services.progress.handlers.ask import find_known
from services.progress.handlers.take import FOREVER
from services.progress.store import figures, plans, standings
from shared.events.envelope import Envelope
from shared.events.progress import GOAL_CROSSED, GoalCrossed
from shared.kernel.ids import named_id
from shared.kernel.period import local_day
from shared.messaging import outbox, topics
from shared.messaging.message import Message
from shared.postgres.pool import Connection

SOURCE: Final = "/milepost/progress"


async def tell_crossings(
    connection: Connection,
    plan_ids: Sequence[UUID],
    patience: Patience,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Hold the figures of plans against what was told of them, in a transaction of the caller's.

    What they say counts, however it came about: new records, corrections, other targets, or a day
    that has come. Gives how many crossings were told.
    """
    counted: Figures = {}
    beyond = await standings.list_plans_beyond(connection, plan_ids, local_day(now, zone))
    if beyond:
        rows = await plans.find_plans(connection, beyond)
        goals = await plans.find_goals(connection, {row.strategy_id for row in rows})
        counted = await figures.add_up(
            connection, Scope(rows, goals), FOREVER, local_day(now, zone)
        )
    steps: dict[Step, list[Standing]] = {step: [] for step in Step}
    for one in await standings.find_crossings(connection, plan_ids, beyond, counted):
        steps[next_step(one, patience)].append(one)
    if steps[Step.FORGET]:
        await standings.clear_pending(connection, steps[Step.FORGET])
    if new := steps[Step.BEGIN] + [one for one in steps[Step.TELL] if one.pending is None]:
        await standings.set_pending(connection, new)
    if told := steps[Step.TELL]:
        await standings.cross_over(connection, told)
        moment = Moment(now, None, now, zone)
        known = await find_known(connection, {one.plan_id for one in told}, moment)
        await outbox.put(connection, [m for one in told if (m := _message(one, known, now))])
    return len(steps[Step.TELL])


def _message(crossed: Standing, known: Mapping[UUID, KnownPlan], at: datetime) -> Message | None:
    """The event of a crossing; None for a goal that went while one looked."""
    found = known.get(crossed.plan_id)
    goal = found.goal(str(crossed.goal_id)) if found else None
    if found is None or goal is None:
        return None
    turn = crossed.turn + 1
    event = GoalCrossed(
        plan_id=found.plan.plan_id,
        strategy_id=found.plan.strategy_id,
        partner_id=found.plan.partner_id,
        goal_id=goal.goal_id,
        goal_name=goal.name,
        goal_type=goal.type,
        unit=goal.unit,
        turn=turn,
        reached=crossed.reached,
        figure=crossed.value,
        target=crossed.target,
        crossed_at=at,
    )
    event_id = named_id("crossing", event.plan_id, event.goal_id, str(turn))
    envelope = Envelope(id=event_id, type=GOAL_CROSSED, source=SOURCE, accepted_at=at)
    return Message(topics.PROGRESS, event.partner_id, event.value(), envelope)
