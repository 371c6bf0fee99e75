"""Progress on a real database: telling it events and asking what it makes of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.progress.contract import OWNS
from services.progress.domain.reading import Moments
from services.progress.domain.sheet import KnownPlan, Moment
from services.progress.domain.told import Tick
from services.progress.handlers import ask, state, take
from services.progress.handlers.batch import Batch
from services.progress.handlers.correct import list_sent
from services.progress.store import statements
from services.progress.store.ledger import prepare_batches
from shared.events.envelope import Envelope, to_headers
from shared.events.plans import PLAN_DEFINED, STRATEGY_DEFINED, PlanSnapshot, StrategySnapshot
from shared.kernel.clock import FixedClock
from shared.kernel.ids import named_id
from shared.kernel.period import quarter_starts, year_end
from shared.messaging import topics
from shared.messaging.message import Record
from shared.postgres.pool import Pool, create_pool
from tests.backends.database import Database

Data = dict[str, Any]
PEOPLES = {"interaction", "interaction_history", "involvement", "participant", "seller_tick"}
PEOPLES |= {"peer_split", "insight_read"}
OPEN_TABLES = [table for table in OWNS if table not in PEOPLES]
"""Tables that the service may write by hand: not those that hold people."""

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
STRATEGY, PLAN = named_id("strategy", "s1"), named_id("plan", "p1")
PARTNER = "p1"
START = "2026-01-01"
TOPICS = {"partner": topics.PARTNERS, "campaign": topics.CAMPAIGNS}


def spell(data: Data) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def record(event_type: str, topic: str, value: bytes, at: datetime, offset: int = 0) -> Record:
    headers = tuple(to_headers(Envelope(f"e{offset}", event_type, "tests", at)))
    return Record(topic, 0, offset, b"k", value, headers, 0)


def event(kind: str, data: Data, *, what: str = "recorded", at: datetime = NOW) -> Record:
    """An event about a record, accepted at a moment."""
    topic = TOPICS.get(kind, topics.ACTIVITY)
    return record(f"milepost.{kind}.{what}.v1", topic, spell(data), at)


def partner(partner_id: str = PARTNER, version: int = 1, **changes: Any) -> Record:
    at = changes.pop("at", NOW - timedelta(days=30))
    told = {"partner_id": partner_id, "version": version, "name": partner_id, **changes}
    return event("partner", told, at=at)


def deal(deal_id: str = "d1", version: int = 1, at: datetime = NOW, **changes: Any) -> Record:
    told = {
        "deal_id": deal_id,
        "version": version,
        "partner_id": PARTNER,
        "status": "closed_won",
        "amount": "100.50",
        "currency": "USD",
        "approved_on": "2026-02-01",
        "closed_on": "2026-05-01",
        **changes,
    }
    return event("deal", {k: v for k, v in told.items() if v is not None}, at=at)


def goal(kind: str, name: str | None = None, **options: Any) -> Data:
    unit = options.get("currency") or ("number" if kind == "custom_partner_field" else "count")
    goal_id = named_id("goal", name or kind)
    return {
        "goal_id": goal_id,
        "type": kind,
        "name": name or kind,
        "unit": unit,
        "options": options,
    }


def strategy(
    *goals: Data, version: int = 1, start: str = START, at: datetime | None = None, **changes: Any
) -> Record:
    first = datetime.fromisoformat(start).date()
    snapshot = StrategySnapshot.model_validate(
        {
            "strategy_id": STRATEGY,
            "version": version,
            "name": "FY26",
            "start_date": first,
            "end_date": year_end(first),
            "quarter_starts": list(quarter_starts(first)),
            "goal_groups": [{"group_id": named_id("g"), "name": "Sales", "goals": list(goals)}],
            **changes,
        }
    )
    at = at or NOW - timedelta(days=29) + timedelta(seconds=version)
    return record(STRATEGY_DEFINED, topics.PLANS, snapshot.value(), at)


def plan(
    plan_id: str = PLAN,
    partner_id: str = PARTNER,
    version: int = 1,
    at: datetime | None = None,
    **changes: Any,
) -> Record:
    at = at or NOW - timedelta(days=28) + timedelta(seconds=version)
    snapshot = PlanSnapshot.model_validate(
        {
            "plan_id": plan_id,
            "version": version,
            "strategy_id": STRATEGY,
            "partner_id": partner_id,
            "created_at": NOW - timedelta(days=28),
            **changes,
        }
    )
    return record(PLAN_DEFINED, topics.PLANS, snapshot.value(), at)


class Told:
    """A progress service without Kafka and HTTP."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.clock = FixedClock(NOW)
        self.zone = ZoneInfo("UTC")
        self.offset = 0

    async def hear(self, *records: Record) -> None:
        """Take records as one batch a door, in the order given."""
        numbered = [one._replace(offset=self.offset + n) for n, one in enumerate(records)]
        self.offset += len(records)
        doors = (
            ([r for r in numbered if r.topic != topics.ACTIVITY], take.take_references),
            ([r for r in numbered if r.topic == topics.ACTIVITY], take.take_activity),
        )
        for some, handler in doors:
            if some:
                async with self.pool.acquire() as connection:
                    await prepare_batches(connection)
                    async with connection.transaction():
                        await handler(connection, Batch.read(some, Moments()), self.clock)

    def moment(self, at: datetime = NOW, known_at: datetime | None = None) -> Moment:
        return Moment(at, known_at, self.clock.now(), self.zone)

    async def sheet(self, plan_id: str = PLAN, **moment: Any) -> Data | None:
        async with self.pool.acquire() as connection:
            found = await ask.show_sheets(
                connection, [UUID(plan_id)], self.moment(**moment), self.clock.now()
            )
        return found[0] if found else None

    async def values(self, plan_id: str = PLAN, **moment: Any) -> Data:
        """Goal name → value and quarters, as `value = q1 q2 q3 q4`."""
        sheet = await self.sheet(plan_id, **moment)
        assert sheet is not None
        goals = [one for group in sheet["goal_groups"] for one in group["goals"]]
        return {
            one["name"]: " ".join([one["value"], "=", *(q["value"] for q in one["quarters"])])
            for one in goals
        }

    async def known(self, plan_id: str = PLAN, **moment: Any) -> KnownPlan:
        async with self.pool.acquire() as connection:
            found = await ask.find_known(connection, [UUID(plan_id)], self.moment(**moment))
        return found[UUID(plan_id)]

    async def judge(self, name: str, plan_id: str = PLAN, **moment: Any) -> list[Data] | None:
        known = await self.known(plan_id, **moment)
        async with self.pool.acquire() as connection:
            return await ask.judge(connection, known, name, self.moment(**moment))

    async def reasons(self, name: str, **moment: Any) -> Data:
        """Goal name → why a record does not count, None where it does."""
        found = await self.judge(name, **moment)
        assert found is not None
        return {one["goal_name"]: one["reason"] for one in found}

    async def contributions(self, goal_id: str, **moment: Any) -> list[Data]:
        known = await self.known(**moment)
        found = known.goal(goal_id)
        assert found is not None
        async with self.pool.acquire() as connection:
            return await ask.list_contributions(
                connection, known, found, self.moment(**moment), after=None, limit=1000
            )

    async def verify(self) -> dict[str, int]:
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await ask.verify(connection)

    async def render(self, *ticks: Tick) -> dict[UUID, Data]:
        async with self.pool.acquire() as connection:
            found = await state.render(connection, ticks, self.zone)
        return {tick_id: json.loads(one.body) for tick_id, one in found.items()}

    async def mail(self, *ticks: Tick) -> dict[UUID, Data]:
        """Render statements and keep them, as when they are asked for."""
        async with self.pool.acquire() as connection, connection.transaction():
            await statements.note_ticks(connection, ticks)
            found = await state.render(connection, ticks, self.zone)
            await state.freeze(connection, found)
        return {tick_id: json.loads(one.body) for tick_id, one in found.items()}

    async def sent(self, plan_id: str = PLAN, **moment: Any) -> list[Data]:
        """A plan's statements that went out, with their corrections."""
        known = await self.known(plan_id, **moment)
        async with self.pool.acquire() as connection:
            return await list_sent(connection, known, self.moment(**moment), after=None, limit=100)

    async def rows(self, sql: str) -> Sequence[Any]:
        found: Sequence[Any] = await self.pool.fetch(sql)
        return found


@asynccontextmanager
async def told(database: Database) -> AsyncIterator[Told]:
    """Progress on a database that is emptied first, so that tests of a module can share one."""
    pool = await create_pool(database.url("progress"), size=6)
    await pool.execute(f"TRUNCATE {', '.join(OPEN_TABLES)}")
    try:
        yield Told(pool)
    finally:
        await asyncio.wait_for(pool.close(), 10)
