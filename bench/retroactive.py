"""A goal is added to a strategy with 10,000 plans over a million records: how soon all show it.

Timed from the answer of the PUT to the moment when progress says that everything accepted by then
is in the figures; then every plan is asked, and each has to show the goal at the first look, with
the value of a goal that has the same options and was there before.
"""

import copy
import time
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from bench.backlog import MEASURED, drain, verified
from bench.cast import Cast, assemble
from bench.deals import Backlog, Mix
from bench.figures import Bar, Row
from bench.stack import QUERIES, BenchStack, gather_some, until

LABEL = "run0"
ADDED = "Added goal"
LIKE = "Won GTX"
"""The benchmark goal whose options the added one has, so that its values are known."""


async def run(stack: BenchStack, repeats: int, events: int = 1_000_000) -> list[Row]:
    await stack.up(MEASURED)
    cast = await assemble(stack)
    if not await _has_records(stack, cast):
        await drain(stack, Backlog(LABEL, cast.starts, Mix(events)))
    await stack.settled()
    database = await stack.database()
    records = int(await database.fetchval(QUERIES["count_records"]))
    await database.close()
    took, failures = [], []
    for number in range(repeats):
        seconds, wrong = await _add_goal(stack, cast, f"{ADDED} {number + 1}")
        took.append(seconds)
        failures += wrong
    await _restore(stack, cast)
    failures += await verified(stack)
    return [
        Row(
            f"a goal added to a strategy with {len(cast.plans):,} plans: until every plan shows it",
            took,
            "s",
            Bar(3, "s", at_least=False),
            f"over {records:,} records",
            failures,
        )
    ]


async def _has_records(stack: BenchStack, cast: Cast) -> bool:
    found = await stack.call("GET", "progress", f"/v1/plans/{cast.plans[0]}/progress")
    return any(Decimal(goal["value"]) for goal in found["goal_groups"][0]["goals"])


async def _add_goal(stack: BenchStack, cast: Cast, name: str) -> tuple[float, list[str]]:
    path = f"/v1/strategies/{cast.strategy['strategy_id']}"
    body = await stack.call("GET", "plans", path)
    like = next(g for g in body["goal_groups"][0]["goals"] if g["name"] == LIKE)
    body["goal_groups"][0]["goals"].append(
        {"type": like["type"], "name": name, "options": like["options"]}
    )
    await stack.call("PUT", "plans", path, json=body)
    accepted, began = stack.now(), time.perf_counter()
    await until(lambda: _complete(stack, accepted), "the goal is in the figures", pause=0.02)
    took = time.perf_counter() - began
    return took, await _missing(stack, cast, name)


async def _complete(stack: BenchStack, accepted: datetime) -> bool:
    complete = await stack.complete_to()
    return complete is not None and complete > accepted


async def _missing(stack: BenchStack, cast: Cast, name: str) -> list[str]:
    """Plans that do not show the goal, or not with the value of the goal that it is like."""

    async def look(plan: str) -> bool:
        found = await stack.call("GET", "progress", f"/v1/plans/{plan}/progress")
        goals = {goal["name"]: goal["value"] for goal in found["goal_groups"][0]["goals"]}
        return name in goals and goals[name] == goals[LIKE]

    looks = await gather_some([partial(look, plan) for plan in cast.plans], 8)
    missing = looks.count(False)
    return [f"{missing} plans do not show {name}"] if missing else []


async def _restore(stack: BenchStack, cast: Cast) -> None:
    """Take the added goals away again, so that the next benchmark finds five."""
    path = f"/v1/strategies/{cast.strategy['strategy_id']}"
    body: dict[str, Any] = copy.deepcopy(await stack.call("GET", "plans", path))
    group = body["goal_groups"][0]
    group["goals"] = [goal for goal in group["goals"] if not goal["name"].startswith(ADDED)]
    await stack.call("PUT", "plans", path, json=body)
    await stack.settled()
