"""Sellers' insights: taking collaboration in, due statements, a late contact upload, one's page.

Nine weeks of 100 interactions a week of each seller. They are produced while progress is down, in
as many parts as there are repeats, and each part is timed from Kafka into the ledger. Then the
clock jumps past the first due of a plan of all sellers, and their statements are asked for as the
notifier does it. What some sellers are shown is held against the oracle of the tests.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from bench.backlog import MEASURED, drain
from bench.cast import event_line, tell
from bench.figures import Bar, Row, percentile
from bench.sales import CONTACTS, TEAM, WEEKS, Collaboration, Sales, is_moved
from bench.stack import QUERIES, BenchError, BenchStack, Memory, until
from deploy.local import issuer
from shared.kernel.period import add_months
from shared.messaging.topics import COLLABORATION
from tests.oracle.insight import Company

ALL_SELLERS: Final = 10_000
SELLERS: Final = 1_000
TICKS_A_REQUEST: Final = 200
"""As many as the notifier asks for."""
TEAMS_CHECKED: Final = 3
PAGES: Final = 100
CSV: Final = {"Content-Type": "text/csv"}
AFTER_THE_DUE: Final = timedelta(seconds=1)
OTHERS: Final = ("complete_to", "peers", "methods")
Data = dict[str, Any]
Figures = dict[str, Data]


@dataclass
class Taken:
    """What the runs came to."""

    rates: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """A plan of all sellers whose first mails are due."""

    plan_id: str
    period: str
    due_at: datetime
    ticks: Sequence[str]


async def run(stack: BenchStack, repeats: int, sellers: int = SELLERS) -> list[Row]:
    await stack.up(MEASURED)
    await stack.settled()
    sales, taken = _sales(stack, sellers), Taken()
    await tell(stack, list(_lines(sales)))
    await stack.settled()
    await _take_in(stack, sales, repeats, taken)
    plan = await _fall_due(stack, sales)
    for _ in range(repeats):
        await _state(stack, plan, taken)
    taken.failures += await _differences(stack, sales, plan)
    await _open_pages(stack, sales, plan, repeats, taken)
    for number in range(repeats):
        await _move_contacts(stack, sales, plan, f"moved-{number}", taken)
    return _rows(taken, sellers)


def _rows(taken: Taken, sellers: int) -> list[Row]:
    share = sellers / ALL_SELLERS
    asked = f"{sellers:,} sellers × 100 interactions a week × {WEEKS} weeks"
    part = f"; the bar is that of {ALL_SELLERS:,} sellers in proportion" if share < 1 else ""
    return [
        Row(
            "progress: interactions of 4 people on average, Kafka to committed ledger",
            taken.rates,
            "events/s",
            Bar(15_000, "events/s"),
            "; ".join(taken.notes),
        ),
        Row(
            f"{asked}: all monthly statements, peer split included",
            taken.statements,
            "s",
            Bar(120 * share, "s", at_least=False),
            f"{TICKS_A_REQUEST} a request{part}",
            taken.failures,
        ),
        Row("… memory of progress, highest", taken.memory, "MB", Bar(500, "MB", at_least=False)),
        Row(
            "a contact upload that re-attributes 1 % of them: until figures show it",
            taken.moved,
            "s",
            Bar(10, "s", at_least=False),
        ),
        Row(
            "one seller's insight over HTTP, p95",
            taken.pages,
            "ms",
            Bar(100, "ms", at_least=False),
            f"{PAGES} sellers one after another",
        ),
    ]


# --- who, and what they do ------------------------------------------------------------------------
def _sales(stack: BenchStack, sellers: int) -> Sales:
    """Sellers whose nine weeks end with the month that a plan of today tells of first."""
    day = _sunday_after(stack.now().date())
    month = day.replace(day=1)
    due = month if day.day <= 2 else add_months(month, 1)
    return Sales(f"{due:%y%m}-{sellers}", sellers, due)


def _sunday_after(day: date) -> date:
    return day + timedelta(days=7 - day.isoweekday() % 7)


def _lines(sales: Sales) -> Iterator[bytes]:
    for number, (record, data) in enumerate(sales.directory()):
        yield event_line(record, f"{sales.label}-{number}", data)


async def _take_in(stack: BenchStack, sales: Sales, repeats: int, taken: Taken) -> None:
    for number in range(repeats):
        weeks = [WEEKS * place // repeats for place in (number, number + 1)]
        drained = await drain(stack, Collaboration(sales, *weeks), COLLABORATION)
        taken.rates.append(drained.rate)
        used = ", ".join(f"{part} {spent:.1f}" for part, spent in drained.processor.items())
        taken.notes = [f"processor time, µs an event: {used}"]


# --- due statements -------------------------------------------------------------------------------
async def _fall_due(stack: BenchStack, sales: Sales) -> Plan:
    """Start a plan of everybody, and jump past its first due."""
    call = partial(stack.call, role="analyst")
    body = {"name": f"Sales {sales.label}"}
    plan = await call("POST", "plans", "/v1/seller-plans", json=body)
    path = f"/v1/seller-plans/{plan['seller_plan_id']}"
    people = [sales.seller(number) for number in range(sales.sellers)]
    rows = "\n".join(["Email", *people])
    listed = await call("POST", "plans", f"{path}/participants", content=rows, headers=CSV)
    if listed["qualified"] != sales.sellers:
        raise BenchError(f"only {listed['qualified']} sellers qualify")
    await call("POST", "plans", f"{path}/start")
    due = datetime.combine(sales.ends, stack.now().timetz()) + timedelta(days=1)
    stack.jump(due.replace(hour=8, minute=0, second=0, microsecond=0) + AFTER_THE_DUE)
    found: list[Any] = []

    async def heard() -> bool:
        nonlocal found
        found = await _ticks(stack, plan["seller_plan_id"])
        return len(found) == sales.sellers

    await until(heard, f"{sales.sellers:,} ticks are heard", pause=0.5)
    await stack.settled()
    ticks = [str(row["tick_id"]) for row in found]
    return Plan(plan["seller_plan_id"], found[0]["period"], found[0]["due_at"], ticks)


async def _ticks(stack: BenchStack, plan_id: str) -> list[Any]:
    database = await stack.database()
    try:
        found: list[Any] = await database.fetch(QUERIES["seller_ticks"], UUID(plan_id))
        return found
    finally:
        await database.close()


async def _state(stack: BenchStack, plan: Plan, taken: Taken) -> None:
    """Ask for all statements in turn, with a split of peers that is not known yet."""
    database = await stack.database()
    await database.execute(QUERIES["forget_splits"], UUID(plan.plan_id))
    await database.close()
    told = 0
    began = time.perf_counter()
    async with Memory(stack.pid("progress")) as memory:
        for start in range(0, len(plan.ticks), TICKS_A_REQUEST):
            ticks = plan.ticks[start : start + TICKS_A_REQUEST]
            told += len(await _statements(stack, ticks))
        taken.statements.append(time.perf_counter() - began)
    taken.memory.append(memory.highest)
    if told != len(plan.ticks):
        taken.failures.append(f"{len(plan.ticks) - told} sellers without figures")


async def _statements(stack: BenchStack, ticks: Sequence[str]) -> Figures:
    """What the statements of ticks tell, by person."""
    body = {"tick_ids": list(ticks)}
    found = await stack.call("POST", "progress", "/v1/statements", role="service", json=body)
    insights = [one["insights"] for one in found["statements"]]
    return {one["person"]: one for one in insights if one and one["peers"]}


async def _differences(stack: BenchStack, sales: Sales, plan: Plan) -> list[str]:
    """Where statements of some teams tell other figures than the oracle of the tests."""
    shown: Figures = {}
    for start in range(0, len(plan.ticks), TICKS_A_REQUEST):
        shown |= await _statements(stack, plan.ticks[start : start + TICKS_A_REQUEST])
    teams = sales.sellers // TEAM
    wrong = []
    for team in range(0, teams, max(1, teams // TEAMS_CHECKED)):
        company = _company(sales, team, plan.due_at)
        person = sales.seller(team * TEAM)
        wanted = company.insights(person, plan.period, plan.due_at, plan.due_at)
        if _bare(shown[person]) != wanted or not wanted["collaboration"]["seconds"]:
            wrong.append(f"{person} is told other figures than the oracle finds")
    return wrong


def _bare(found: Data) -> Data:
    return {key: value for key, value in found.items() if key not in OTHERS}


def _company(sales: Sales, team: int, at: datetime) -> Company:
    """The oracle, which has heard of everybody and of what one team does."""
    company = Company()
    for record, data in sales.directory():
        company.hear(f"milepost.{record}.recorded.v1", data, at)
    for data in sales.interactions(0, WEEKS, team):
        company.hear("milepost.interaction.recorded.v1", data, at)
    return company


# --- one's own page -------------------------------------------------------------------------------
async def _open_pages(
    stack: BenchStack, sales: Sales, plan: Plan, repeats: int, taken: Taken
) -> None:
    step = max(1, sales.sellers // PAGES)
    people = [sales.seller(number) for number in range(0, sales.sellers, step)]
    for _ in range(repeats):
        took = []
        for person in people:
            began = time.perf_counter()
            found = await _own(stack, person, plan.period)
            took.append((time.perf_counter() - began) * 1000)
            if not found["collaboration"]["seconds"]:
                taken.failures.append(f"{person} sees nothing")
        taken.pages.append(percentile(took, 0.95))


async def _own(stack: BenchStack, person: str, period: str) -> Data:
    token = issuer.issue(stack.home, issuer.Holder(("seller",), None, None, person))
    url = f"{stack.described['progress']}/v1/me/insights?period={period}"
    answer = await stack.http.get(url, headers={"Authorization": f"Bearer {token}"})
    found: Data = answer.raise_for_status().json()
    return found


# --- a contact upload -----------------------------------------------------------------------------
async def _move_contacts(
    stack: BenchStack, sales: Sales, plan: Plan, account: str, taken: Taken
) -> None:
    """Upload contacts that are of another account from now on, and always were."""
    account = f"{sales.label}-{account}"
    named = {"account_id": account, "name": account, "effective_on": "2020-01-01", "version": 1}
    await tell(stack, [event_line("crm_account", account, named)])
    moved = [number for number in range(sales.customers * CONTACTS) if is_moved(number)]
    rows = [sales.contact_row(number, account) for number in moved]
    content = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)])
    team = sales.team_of(moved[-1])
    person = sales.seller(team * TEAM)
    began = time.perf_counter()
    await stack.call(
        "POST", "ingest", "/v1/uploads/crm_contact", role="source", content=content, headers=CSV
    )

    async def shown() -> bool:
        found = await _own(stack, person, plan.period)
        return any(one["account_id"] == account for one in found["time_with_customers"])

    await until(shown, "figures show the moved contacts", pause=0.05)
    taken.moved.append(time.perf_counter() - began)
    company, now = _company(sales, team, plan.due_at), stack.now()
    told = [("crm_account", named), *(("crm_contact", row | {"version": 2}) for row in rows)]
    for record, data in told:
        company.hear(f"milepost.{record}.recorded.v1", data, now)
    if _bare(await _own(stack, person, plan.period)) != company.insights(
        person, plan.period, stack.now(), stack.now()
    ):
        taken.failures.append(f"{person} sees other figures than the oracle finds")
