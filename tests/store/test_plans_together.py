"""Many hands at once: no deadlock, no lost change, versions without gaps, targets that add up."""

import asyncio
import contextlib
import io
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from services.plans.domain.refusal import ConflictError, RefusalError
from services.plans.domain.strategy import GroupDraft
from services.plans.handlers.desk import Desk
from services.plans.handlers.imports import commit_import, preview_import, write_template
from services.plans.handlers.plans import PlanDraft, create_plan, delete_plan, revise_plan
from services.plans.handlers.strategies import redefine_strategy
from services.plans.handlers.ticks import issue_due_ticks
from services.plans.store import strategies
from shared.kernel.clock import FixedClock
from tests.backends.database import Database
from tests.store.plans_desk import DEALS, WON, a_desk, partners, redraft, strategy, told

PARTNERS = [f"p{number}" for number in range(6)]
Step = Callable[[], Awaitable[object]]


class Hands:
    """What people do to one strategy, by chance."""

    def __init__(self, desk: Desk, clock: FixedClock, strategy_id: str, chance: Random) -> None:
        self.desk, self.clock, self.strategy_id, self.chance = desk, clock, strategy_id, chance

    async def _strategy(self) -> object:
        async with self.desk.pool.acquire() as connection:
            return await strategies.find_strategy(connection, self.strategy_id)

    async def make(self) -> None:
        found = await self._strategy()
        goals = {goal: {"annual": 4} for goal in found.goals}  # type: ignore[attr-defined]
        draft = PlanDraft(self.strategy_id, self.chance.choice(PARTNERS), goals)
        await create_plan(self.desk, draft)

    async def _some_plan(self) -> str:
        found = await self.desk.pool.fetchval("SELECT plan_id FROM plan ORDER BY random() LIMIT 1")
        return str(found) if found else self.strategy_id

    async def revise(self) -> None:
        plan_id, found = await self._some_plan(), await self._strategy()
        goals = {
            goal: self.chance.choice([None, {"q2": self.chance.randint(0, 9)}])
            for goal in found.goals  # type: ignore[attr-defined]
        }
        await revise_plan(self.desk, "me", plan_id, goals, reason=None, expected=None)

    async def delete(self) -> None:
        await delete_plan(self.desk, await self._some_plan(), None)

    async def redefine(self) -> None:
        found = await self._strategy()
        draft = redraft(found)  # type: ignore[arg-type]
        [group] = draft.goal_groups
        goals = [*group.goals]
        if len(goals) > 1 and self.chance.random() < 0.5:
            goals.pop(self.chance.randrange(len(goals)))
        else:
            goals.append(self.chance.choice([DEALS, WON]))
        start = found.start_date  # type: ignore[attr-defined]
        if self.chance.random() < 0.2:
            start = date(2026, self.chance.randint(1, 3), 10)
        groups = [GroupDraft(group.name, goals, group.group_id)]
        changed = redraft(found, goal_groups=groups, start_date=start)  # type: ignore[arg-type]
        await redefine_strategy(self.desk, "me", self.strategy_id, changed, None)

    async def bring(self) -> None:
        found = await self._strategy()
        parts = [one async for one in write_template(self.desk, found, ())]  # type: ignore[arg-type]
        previewed = await preview_import(self.desk, "me", io.BytesIO("".join(parts).encode()))
        await commit_import(self.desk, "me", str(previewed["import_id"]))

    async def tick(self) -> None:
        self.clock.advance(timedelta(hours=self.chance.randint(0, 60)))
        await issue_due_ticks(self.desk)

    async def work(self, steps: int) -> list[BaseException]:
        troubles: list[BaseException] = []
        doing: list[Step] = [
            self.make,
            self.make,
            self.revise,
            self.revise,
            self.delete,
            self.redefine,
            self.bring,
            self.tick,
        ]
        for _ in range(steps):
            try:
                await self.chance.choice(doing)()
            except RefusalError:
                pass  # somebody else was faster
            except Exception as trouble:  # noqa: BLE001 - every other failure is a finding
                troubles.append(trouble)
        return troubles


@pytest.mark.parametrize("seed", range(3))
async def test_changes_at_the_same_time_keep_every_rule(
    module_database: Database, seed: int
) -> None:
    async with a_desk(module_database, at=datetime(2026, 1, 1, tzinfo=UTC)) as (desk, clock):
        await partners(desk, *PARTNERS)
        of = await strategy(desk, DEALS, WON, start=date(2026, 1, 10))
        hands = [Hands(desk, clock, of.strategy_id, Random(seed * 10 + n)) for n in range(5)]
        troubles = await asyncio.gather(*(one.work(40) for one in hands))
        assert [trouble for some in troubles for trouble in some] == []

        clock.advance(timedelta(days=40))
        with contextlib.suppress(ConflictError):
            await hands[0].make()
        clock.advance(timedelta(days=40))
        await issue_due_ticks(desk)
        async with desk.pool.acquire() as connection:
            now = await strategies.find_strategy(connection, of.strategy_id)
        assert now is not None
        kept = await desk.pool.fetch("SELECT DISTINCT goal_id FROM target")
        assert {str(row["goal_id"]) for row in kept} <= now.goals.keys()

        versions, stamps, ticks = defaultdict(list), defaultdict(list), list[tuple[str, str]]()
        for kind, data, headers in await told(desk):
            if kind.endswith("tick.due.v1"):
                ticks.append((data["plan_id"], data["period"]))
                continue
            key = data.get("plan_id", data["strategy_id"])
            versions[key].append(data["version"])
            stamps[key].append(headers["ce_acceptedat"])
        assert len(versions) > 5
        for key, numbers in versions.items():
            assert numbers == list(range(1, len(numbers) + 1)), key
            assert stamps[key] == sorted(stamps[key])
        assert len(ticks) == len(set(ticks)) > 0
