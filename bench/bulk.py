"""Plans in bulk: a template of 10,000 partners and 10 goals, filled in, previewed and imported.

Every partner gets an annual target and its four quarters for each goal, 500,000 cells. Memory is
that of the plans service while it judges and commits the file.
"""

import csv
import io
import time
from typing import Any

from bench.cast import PARTNERS, partner_line, tell
from bench.figures import Bar, Row
from bench.stack import BenchError, BenchStack, Memory, until

GOALS = 10
GROUP = "bench"
QUARTER = 25
LESS_THAN_10_S = Bar(10, "s", at_least=False)


async def run(stack: BenchStack, repeats: int, partners: int = PARTNERS) -> list[Row]:
    await stack.up(("ingest", "plans"))
    await tell(stack, [partner_line(number) for number in range(partners)])
    previews, commits, memory, failures = [], [], [], []
    for number in range(repeats):
        strategy = await _define(stack, f"Bulk {number + 1}")
        content = _filled_in(await _template(stack, strategy, partners))
        async with Memory(stack.pid("plans")) as used:
            preview, judged_in = await _preview(stack, content)
            done, done_in = await _commit(stack, preview)
        previews.append(judged_in)
        commits.append(done_in)
        memory.append(used.highest)
        # Other benchmarks may have told of partners, too: all of them are in the template.
        if preview != done or done["new"] < partners or done["errors"]:
            failures.append(f"{strategy['name']}: {preview} → {done}")
        path = f"/v1/strategies/{strategy['strategy_id']}"
        answer = await stack.request("DELETE", "plans", path)
        if answer.is_error:
            raise BenchError(f"DELETE {path}: {answer.status_code} {answer.text[:500]}")
    cells = f"{partners:,} partners × {GOALS} goals ({partners * GOALS * 5:,} cells)"
    return [
        Row(f"import of {cells}: preview", previews, "s", LESS_THAN_10_S, "", failures),
        Row("… commit", commits, "s", LESS_THAN_10_S),
        Row("… memory of plans, highest", memory, "MB", Bar(300, "MB", at_least=False)),
    ]


async def _define(stack: BenchStack, name: str) -> dict[str, Any]:
    goal = {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
    goals = [{**goal, "name": f"Goal {number + 1}"} for number in range(GOALS)]
    body = {
        "name": name,
        "start_date": str(stack.now().date()),
        "partner_groups": [GROUP],
        "goal_groups": [{"name": "Bulk", "goals": goals}],
    }
    made: dict[str, Any] = await stack.call("POST", "plans", "/v1/strategies", json=body)
    return made


async def _template(stack: BenchStack, strategy: dict[str, Any], partners: int) -> str:
    """The template, once plans has heard of every partner."""
    path = f"/v1/strategies/{strategy['strategy_id']}/template.csv"
    found = ""

    async def is_whole() -> bool:
        nonlocal found
        found = (await stack.request("GET", "plans", path)).text
        return found.count("\n") > partners

    await until(is_whole, "the template has every partner", pause=0.5)
    return found


def _filled_in(template: str) -> bytes:
    """The template with a target in every cell that takes one."""
    header, *rows = csv.reader(io.StringIO(template))
    annual = [n for n, name in enumerate(header) if name.endswith("_Target")]
    quarters = [n for n, name in enumerate(header) if name[-3:-1] == "_Q"]
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(header)
    for number, row in enumerate(rows):
        for at in annual:
            row[at] = str(4 * (QUARTER + number))
        for at in quarters:
            row[at] = str(QUARTER + number)
        writer.writerow(row)
    return output.getvalue().encode()


async def _preview(stack: BenchStack, content: bytes) -> tuple[dict[str, Any], float]:
    """What the preview says, and how many seconds it took."""
    began = time.perf_counter()
    found = await stack.call(
        "POST", "plans", "/v1/imports", content=content, headers={"Content-Type": "text/csv"}
    )
    return found, time.perf_counter() - began


async def _commit(stack: BenchStack, preview: dict[str, Any]) -> tuple[dict[str, Any], float]:
    began = time.perf_counter()
    path = f"/v1/imports/{preview['import_id']}/commit"
    found = await stack.call("POST", "plans", path)
    return found, time.perf_counter() - began
