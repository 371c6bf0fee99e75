"""A company with a canary: what only one seller may know, and where it would be seen otherwise."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.messaging.offsets import Offsets
from shared.messaging.topics import TOPICS
from tests.flow.doors import CHECKOUT, Data, Doors, event, eventually, fresh

Given = TypeVar("Given")
SELLERS = 13
SECONDS = 12_347
"""How long the canary met its customer: a figure that nothing else comes to."""
SINCE = "2020-01-01"
SCHEMAS = ("ingest", "plans", "progress", "notifier")
Census = Counter[tuple[str, str]]
"""Where a word stands how often: (kind of place, its name)."""


@dataclass
class Planted:
    """A weekly plan whose first mails are out; the canary in it has a customer of its own."""

    doors: Doors
    mark: str = field(default_factory=lambda: uuid4().hex[:12])
    plan_id: str = ""
    period: str = ""
    before: dict[str, Census] = field(default_factory=dict)
    """Where the canary and the one who leaves stood before anybody took part in a plan."""

    @property
    def domain(self) -> str:
        return f"own-{self.mark}.example"

    @property
    def canary(self) -> str:
        return f"canary-{self.mark}@{self.domain}"

    @property
    def leaver(self) -> str:
        return f"leaver-{self.mark}@{self.domain}"

    @property
    def manager(self) -> str:
        return f"boss@{self.domain}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What only the canary's insight says: customer, account and figure."""
        return (f"buyer-{self.mark}", f"Secret {self.mark}", f'"seconds":{SECONDS}')

    def mate(self, number: int) -> str:
        return f"mate{number}@{self.domain}"

    @property
    def people(self) -> list[str]:
        return [self.canary, self.leaver, *(self.mate(n) for n in range(SELLERS - 2))]

    # --- the story ------------------------------------------------------------------------------
    def plant(self) -> None:
        """Tell everything upstream tells, let all take part, and wait for the first mails."""
        due = next_due(self.doors.now())
        self.period = str(due.date() - timedelta(days=8))
        self.doors.send(*self._upstream(due - timedelta(days=4)))
        self.doors.settled()
        self.before = {who: self.census(who) for who in (self.canary, self.leaver)}
        self._take_part()
        self.doors.jump(due + timedelta(seconds=1))
        eventually(
            lambda: {str(mail["To"]) for mail in self.doors.mails(self.plan_id)},
            lambda found: found >= set(self.people),
            within=40,
        )
        # Until progress has heard that a tick is done, the notifier may ask for it again.
        eventually(lambda: self.in_database(self._count_open), lambda found: found == 0)

    async def _count_open(self, connection: asyncpg.Connection) -> int:
        counted = await connection.fetchval(
            "SELECT count(*) FROM progress.seller_tick WHERE seller_plan_id = $1"
            " AND done_at IS NULL AND due_at <= $2",
            UUID(self.plan_id),
            self.doors.now(),
        )
        return int(counted)

    def _upstream(self, day: datetime) -> Iterator[Data]:
        since = {"effective_on": SINCE, "version": 1}
        for one in [*self.people, self.manager]:
            boss = None if one == self.manager else self.manager
            told = {"person_id": one, "organization": self.domain, "manager_id": boss, **since}
            yield event("person", {**told, "licensed": True, "opted_out": False})
        for name, suffix in (("Secret", self.mark), ("Common", "of-all")):
            account = f"{name} {suffix}"
            buyer = (
                f"{'buyer' if name == 'Secret' else 'common'}-{self.mark}@{name}.example".lower()
            )
            yield event("crm_account", {"account_id": account, "name": account, **since})
            contact = {"contact_id": fresh("k"), "account_id": account, "email": buyer}
            yield event("crm_contact", {**contact, **since})
        yield self._meeting(day, SECONDS, self.canary, f"buyer-{self.mark}@secret.example")
        for one in self.people[1:]:
            yield self._meeting(day, 1800, one, f"common-{self.mark}@common.example")

    @staticmethod
    def _meeting(begin: datetime, seconds: int, *people: str) -> Data:
        told = {
            "interaction_id": fresh("i"),
            "version": 1,
            "kind": "meeting",
            "started_at": begin.isoformat(),
            "ended_at": (begin + timedelta(seconds=seconds)).isoformat(),
            "participants": [{"address": one, "role": "attendee"} for one in people],
        }
        return event("interaction", told)

    def _take_part(self) -> None:
        body = {
            "name": fresh("Canaries"),
            "cadence": "weekly",
            "start_date": str(self.doors.today()),
        }
        made = eventually(
            lambda: self.doors.call("POST", "plans", "/v1/seller-plans", role="analyst", json=body),
            lambda answer: answer.status_code == 201,
        )
        self.plan_id = made.json()["seller_plan_id"]
        path = f"/v1/seller-plans/{self.plan_id}"
        sent: Data = {"content": "\n".join(self.people), "headers": {"Content-Type": "text/csv"}}
        eventually(
            lambda: self.doors.call(
                "POST", "plans", f"{path}/participants", role="analyst", **sent
            ),
            lambda answer: answer.json().get("qualified") == SELLERS,
        )
        started = self.doors.call("POST", "plans", f"{path}/start", role="analyst")
        assert started.status_code == 200, started.text
        eventually(lambda: self.own(self.canary).status_code, lambda status: status == 200)

    def own(self, who: str, path: str = "", method: str = "GET", service: str = "progress") -> Any:
        """What a seller gets at a door of its own, by default its insight of the period."""
        token = self.doors.token("seller", email=who)
        where = path or f"/v1/me/insights?period={self.period}"
        return self.doors.call(method, service, where, token=token)

    # --- looking everywhere ---------------------------------------------------------------------
    def census(self, word: str) -> Census:
        """Where in the database, the topics and the logs a word stands, and how often."""
        found = Census()
        for name, rows in self.in_database(self._tables(word)).items():
            found["table", name] = rows
        for topic, count in asyncio.run(topic_counts(self.doors.stack["kafka"], word)).items():
            found["topic", topic] = count
        for name, text in self.logs():
            found["log", name] = text.count(word.lower())
        return +found

    def logs(self) -> Iterator[tuple[str, str]]:
        """What every process has written, in lower case."""
        for name, path in self.doors.stack["logs"].items():
            file = CHECKOUT / Path(path)
            if file.exists():
                yield name, file.read_text(errors="replace").lower()

    def in_database(self, ask: Callable[[asyncpg.Connection], Awaitable[Given]]) -> Given:
        """Ask as the superuser, whom no row is hidden from."""

        async def asked() -> Given:
            connection = await asyncpg.connect(self.doors.stack["postgres"])
            try:
                return await ask(connection)
            finally:
                await connection.close()

        return asyncio.run(asked())

    @staticmethod
    def _tables(word: str) -> Callable[[asyncpg.Connection], Awaitable[dict[str, int]]]:
        async def count(connection: asyncpg.Connection) -> dict[str, int]:
            return {
                name: await rows_with(connection, name, word) for name in await tables(connection)
            }

        return count


def next_due(now: datetime) -> datetime:
    """The next Monday at 08:00: when weekly mails go out."""
    today = datetime(now.year, now.month, now.day, 8, tzinfo=UTC)
    due = today + timedelta(days=-date.weekday(today.date()) % 7)
    return due if due > now + timedelta(minutes=5) else due + timedelta(days=7)


async def tables(connection: asyncpg.Connection) -> list[str]:
    """Every table and view of the services, quoted."""
    rows = await connection.fetch(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname = ANY($1) ORDER BY name",
        list(SCHEMAS),
    )
    return [row["name"] for row in rows]


async def rows_with(connection: asyncpg.Connection, table: str, word: str) -> int:
    """How many rows of a table hold a word, in plain text or as bytes."""
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM {table} t WHERE strpos(lower(t::text), $1) > 0"
        " OR strpos(t::text, $2) > 0",
        word.lower(),
        word.encode().hex(),
    )
    return found


async def topic_counts(servers: str, word: str) -> Counter[str]:
    """In how many messages of each topic a word stands: key, value or headers."""
    found = Counter[str]()
    sought = re.compile(re.escape(word.encode()), re.IGNORECASE)
    offsets = Offsets(servers, client_id="census")
    ends = await offsets.ends(topic.name for topic in TOPICS)
    await offsets.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(*at) for at in ends]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(at) < ends[at.topic, at.partition] for at in places]):
            for at, records in (await consumer.getmany(timeout_ms=200)).items():
                found[at.topic] += sum(any(map(sought.search, parts_of(one))) for one in records)
    finally:
        await consumer.stop()
    return found


def parts_of(record: Any) -> Iterable[bytes]:
    """The bytes that a message consists of."""
    yield from (record.key or b"", record.value or b"", *(value for _, value in record.headers))
