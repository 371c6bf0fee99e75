"""Goals that cross their targets: told once each way, however the figures came about."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from services.progress.crossings import CrossingWatch
from services.progress.domain.standing import Patience, Standing, Step, next_step
from shared.kernel.ids import named_id
from shared.messaging import outbox
from tests.backends.database import Database
from tests.store.progress_parts import PLAN, Told, deal, event, goal, partner, plan, strategy, told

WON = goal("closed_won_total_deals_amount", "won", currency="USD")
APPROVED = goal("approved_registered_deals", "approved")
SCENE = [partner(), strategy(WON, APPROVED)]
AT_ONCE = Patience(timedelta(), timedelta())
Data = dict[str, Any]


@pytest.fixture
async def progress(module_database: Database) -> AsyncIterator[Told]:
    async with told(module_database) as made:
        yield made


def target(amount: str) -> Data:
    return {WON["goal_id"]: dict.fromkeys(("annual", "q1", "q2", "q3", "q4"), amount)}


def watch(progress: Told, patience: Patience = AT_ONCE) -> CrossingWatch:
    return CrossingWatch(
        progress.pool,
        progress.clock,
        progress.zone,
        patience,
        pause_s=0.01,
        on_told=lambda: None,
    )


async def heard(progress: Told) -> list[Data]:
    rows = await progress.rows("SELECT value FROM outbox ORDER BY id")
    return [json.loads(row["value"]) for row in rows]


async def turns(progress: Told) -> list[tuple[int, bool]]:
    return [(one["turn"], one["reached"]) for one in await heard(progress)]


async def test_a_goal_that_comes_to_its_target_is_told_once(progress: Told) -> None:
    await progress.hear(*SCENE, plan(targets=target("150")), deal("d1"))
    await watch(progress).look()
    assert await heard(progress) == []
    await progress.hear(deal("d2"))
    assert [await watch(progress).look() for _ in range(3)] == [1, 0, 0]
    [event] = await heard(progress)
    assert event | {"crossed_at": None, "strategy_id": None} == {
        "plan_id": PLAN,
        "strategy_id": None,
        "partner_id": "p1",
        "goal_id": WON["goal_id"],
        "goal_name": "won",
        "goal_type": "closed_won_total_deals_amount",
        "unit": "USD",
        "turn": 1,
        "reached": True,
        "figure": "201.00",
        "target": "150",
        "crossed_at": None,
    }


async def test_exactly_the_target_reaches_it_and_a_target_of_nothing_never(
    progress: Told,
) -> None:
    await progress.hear(*SCENE, plan(targets=target("100.50")), deal("d1"))
    assert await watch(progress).look() == 1
    zero = plan(named_id("plan", "zero"), targets=target("0"))
    await progress.hear(zero)
    assert await watch(progress).look() == 0


@pytest.mark.parametrize(
    "change",
    [
        [deal("d1", version=2, amount="10")],
        [event("deal", {"deal_id": "d1", "version": 2}, what="deleted")],
        [plan(version=2, targets=target("1000"))],
        [plan(version=2, targets={})],
        [event("partner", {"partner_id": "p1", "version": 2}, what="deleted")],
        [strategy(WON | {"options": {"currency": "EUR"}}, version=2)],
    ],
    ids=["corrected", "deleted", "higher target", "no target", "no partner", "another rule"],
)
async def test_a_goal_that_is_no_longer_reached_is_told_whatever_the_cause(
    progress: Told, change: list[Any]
) -> None:
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    await watch(progress).look()
    await progress.hear(*change)
    await watch(progress).look()
    assert await turns(progress) == [(1, True), (2, False)]


async def test_what_is_dated_in_the_future_counts_when_its_day_has_come(progress: Told) -> None:
    late = (progress.clock.now() + timedelta(days=3)).date().isoformat()
    await progress.hear(*SCENE, plan(targets=target("150")), deal("d1"))
    await progress.hear(deal("d2", closed_on=late))
    assert await watch(progress).look() == 0
    progress.clock.advance(timedelta(days=3))
    assert await watch(progress).look() == 1


async def test_a_correction_in_two_steps_is_not_heard_of(progress: Told) -> None:
    patient = Patience(timedelta(), timedelta(hours=1))
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    await watch(progress, patient).look()
    await progress.hear(event("deal", {"deal_id": "d1", "version": 2}, what="deleted"))
    await watch(progress, patient).look()
    await progress.hear(deal("d1", version=3))
    await watch(progress, patient).look()
    rows = await progress.rows("SELECT reached, turn, pending_since FROM goal_standing")
    assert [tuple(row) for row in rows] == [(True, 1, None)]
    assert await turns(progress) == [(1, True)]


async def test_what_lasts_is_told_after_the_pause_and_not_before(progress: Told) -> None:
    patient = Patience(timedelta(minutes=1), timedelta(minutes=1))
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    assert [await watch(progress, patient).look() for _ in range(2)] == [0, 0]
    await progress.pool.execute(
        "UPDATE goal_standing SET pending_since = pending_since - interval '61 seconds'"
    )
    assert await watch(progress, patient).look() == 1
    assert await turns(progress) == [(1, True)]


async def test_a_goal_can_cross_as_often_as_its_figures_do(progress: Told) -> None:
    await progress.hear(*SCENE, plan(targets=target("100")))
    for version, amount in enumerate(["100", "1", "200", "2"], start=1):
        await progress.hear(deal("d1", version=version, amount=amount))
        await watch(progress).look()
    assert await turns(progress) == [(1, True), (2, False), (3, True), (4, False)]
    ids = await progress.rows("SELECT DISTINCT headers ->> 'ce_id' FROM outbox")
    assert len(ids) == 4


async def test_several_who_look_at_the_same_time_tell_once(progress: Told) -> None:
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    found = await asyncio.gather(*(watch(progress).look() for _ in range(5)))
    assert sum(found) == 1
    assert await turns(progress) == [(1, True)]


async def test_one_who_ends_in_between_leaves_nothing_half_done(
    progress: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "put", Mock(side_effect=RuntimeError))
        with pytest.raises(RuntimeError):
            await watch(progress).look()
    assert await progress.rows("SELECT FROM goal_standing") == []
    assert await watch(progress).look() == 1


async def test_a_plan_that_is_gone_tells_nothing_and_is_forgotten(progress: Told) -> None:
    await progress.hear(*SCENE, plan(targets=target("100")), deal("d1"))
    await watch(progress).look()
    await progress.hear(plan(version=2, deleted=True))
    await watch(progress).look()
    assert await progress.rows("SELECT FROM goal_standing") == []
    assert await turns(progress) == [(1, True)]


def test_leaving_must_last_longer_than_reaching() -> None:
    patience = Patience(timedelta(seconds=60), timedelta(seconds=900))

    def step(reached: bool, pending: float | None) -> Step:
        return next_step(
            Standing(
                plan_id=UUID(int=1),
                goal_id=UUID(int=2),
                reached=reached,
                told=not reached,
                turn=1,
                value=Decimal(1),
                target=Decimal(1),
                pending=None if pending is None else timedelta(seconds=pending),
            ),
            patience,
        )

    assert [step(True, after) for after in (None, 59, 60)] == [Step.BEGIN, Step.WAIT, Step.TELL]
    assert [step(False, after) for after in (60, 899, 900)] == [Step.WAIT, Step.WAIT, Step.TELL]
