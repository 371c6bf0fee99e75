"""The seller side of progress on a real PostgreSQL, driven without Kafka and HTTP.

Collaboration, people and customers go in as the consumers bring them in; insights come out as the
page and the mails get them, each in the scope that the database asks for.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.progress.domain.insight.period import Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.domain.reading import Moments
from services.progress.handlers import sellers, take
from services.progress.handlers.batch import Batch, CollaborationBatch
from services.progress.handlers.insights import InsightMeasures
from services.progress.handlers.sellers import OwnInsights, SellerDesk
from shared.events.envelope import Envelope, to_headers
from shared.events.records import RECORDS, canonical
from shared.kernel.clock import FixedClock
from shared.kernel.ids import named_id
from shared.messaging import topics
from shared.messaging.message import Record
from tests.backends.database import Database
from tests.property.progress import Data, Progress

ZONE = ZoneInfo("UTC")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = UUID(named_id("seller plan"))
EMPTIED = "".join(
    f"DELETE FROM {table};"
    for table in (
        "involvement",
        "interaction",
        "interaction_history",
        "person_row",
        "account_row",
        "contact_row",
        "assignment_row",
        "record",
        "record_history",
        "conflict",
        "consumed",
        "seller_tick",
        "peer_split",
        "insight_read",
    )
)
STATE = {
    table: f"SELECT * FROM {table} ORDER BY {order}"
    for table, order in (
        ("interaction", "interaction_id"),
        ("interaction_history", "interaction_id, version, digest"),
        ("involvement", "person, starts, interaction_id, known_from"),
        ("person_row", "person, effective_on, known_from"),
        ("account_row", "account_id, effective_on, known_from"),
        ("contact_row", "contact_id, effective_on, known_from"),
        ("assignment_row", "account_id, seller, effective_on, known_from"),
    )
}


def spelled(kind: str, data: Data, *, deleted: bool) -> bytes:
    """A record's values as ingest spells them. Raises ValidationError for what it refuses."""
    known = RECORDS[kind]
    return canonical((known.tombstone if deleted else known.model).model_validate(data))


def as_record(kind: str, value: bytes, at: datetime, *, deleted: bool, offset: int) -> Record:
    known = RECORDS[kind]
    event_type = known.deleted if deleted else known.recorded
    headers = tuple(to_headers(Envelope(f"e{offset}", event_type, "tests", at)))
    return Record(known.topic, 0, offset, b"k", value, headers, 0)


class Selling(Progress):
    """A plan that some people take part in, what is told, and what they are shown of it."""

    def __init__(self, database: Database, rules: InsightRules | None = None) -> None:
        super().__init__(database)
        self._clock = FixedClock(datetime(2026, 6, 1, tzinfo=UTC))
        self._measures = InsightMeasures(rules or InsightRules(zone=ZONE))

    def enrol(self, people: Sequence[str], minimum: int) -> None:
        """Have people take part from long ago; nobody else does."""
        statements = (
            ("DELETE FROM participant", ()),
            ("DELETE FROM seller_plan", ()),
            (
                "INSERT INTO seller_plan VALUES ($1, 1, 'Plan', 'weekly', $2, $3, $4, $5, $5)",
                (PLAN, date(2026, 1, 4), date(2026, 12, 27), minimum, LONG_AGO),
            ),
            (
                (
                    "INSERT INTO participant SELECT id, $1, 1, true, $2, person"
                    " FROM unnest($3::uuid[], $4::text[]) AS one (id, person)"
                ),
                (PLAN, LONG_AGO, [participant(one) for one in people], list(people)),
            ),
        )
        for sql, values in statements:
            self._run(self._admin.execute(sql, *values))

    def forget_everything(self) -> None:
        """Forget all but the plan and who takes part."""
        self._run(self._admin.execute("SET search_path = progress"))
        self._run(self._admin.execute(EMPTIED))

    def take(self, records: Iterable[Record]) -> None:
        """One poll: interactions go one way, everything else the other."""
        records = list(records)
        collaboration = [one for one in records if one.topic == topics.COLLABORATION]
        others = [one for one in records if one.topic != topics.COLLABORATION]
        if collaboration:
            batch = CollaborationBatch.read(collaboration, Moments())
            assert batch.broken == []
            self._in_transaction(lambda c: take.take_collaboration(c, batch, self._clock))
        if others:
            references = Batch.read(others, Moments())
            assert references.broken == []
            self._in_transaction(lambda c: take.take_references(c, references, self._clock))

    def insights(self, person: str, period: str, now: datetime) -> Data:
        """What the person's own page answers at a moment."""
        own = OwnInsights(self._desk(now))
        return self._run(own.insights(person, Period.parse(period), None))

    def statements(self, people: Sequence[str], period: str, due_at: datetime) -> dict[str, Data]:
        """What the mails of a period are rendered from, as of its due, long after it."""
        ticks = {UUID(named_id("tick", one, period)): one for one in people}
        sql = (
            "INSERT INTO seller_tick SELECT id, $1, participant_id, $2, $3"
            " FROM unnest($4::uuid[], $5::uuid[]) AS one (id, participant_id)"
        )
        participants = [participant(one) for one in people]
        self._run(self._admin.execute(sql, PLAN, period, due_at, list(ticks), participants))
        found = self._run(sellers.render(self._desk(self._clock.now()), ticks))
        return {ticks[tick]: json.loads(content) for tick, content in found.items()}

    def state(self) -> Data:
        """All rows that figures follow from."""

        async def read() -> Data:
            return {
                name: [tuple(row) for row in await self._admin.fetch(sql)]
                for name, sql in STATE.items()
            }

        return self._run(read())

    def _desk(self, now: datetime) -> SellerDesk:
        return SellerDesk(self._pool, FixedClock(now), ZONE, self._measures)


def participant(person: str) -> UUID:
    return UUID(named_id("participant", person))
