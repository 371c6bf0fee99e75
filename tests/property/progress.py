"""The progress service's own handlers on a real PostgreSQL, driven without Kafka and HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.progress.domain.reading import Moments
from services.progress.domain.sheet import Moment
from services.progress.handlers import ask, take
from services.progress.handlers.batch import Batch
from services.progress.store.ledger import prepare_batches
from shared.kernel.clock import FixedClock
from shared.messaging import topics
from shared.messaging.message import Record
from shared.postgres.pool import Connection, Pool, create_pool
from tests.backends.database import Database

Data = dict[str, Any]
Given = TypeVar("Given")

# Deleting a few rows takes a hundredth of the time that truncating takes.
EMPTIED = "".join(
    f"DELETE FROM {table};"
    for table in (
        "statement",
        "tick",
        "cell",
        "goal",
        "plan",
        "dead_letter",
        "consumed",
        "conflict",
        "former_partner",
        "record_history",
        "record",
    )
)
# What the state is: everything but figures of cost (how far a cell reaches at most, which partners
# a record was told about on the way) and cells that hold nothing.
STATE = {
    "record": "SELECT record_id, kind, version, deleted, known_from, body FROM record "
    "ORDER BY 1, 2",
    "history": "SELECT record_id, kind, version, deleted, known_from, body FROM record_history "
    "ORDER BY 1, 2, 3, 6",
    "conflict": "SELECT record_id, kind, version FROM conflict ORDER BY 1, 2, 3",
    "plan": "SELECT * FROM plan ORDER BY plan_id",
    "goal": "SELECT * FROM goal ORDER BY strategy_id, goal_id",
    "cell": "SELECT plan_id, goal_id, partner_id, trim_scale(q1), trim_scale(q2), trim_scale(q3), "
    "trim_scale(q4) FROM cell WHERE (q1, q2, q3, q4) <> (0, 0, 0, 0) ORDER BY 1, 2",
}


class Progress:
    """Takes records as the consumers do and answers as the doors do."""

    def __init__(self, database: Database) -> None:
        self._loop = asyncio.new_event_loop()
        self._database = database
        self._clock = FixedClock(datetime(2030, 1, 1, tzinfo=UTC))
        self.zone = ZoneInfo("UTC")

    def __enter__(self) -> Self:
        self._pool: Pool = self._run(create_pool(self._database.url("progress"), size=2))
        self._admin = self._run(asyncpg.connect(self._database.admin_url))
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._admin.close())
        self._run(self._pool.close())
        self._loop.close()

    def forget_everything(self) -> None:
        self._run(self._admin.execute("SET search_path = progress"))
        self._run(self._admin.execute(EMPTIED))

    def take(self, records: Iterable[Record]) -> None:
        """One poll: activity goes one way, everything else the other."""
        records = list(records)
        activity = [record for record in records if record.topic == topics.ACTIVITY]
        others = [record for record in records if record.topic != topics.ACTIVITY]
        for part, handler in ((others, take.take_references), (activity, take.take_activity)):
            if part:
                batch = Batch.read(part, Moments())
                assert batch.broken == []
                self._in_transaction(lambda c, h=handler, b=batch: h(c, b, self._clock))  # type: ignore[misc]

    def sheet(self, plan_id: str, at: datetime, known_at: datetime | None) -> Data | None:
        """The progress answer; None where there is no such plan."""
        moment = self._moment(at, known_at)

        async def show(connection: Connection) -> Data | None:
            found = await ask.show_sheets(connection, [UUID(plan_id)], moment, None)
            return found[0] if found else None

        return self._in_transaction(show)

    def contributions(
        self, plan_id: str, goal_id: str, at: datetime, known_at: datetime | None
    ) -> list[Data]:
        """All contributions to a goal, a few a page."""
        moment = self._moment(at, known_at)

        async def show(connection: Connection) -> list[Data]:
            found = await ask.find_known(connection, [UUID(plan_id)], moment)
            known = found[UUID(plan_id)]
            goal = known.goal(goal_id)
            assert goal is not None
            items: list[Data] = []
            after: list[Any] | None = None
            while page := await ask.list_contributions(
                connection, known, goal, moment, after=after, limit=3
            ):
                items += page
                last = page[-1]
                after = [datetime.fromisoformat(last["day"]).date(), last["record"]]
            return items

        return self._in_transaction(show)

    def verdicts(
        self, plan_id: str, record: str, at: datetime, known_at: datetime | None
    ) -> list[Data] | None:
        """What the goals of a plan say to a record; None where it is none of the partner's."""
        moment = self._moment(at, known_at)

        async def judge(connection: Connection) -> list[Data] | None:
            found = await ask.find_known(connection, [UUID(plan_id)], moment)
            return await ask.judge(connection, found[UUID(plan_id)], record, moment)

        return self._in_transaction(judge)

    def verify(self) -> dict[str, int]:
        """Cells against the ledger."""
        return self._in_transaction(ask.verify)

    def state(self) -> Data:
        """All that is kept and has a meaning."""

        async def read() -> Data:
            await self._admin.execute("SET search_path = progress")
            return {
                name: [tuple(row) for row in await self._admin.fetch(sql)]
                for name, sql in STATE.items()
            }

        return self._run(read())

    def _moment(self, at: datetime, known_at: datetime | None) -> Moment:
        return Moment(at, known_at, self._clock.now(), self.zone)

    def _in_transaction(self, work: Callable[[Connection], Awaitable[Given]]) -> Given:
        async def run() -> Given:
            async with self._pool.acquire() as connection:
                await prepare_batches(connection)
                async with connection.transaction():
                    return await work(connection)

        return self._run(run())

    def _run(self, work: Awaitable[Given]) -> Given:
        async def waited() -> Given:
            return await work

        return self._loop.run_until_complete(waited())
