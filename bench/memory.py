"""Memory of progress over 5,000,000 events in one process: flat, or growing with the backlog?"""

from bench.backlog import MEASURED, drain, verified
from bench.cast import assemble
from bench.deals import Backlog, Mix
from bench.figures import Bar, Row
from bench.stack import BenchStack

EVENTS = 5_000_000
FLAT_WITHIN = 1.10
"""The last fifth of the run against its second: the first fills caches and pools."""


async def run(stack: BenchStack, repeats: int, events: int = EVENTS) -> list[Row]:
    del repeats  # one long run is the measurement
    await stack.up(MEASURED)
    cast = await assemble(stack)
    await stack.settled()
    drained = await drain(stack, Backlog("long", cast.starts, Mix(events)))
    early, late = drained.memory.average(0.2, 0.4), drained.memory.average(0.8, 1.0)
    parts = f"{early:.0f} MB in the second fifth, {late:.0f} MB in the last"
    note = f"{parts}; {drained.rate:,.0f} events/s"
    failures = await verified(stack)
    if late > early * FLAT_WITHIN:
        failures.append(f"not flat: {note}")
    name = f"progress memory over {events:,} events, highest"
    highest = [drained.memory.highest]
    return [Row(name, highest, "MB", Bar(350, "MB", at_least=False), note, failures)]
