"""Collaboration, people and customers taken in: the same rows whatever the order they come in."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.progress.domain.reading import Moments
from services.progress.handlers.batch import Batch, CollaborationBatch
from services.progress.handlers.take import take_collaboration, take_references
from services.progress.resolving import PlansAwayError, Resolver
from services.progress.store import directory, scope, sellers
from services.progress.store.ledger import prepare_batches
from shared.events.envelope import Envelope, to_headers
from shared.events.seller_plans import (
    PARTICIPANT_CHANGED,
    SELLER_PLAN_DEFINED,
    SELLER_TICK_DUE,
)
from shared.kernel.clock import FixedClock
from shared.messaging import topics
from shared.messaging.message import Record
from shared.postgres.pool import Pool, create_pool
from tests.backends.base import run
from tests.backends.database import Database

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANN, BEN, CAT = "ann@own.example", "ben@own.example", "cat@acme.example"
Told = tuple[str, dict[str, Any], datetime]
"""Type, data and the moment of acceptance."""


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def meeting(key: str = "m1", version: int = 1, at: datetime = T0, **changes: Any) -> Told:
    data = {
        "interaction_id": key,
        "version": version,
        "kind": "meeting",
        "started_at": "2026-03-02T10:00:00Z",
        "ended_at": "2026-03-02T11:00:00Z",
        "participants": [
            {"address": ANN, "role": "organizer"},
            {"address": BEN, "role": "attendee", "response": "accepted"},
            {"address": CAT, "role": "attendee"},
        ],
        **changes,
    }
    return "milepost.interaction.recorded.v1", data, at


def gone(key: str = "m1", version: int = 9, at: datetime = T0) -> Told:
    return "milepost.interaction.deleted.v1", {"interaction_id": key, "version": version}, at


def who(*addresses: str) -> list[dict[str, str]]:
    return [{"address": one, "role": "attendee"} for one in addresses]


def person(version: int = 1, at: datetime = T0, **changes: Any) -> Told:
    data = {"person_id": ANN, "effective_on": "2026-01-01", "version": version}
    return (
        "milepost.person.recorded.v1",
        data | {"licensed": True, "opted_out": False} | changes,
        at,
    )


def as_record(told: Told, offset: int) -> Record:
    event_type, data, at = told
    headers = tuple(to_headers(Envelope(f"e{offset}", event_type, "tests", at)))
    body = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    topic = topics.COLLABORATION if ".interaction." in event_type else topics.PEOPLE
    return Record(topic, 0, offset, b"k", body, headers, 0)


@dataclass
class Taker:
    """Takes events in as the service's lanes do."""

    admin: asyncpg.Connection
    pool: Pool
    offset: int = 0

    async def take(self, *told: Told) -> None:
        self.offset += 1
        records = [as_record(one, self.offset) for one in told]
        batch: Batch = CollaborationBatch()
        take = take_collaboration
        if not all(record.topic == topics.COLLABORATION for record in records):
            batch, take = Batch(), take_references
        batch.take_all(records, Moments())
        async with self.pool.acquire() as connection:
            await prepare_batches(connection)
            async with connection.transaction():
                await take(connection, batch, FixedClock(T0))

    async def rows(self, table: str, order: str) -> list[tuple[Any, ...]]:
        found = await self.admin.fetch(f"SELECT * FROM {table} ORDER BY {order}")
        return [tuple(map(repr, row)) for row in found]

    async def state(self) -> list[list[tuple[Any, ...]]]:
        return [
            await self.rows("interaction", "interaction_id"),
            await self.rows("interaction_history", "interaction_id, version, digest"),
            await self.rows("involvement", "person, starts, interaction_id, known_from"),
            await self.rows("person_row", "person, effective_on, known_from"),
        ]

    async def there(self, at: datetime, key: str = "m1") -> list[str]:
        """Who was in an interaction, as known at a moment."""
        rows = await self.admin.fetch(
            "SELECT person FROM involvement WHERE interaction_id = $2 AND known_from <= $1"
            " AND known_to > $1 ORDER BY person",
            at,
            key,
        )
        return [row["person"] for row in rows]

    async def empty(self) -> None:
        await self.admin.execute(
            "DELETE FROM interaction; DELETE FROM interaction_history; DELETE FROM involvement;"
            "DELETE FROM person_row; DELETE FROM record; DELETE FROM record_history"
        )


@pytest.fixture
async def taker(database: Database) -> AsyncIterator[Taker]:
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute("SET search_path = progress")
    pool = await create_pool(database.url("progress"), size=2)
    yield Taker(admin, pool)
    await pool.close()
    await admin.close()


async def test_who_was_there_is_written_down(taker: Taker) -> None:
    await taker.take(meeting())
    assert await taker.there(T0) == [ANN, BEN, CAT]
    assert await taker.there(T0 - minutes(1)) == []
    row = await taker.admin.fetchrow("SELECT * FROM involvement WHERE person = $1", ANN)
    assert row is not None
    assert row["people"] == sorted([ANN, BEN, CAT])
    assert (row["role_rank"], row["response_rank"]) == (1, 1)


async def test_any_order_and_any_batches_give_the_same_rows(taker: Taker) -> None:
    story = [
        meeting(version=1, at=T0, participants=who(ANN, BEN)),
        meeting(version=3, at=T0 + minutes(1), participants=who(ANN, CAT)),
        meeting(version=2, at=T0 + minutes(2), participants=who(ANN, BEN, CAT)),
        meeting(version=3, at=T0 + minutes(3), participants=who(BEN, CAT)),
        gone(version=4, at=T0 + minutes(4)),
    ]
    seen = []
    for number, order in enumerate(itertools.permutations(story)):
        await taker.empty()
        cut = number % (len(order) + 1)
        for part in (order[:cut], order[cut:]):
            if part:
                await taker.take(*part)
        seen.append(await taker.state())
    assert all(state == seen[0] for state in seen)
    assert await taker.there(T0) == [ANN, BEN]
    assert await taker.there(T0 + minutes(2)) in ([ANN, CAT], [BEN, CAT])
    assert await taker.there(T0 + minutes(4)) == []


async def test_a_version_known_earlier_than_thought_keeps_its_own_people(taker: Taker) -> None:
    """Two versions accepted together, then the older one again with an earlier acceptance."""
    first = [
        meeting(version=1, at=T0 + minutes(5), participants=who(ANN, BEN)),
        meeting(version=2, at=T0 + minutes(5), participants=who(ANN, BEN, CAT)),
    ]
    await taker.take(*first)
    await taker.take(meeting(version=1, at=T0 + minutes(3), participants=who(ANN, BEN)))
    assert await taker.there(T0 + minutes(3)) == [ANN, BEN]
    assert await taker.there(T0 + minutes(5)) == [ANN, BEN, CAT]


VERSIONS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(1, 3),
        st.integers(0, 4),
        st.sampled_from([(ANN, BEN), (ANN, CAT), (BEN, CAT), (ANN,), ()]),
    ),
    min_size=1,
    max_size=7,
)


def told_of(key: str, version: int, at: int, people: Iterable[str]) -> Told:
    moment = T0 + minutes(at)
    there = who(*people)
    return (
        meeting(key, version, moment, participants=there) if there else gone(key, version, moment)
    )


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(versions=VERSIONS, order=st.randoms(use_true_random=False), cut=st.integers(0, 7))
def test_whatever_comes_in_whatever_order_is_known_alike(
    module_database: Database, versions: Any, order: Any, cut: int
) -> None:
    """Against a plain search for the newest of the versions accepted until a moment."""

    async def work() -> None:
        admin = await asyncpg.connect(module_database.admin_url)
        await admin.execute("SET search_path = progress")
        pool = await create_pool(module_database.url("progress"), size=2)
        try:
            taker = Taker(admin, pool)
            await taker.empty()
            told = [told_of(*one) for one in versions]
            shuffled = [*told, *told[: cut % 3]]
            order.shuffle(shuffled)
            for part in (shuffled[:cut], shuffled[cut:]):
                if part:
                    await taker.take(*part)
            for at in range(-1, 6):
                moment = T0 + minutes(at)
                for key in ("a", "b"):
                    assert await taker.there(moment, key) == newest(told, key, moment)
        finally:
            await pool.close()
            await admin.close()

    run(work)


def newest(told: list[Told], key: str, moment: datetime) -> list[str]:
    known = [
        (data["version"], json.dumps(data, sort_keys=True, separators=(",", ":")), data)
        for _, data, at in told
        if data["interaction_id"] == key and at <= moment
    ]
    data = max(known, key=lambda one: one[:2])[2] if known else {}
    people = sorted({one["address"] for one in data.get("participants", ())})
    return people if len(people) >= 2 else []


@pytest.mark.parametrize(
    "changes",
    [
        {"cancelled": True},
        {"participants": who(ANN)},
        {"participants": who(ANN, ANN)},
        {"participants": [*who(ANN), {"address": BEN, "role": "attendee", "response": "declined"}]},
        {"ended_at": "2026-03-02T10:00:00Z"},
        {"ended_at": "2026-03-02T18:00:00Z"},
        {"participants": who(*(f"p{n}@x.example" for n in range(250)))},
        {"kind": "call", "ended_at": "2026-03-02T18:00:00Z"},
    ],
)
async def test_what_counts_for_nobody_has_no_parts(taker: Taker, changes: dict[str, Any]) -> None:
    await taker.take(meeting(**changes))
    assert await taker.there(T0) == []
    assert await taker.admin.fetchval("SELECT count(*) FROM interaction") == 1


async def test_one_listed_twice_has_the_strongest_role_and_best_response(taker: Taker) -> None:
    people = [
        {"address": BEN, "role": "attendee", "response": "declined"},
        {"address": BEN, "role": "attendee", "response": "tentative"},
        {"address": ANN, "role": "attendee", "response": "declined"},
        {"address": ANN, "role": "organizer"},
    ]
    await taker.take(meeting(participants=people))
    rows = await taker.admin.fetch("SELECT person, response_rank FROM involvement ORDER BY 1")
    assert [tuple(row) for row in rows] == [(ANN, 1), (BEN, 3)]


async def test_a_calls_own_bounds_fall_back_one_by_one(taker: Taker) -> None:
    people = [
        {"address": ANN, "role": "attendee", "joined_at": "2026-03-02T10:05:00Z"},
        {"address": BEN, "role": "attendee", "left_at": "2026-03-02T10:30:00Z"},
    ]
    await taker.take(meeting(kind="call", participants=people))
    rows = await taker.admin.fetch("SELECT own_from, own_until FROM involvement ORDER BY person")
    told = [f"{row['own_from']:%H:%M}-{row['own_until']:%H:%M}" for row in rows]
    assert told == ["10:05-11:00", "10:00-10:30"]


async def test_messages_of_a_chat(taker: Taker) -> None:
    people = [
        {"address": ANN, "role": "sender"},
        {"address": BEN, "role": "recipient", "messages": 3},
        {"address": CAT, "role": "recipient"},
    ]
    await taker.take(meeting(kind="chat", ended_at=None, participants=people))
    rows = await taker.admin.fetch(
        "SELECT own_messages, all_messages FROM involvement ORDER BY person"
    )
    assert [tuple(row) for row in rows] == [(1, 4), (3, 4), (0, 4)]


async def test_broken_ones_are_kept_and_the_others_go_in(taker: Taker) -> None:
    broken = ("milepost.interaction.recorded.v1", {"interaction_id": "x", "version": -1}, T0)
    await taker.take(broken, meeting())
    assert await taker.there(T0) == [ANN, BEN, CAT]
    errors = json.loads(await taker.admin.fetchval("SELECT errors FROM dead_letter"))
    assert {one["pointer"] for one in errors} >= {"/version", "/kind"}


# --- people ---------------------------------------------------------------------------------------


async def test_a_persons_rows_are_known_as_they_were_told(taker: Taker) -> None:
    story = [
        person(1, T0, organization="Sales"),
        person(3, T0 + minutes(1), organization="Legal"),
        person(2, T0 + minutes(2), organization="Never"),
    ]
    seen = []
    for order in itertools.permutations(story):
        await taker.empty()
        for one in order:
            await taker.take(one)
        seen.append(await taker.state())
    assert all(state == seen[0] for state in seen)
    rows = await taker.admin.fetch(
        "SELECT organization, known_from, known_to FROM person_row ORDER BY known_from"
    )
    assert [row["organization"] for row in rows] == ["Sales", "Legal"]
    assert rows[0]["known_to"] == rows[1]["known_from"] == T0 + minutes(1)


# --- participants and ticks -----------------------------------------------------------------------


def plans_records(*told: tuple[str, dict[str, Any]]) -> list[Record]:
    return [
        Record(
            topics.SELLER_PLANS,
            0,
            place,
            b"k",
            json.dumps(data).encode(),
            tuple(to_headers(Envelope("e", event_type, "plans", T0))),
            0,
        )
        for place, (event_type, data) in enumerate(told)
    ]


async def hear(taker: Taker, *told: tuple[str, dict[str, Any]]) -> None:
    batch = Batch.read(plans_records(*told), Moments())
    assert batch.broken == []
    async with taker.pool.acquire() as connection:
        await prepare_batches(connection)
        async with connection.transaction():
            await take_references(connection, batch, FixedClock(T0))


async def join(taker: Taker) -> dict[str, Any]:
    """Have ANN take part in a plan with one tick; gives the snapshot of that but `taking_part`."""
    plan, participant = str(uuid4()), str(uuid4())
    snapshot = {
        "seller_plan_id": plan,
        "version": 1,
        "name": "P",
        "cadence": "monthly",
        "start_date": "2026-01-04",
        "end_date": "2026-03-29",
        "minimum_group_size": 10,
        "created_at": "2026-01-01T00:00:00Z",
        "scheduled_at": "2026-01-01T00:00:00Z",
    }
    joins = {"participant_id": participant, "seller_plan_id": plan, "version": 1}
    tick = {"tick_id": str(uuid4()), "seller_plan_id": plan, "participant_id": participant}
    await hear(
        taker,
        (SELLER_PLAN_DEFINED, snapshot),
        (PARTICIPANT_CHANGED, joins | {"taking_part": True}),
        (SELLER_TICK_DUE, tick | {"period": "2026-01", "due_at": "2026-02-02T08:00:00Z"}),
    )
    async with taker.pool.acquire() as connection:
        [unresolved] = await directory.list_unresolved(connection, 10)
        assert str(unresolved) == participant
        assert await directory.resolve_participants(connection, {unresolved: ANN}) == 1
        assert await directory.list_unresolved(connection, 10) == []
    return joins


async def test_who_leaves_is_forgotten_with_the_record_of_reads(taker: Taker) -> None:
    joins = await join(taker)
    await taker.admin.execute(
        "INSERT INTO insight_read VALUES (gen_random_uuid(), $1, now(), 'page', NULL, 'you')", ANN
    )
    for _ in range(2):
        await hear(taker, (PARTICIPANT_CHANGED, joins | {"version": 2, "taking_part": False}))
    await hear(taker, (PARTICIPANT_CHANGED, joins | {"taking_part": True}))
    row = await taker.admin.fetchrow("SELECT taking_part, person FROM participant")
    assert row is not None
    assert tuple(row) == (False, None)
    assert await taker.admin.fetchval("SELECT count(*) FROM insight_read") == 0
    assert await taker.admin.fetchval("SELECT count(*) FROM seller_tick") == 1


async def test_who_leaves_while_being_read_is_forgotten_with_that_read(taker: Taker) -> None:
    joins = await join(taker)
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with taker.pool.acquire() as connection, connection.transaction():
        await scope.read_as(connection, ANN)
        leaves = (PARTICIPANT_CHANGED, joins | {"version": 2, "taking_part": False})
        leaving = asyncio.create_task(hear(taker, leaves))
        done: set[asyncio.Task[None]] = set()
        while not (done or await taker.admin.fetchval(waits)):
            done, _ = await asyncio.wait({leaving}, timeout=0.01)
        await sellers.add_reads(connection, [(ANN, None)], at=T0, kind="page", who="you")
    await leaving
    assert await taker.admin.fetchval("SELECT count(*) FROM insight_read") == 0
    async with taker.pool.acquire() as connection, connection.transaction():
        await scope.read_as(connection, ANN)
        assert list(await sellers.find_participations(connection, ANN)) == []


async def test_the_resolver_tries_until_plans_answers(
    taker: Taker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    from tests.store.test_seller_doors import PLAN, Office

    office = Office(taker.admin, taker.pool, FixedClock(T0), None, None)  # type: ignore[arg-type]
    await office.plan()
    key = await office.join(None)
    troubles = iter(["busy", "away"])

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        trouble = next(troubles, None)
        if trouble == "away":
            raise httpx.ConnectError(trouble)
        if trouble:
            return httpx.Response(503)
        told = {"participant_id": str(key), "person": ANN, "seller_plan_id": str(PLAN)}
        return httpx.Response(200, json={"participants": [told]})

    class Told:
        plans_url = "http://plans.example"
        service_token_file = None

        class service_token:  # noqa: N801 - stands for a secret
            get_secret_value = staticmethod(lambda: "secret")

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    resolver = Resolver(taker.pool, Told(), client)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(PlansAwayError):
            await resolver.resolve()
    assert await resolver.resolve() == 1
    assert await resolver.resolve() == 0
    await resolver.close()


async def test_two_replicas_that_hold_one_partition_give_the_state_of_one(taker: Taker) -> None:
    """One is in the middle of a batch while the other, which read it again, brings the next."""
    versions = [
        meeting(version=1, at=T0, participants=who(ANN, BEN)),
        meeting(version=2, at=T0 + minutes(1), participants=who(ANN, CAT)),
        meeting(version=3, at=T0 + minutes(2), participants=who(BEN, CAT)),
    ]
    for split in (1, 2):
        await taker.empty()
        for one in versions:
            await taker.take(one)
        alone = await taker.state()
        await taker.empty()
        late = CollaborationBatch()
        late.take_all([as_record(one, 90) for one in versions[:split]], Moments())
        async with taker.pool.acquire() as connection:
            await prepare_batches(connection)
            async with connection.transaction():
                await take_collaboration(connection, late, FixedClock(T0))
                other = asyncio.create_task(taker.take(*versions))
                await asyncio.sleep(0.3)
        await other
        assert await taker.state() == alone
