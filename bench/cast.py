"""The cast of the benchmarks: 10,000 partners, a strategy with five goals, a plan for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import orjson

from bench.deals import GOALS, partner
from bench.stack import BenchError, BenchStack, gather_some, until
from shared.kernel.period import add_months

NAME = "Benchmark year"
PARTNERS = 10_000
LINES_A_REQUEST = 5_000
AT_ONCE = 8
MONTHS_GONE = 6
TARGET = {"annual": "1200"}


@dataclass(frozen=True)
class Cast:
    """The strategy as plans has it, and the plan of each partner by number."""

    strategy: dict[str, Any]
    plans: Sequence[str]

    @property
    def starts(self) -> date:
        return date.fromisoformat(self.strategy["start_date"])


async def assemble(stack: BenchStack, partners: int = PARTNERS) -> Cast:
    """Make the cast, or find it where it is; needs ingest and plans."""
    strategy = await _strategy(stack)
    if strategy is None:
        await tell(stack, [partner_line(number) for number in range(partners)])
        strategy = await _define(stack)
    known = await _plans(stack, strategy)
    missing = [number for number in range(partners) if partner(number) not in known]
    if missing:
        await _make_plans(stack, strategy, missing)
        known = await _plans(stack, strategy)
    return Cast(strategy, [known[partner(number)] for number in range(partners)])


async def _strategy(stack: BenchStack) -> dict[str, Any] | None:
    for found in await stack.pages("plans", "/v1/strategies"):
        if found["name"] == NAME:
            path = f"/v1/strategies/{found['strategy_id']}"
            whole: dict[str, Any] = await stack.call("GET", "plans", path)
            return whole
    return None


async def _define(stack: BenchStack) -> dict[str, Any]:
    body = {
        "name": NAME,
        "start_date": str(add_months(stack.now().date().replace(day=1), -MONTHS_GONE)),
        "partner_groups": [],
        "goal_groups": [{"name": "Deals", "goals": GOALS}],
    }
    made: dict[str, Any] = await stack.call("POST", "plans", "/v1/strategies", json=body)
    return made


async def _plans(stack: BenchStack, strategy: dict[str, Any]) -> dict[str, str]:
    path = f"/v1/plans?strategy_id={strategy['strategy_id']}"
    found = await _pages_of(stack, path)
    return {plan["partner_id"]: plan["plan_id"] for plan in found}


async def _pages_of(stack: BenchStack, path: str) -> list[Any]:
    items: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = await stack.call("GET", "plans", f"{path}&limit=500{more}")
        items += page["items"]
        cursor = page["next"]
    return items


async def _make_plans(stack: BenchStack, strategy: dict[str, Any], missing: list[int]) -> None:
    """A plan for each; the last one waits until plans has heard of every partner."""
    goals = [goal["goal_id"] for group in strategy["goal_groups"] for goal in group["goals"]]
    targets = dict.fromkeys(goals, TARGET)

    def body(number: int) -> dict[str, Any]:
        named = {"strategy_id": strategy["strategy_id"], "partner_id": partner(number)}
        return {**named, "targets": targets}

    async def is_known() -> bool:
        last = await stack.request("POST", "plans", "/v1/plans", json=body(missing[-1]))
        return last.status_code in {201, 409}

    await until(is_known, "plans knows the partners", pause=0.5)

    async def make(number: int) -> None:
        await stack.call("POST", "plans", "/v1/plans", json=body(number))

    await gather_some([partial(make, number) for number in missing[:-1]], AT_ONCE)


def partner_line(number: int) -> bytes:
    """A partner with one admin, as a line of NDJSON."""
    data = {
        "partner_id": partner(number),
        "version": 1,
        "name": f"Benchmark partner {number}",
        "groups": ["bench"],
        "users": [{"email": f"admin@{partner(number)}.example", "name": "Admin", "role": "admin"}],
    }
    return event_line("partner", f"partner/{number}", data)


def event_line(record: str, event_id: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "bench/crm",
            "type": f"milepost.{record}.recorded.v1",
            "data": data,
        }
    )


async def tell(stack: BenchStack, lines: Sequence[bytes]) -> None:
    """Post events; all of them have to be accepted."""
    for start in range(0, len(lines), LINES_A_REQUEST):
        part = lines[start : start + LINES_A_REQUEST]
        answer = await stack.call(
            "POST",
            "ingest",
            "/v1/events",
            role="source",
            content=b"\n".join(part),
            headers={"Content-Type": "application/x-ndjson"},
        )
        if answer["rejected"]:
            raise BenchError(f"ingest refuses {answer['rejected'][0]}")
