"""At 1,000 events a second: from the 202 to the figure that progress shows.

Fifty requests a second of twenty events each. One event of each request is a deal of a partner
whose plan is looked at all the time; it is visible when the plan's count has come to it.
"""

import asyncio
import time
from dataclasses import dataclass, field

from bench.cast import PARTNERS, Cast, assemble, event_line, partner_line, tell
from bench.deals import GOALS, partner
from bench.figures import Bar, Row, percentile
from bench.stack import BenchStack, until
from shared.kernel.ids import new_id

EVENTS_A_SECOND = 1_000
REQUESTS_A_SECOND = 50
SECONDS = 20
LOOK_PAUSE = 0.004
NDJSON = {"Content-Type": "application/x-ndjson"}
SERVICES = ("ingest", "plans", "progress")


@dataclass
class Probe:
    """The plan that is looked at, and when each of its deals was accepted and seen."""

    partner_id: str
    plan_id: str
    day: str
    accepted: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)

    @property
    def delays(self) -> list[float]:
        """Milliseconds from each 202 to the first look that showed the deal."""
        pairs = zip(self.accepted, self.seen, strict=True)
        return [max(0.0, seen - accepted) * 1000 for accepted, seen in pairs]


async def run(stack: BenchStack, repeats: int, seconds: int = SECONDS) -> list[Row]:
    await stack.up(SERVICES)
    cast = await assemble(stack)
    await stack.settled()
    p99, p50 = [], []
    for _ in range(repeats):
        probe = await _make_probe(stack, cast)
        await _measure(stack, probe, seconds)
        p99.append(percentile(probe.delays, 0.99))
        p50.append(percentile(probe.delays, 0.5))
    what = f"at {EVENTS_A_SECOND:,} events/s: from 202 to visible progress"
    return [
        Row(f"{what}, p99", p99, "ms", Bar(300, "ms", at_least=False)),
        Row("… median", p50, "ms"),
    ]


async def _make_probe(stack: BenchStack, cast: Cast) -> Probe:
    """A partner and a plan of their own, so that their count begins at 0."""
    number = new_id()
    line = partner_line(0).replace(partner(0).encode(), number.encode())
    await tell(stack, [line])
    body = {"strategy_id": cast.strategy["strategy_id"], "partner_id": number}

    async def made() -> bool:
        answer = await stack.request("POST", "plans", "/v1/plans", json=body)
        return answer.status_code in {201, 409}

    await until(made, "the probe's plan is made")
    path = f"/v1/plans?partner_id={number}"
    plan = (await stack.call("GET", "plans", path))["items"][0]["plan_id"]

    async def shown() -> bool:
        answer = await stack.request("GET", "progress", f"/v1/plans/{plan}/progress")
        return not answer.is_error

    await until(shown, "progress knows the probe's plan")
    return Probe(number, plan, str(cast.starts))


async def _measure(stack: BenchStack, probe: Probe, seconds: int) -> None:
    requests = seconds * REQUESTS_A_SECOND
    looking = asyncio.create_task(_look(stack, probe, requests))
    began = time.perf_counter()
    sending: set[asyncio.Task[None]] = set()
    for number in range(requests):
        await asyncio.sleep(max(0.0, began + number / REQUESTS_A_SECOND - time.perf_counter()))
        task = asyncio.create_task(_send(stack, probe, number))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)
    await looking


async def _send(stack: BenchStack, probe: Probe, number: int) -> None:
    lines = [_deal(probe, number, n) for n in range(EVENTS_A_SECOND // REQUESTS_A_SECOND)]
    await stack.call(
        "POST", "ingest", "/v1/events", role="source", content=b"\n".join(lines), headers=NDJSON
    )
    probe.accepted.append(time.perf_counter())


def _deal(probe: Probe, request: int, number: int) -> bytes:
    """The first deal of a request is the probe's, the others are spread over the cast."""
    owner = probe.partner_id if number == 0 else partner((request * 20 + number) % PARTNERS)
    deal_id = f"{probe.partner_id}-{request}-{number}"
    data = {
        "deal_id": deal_id,
        "version": 1,
        "partner_id": owner,
        "deal_type": "GTX",
        "products": ["GTX Pro"],
        "status": "approved",
        "registered_on": probe.day,
        "approved_on": probe.day,
    }
    return event_line("deal", deal_id, data)


async def _look(stack: BenchStack, probe: Probe, count: int) -> None:
    """Note when each of the probe's deals is seen, until all of them are."""
    path = f"/v1/plans/{probe.plan_id}/progress"
    place = [goal["name"] for goal in GOALS].index("Deals")
    while len(probe.seen) < count:
        found = await stack.call("GET", "progress", path)
        at = time.perf_counter()
        shown = int(found["goal_groups"][0]["goals"][place]["value"])
        probe.seen += [at] * (shown - len(probe.seen))
        await asyncio.sleep(LOOK_PAUSE)
