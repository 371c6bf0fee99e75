"""Sellers' doors over the tables: one's own insight and nobody else's, due statements, peers."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from services.progress.domain.insight.period import Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.handlers import sellers as seller_statements
from services.progress.handlers.insights import InsightMeasures
from services.progress.handlers.sellers import NoParticipantError, OwnInsights, SellerDesk
from services.progress.store import scope, sellers
from shared.kernel.clock import FixedClock
from shared.postgres.pool import Pool, create_pool
from tests.backends.database import Database

UTC_ZONE = ZoneInfo("UTC")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
DUE = datetime(2026, 4, 2, 8, tzinfo=UTC)
NOW = datetime(2026, 4, 2, 9, tzinfo=UTC)
PLAN = uuid5(UUID(int=0), "plan")
CANARY = "canary@own.example"
PRIVATE = ("involvement", "participant", "insight_read", "interaction", "interaction_history")


def seller(number: int) -> str:
    return f"s{number:02}@own.example"


@dataclass
class Office:
    """A company whose rows are written behind the service's back, and the doors over them."""

    admin: asyncpg.Connection
    pool: Pool
    clock: FixedClock
    desk: SellerDesk
    own: OwnInsights

    async def person(self, address: str, **changes: Any) -> None:
        row = {"licensed": True, "opted_out": False, "organization": "Sales", "manager": None}
        row |= changes
        await self.admin.execute(
            "INSERT INTO person_row VALUES ($1, $2, $3, $4, $5, NULL, NULL, NULL, '{}', $6, $7,"
            " $8, $9)",
            address,
            date(2026, 1, 1),
            address.partition("@")[0].title(),
            row["manager"],
            row["organization"],
            row["licensed"],
            row["opted_out"],
            BEGAN,
            FOREVER,
        )

    async def meeting(self, starts: datetime, *people: str, minutes: int = 60) -> None:
        ends = starts + timedelta(minutes=minutes)
        key = uuid4().hex
        for one in people:
            await self.admin.execute(
                "INSERT INTO involvement VALUES ($1, $2, $3, 'meeting', $4, $2, $4, 3, 2, false,"
                " 0, 0, NULL, $5, $6, $7)",
                one,
                starts,
                key,
                ends,
                sorted(people),
                starts,
                FOREVER,
            )

    async def plan(self, plan: UUID = PLAN, minimum: int = 5, **changes: Any) -> None:
        row = {"scheduled_at": BEGAN, "stopped_at": None} | changes
        await self.admin.execute(
            "INSERT INTO seller_plan VALUES ($1, 1, 'Plan', 'monthly', $2, $3, $4, $5, $6, $7)",
            plan,
            date(2026, 1, 4),
            date(2026, 3, 29),
            minimum,
            BEGAN,
            row["scheduled_at"],
            row["stopped_at"],
        )

    async def join(
        self, address: str | None, *, plan: UUID = PLAN, taking_part: bool = True
    ) -> UUID:
        key = uuid4()
        await self.admin.execute(
            "INSERT INTO participant VALUES ($1, $2, 1, $3, $4, $5)",
            key,
            plan,
            taking_part,
            BEGAN,
            address,
        )
        return key

    async def fall_due(
        self, participant: UUID, period: str = "2026-03", due_at: datetime = DUE
    ) -> UUID:
        tick = uuid4()
        await self.admin.execute(
            "INSERT INTO seller_tick VALUES ($1, $2, $3, $4, $5, NULL)",
            tick,
            PLAN,
            participant,
            period,
            due_at,
        )
        return tick

    async def statements(self, *ticks: UUID) -> list[dict[str, Any]]:
        found = await seller_statements.render(self.desk, ticks)
        return [json.loads(found[tick]) for tick in ticks]


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    admin = await asyncpg.connect(database.admin_url)
    await admin.execute("SET search_path = progress")
    pool = await create_pool(database.url("progress"), size=2)
    clock = FixedClock(NOW)
    desk = SellerDesk(pool, clock, UTC_ZONE, InsightMeasures(InsightRules(zone=UTC_ZONE)))
    yield Office(admin, pool, clock, desk, OwnInsights(desk))
    await pool.close()
    await admin.close()


async def staffed(office: Office, count: int = 8) -> list[UUID]:
    """A plan with participants who each met a customer, and a colleague on the day after."""
    await office.plan()
    keys = []
    for number in range(count):
        await office.person(seller(number))
        keys.append(await office.join(seller(number)))
        begin = datetime(2026, 3, 3, 9, tzinfo=UTC) + timedelta(hours=number)
        await office.meeting(begin, seller(number), "c@acme.example", minutes=30 + number)
        after = begin + timedelta(days=1)
        await office.meeting(after, seller(number), "in@own.example", minutes=10)
    return keys


# --- one's own ------------------------------------------------------------------------------------


async def test_a_participant_reads_its_own_insight(office: Office) -> None:
    await staffed(office)
    found = await office.own.insights(seller(3), Period.parse("2026-03"), None)
    assert found["person"] == seller(3)
    assert found["collaboration"]["external"]["seconds"] == 33 * 60
    assert found["collaboration"]["internal"]["seconds"] == 600
    assert found["peers"] is None
    reads = await office.own.reads(seller(3), (None, None), 10)
    assert [(one["kind"], one["period"], one["who"]) for one in reads] == [
        ("page", "2026-03", "you")
    ]


@pytest.mark.parametrize("who", ["nobody@own.example", "left@own.example", "draft@own.example", ""])
async def test_anybody_else_is_nobody(office: Office, who: str) -> None:
    await staffed(office)
    draft = uuid4()
    await office.plan(draft, scheduled_at=None)
    await office.person("left@own.example")
    await office.join(None, taking_part=False)
    await office.person("draft@own.example")
    await office.join("draft@own.example", plan=draft)
    for ask in (
        office.own.insights(who, Period.parse("2026-03"), None),
        office.own.network(who),
        office.own.reads(who, (None, None), 10),
        office.own.export(who),
    ):
        with pytest.raises(NoParticipantError):
            await ask


async def test_a_stopped_plans_participant_still_reads_its_own(office: Office) -> None:
    await office.plan(stopped_at=NOW)
    await office.person(seller(1))
    await office.join(seller(1))
    assert (await office.own.insights(seller(1), Period.parse("2026-03"), None))["person"]


async def test_the_export_holds_what_is_held_and_nothing_of_others(office: Office) -> None:
    await staffed(office)
    await office.meeting(datetime(2026, 3, 9, tzinfo=UTC), CANARY, "c@acme.example")
    await office.admin.execute(
        "INSERT INTO assignment_row VALUES ('own-account', $1, $3, $4, $5),"
        " ('others-account', $2, $3, $4, $5)",
        seller(2),
        seller(3),
        date(2026, 1, 1),
        BEGAN,
        FOREVER,
    )
    found = await office.own.export(seller(2))
    assert len(found["collaboration"]) == 2
    assert found["organization"][0]["licensed"] is True
    assert isinstance(found["organization"][0]["attributes"], dict)
    assert [one["account_id"] for one in found["assignments"]] == ["own-account"]
    assert CANARY not in str(found)
    assert seller(3) not in str(found)


async def test_the_network_is_of_the_last_28_days(office: Office) -> None:
    await staffed(office)
    office.clock.set(datetime(2026, 3, 30, tzinfo=UTC))
    found = await office.own.network(seller(0))
    assert [one["address"] for one in found["people"]] == ["c@acme.example", "in@own.example"]
    assert found["ends"] == "2026-03-31"
    office.clock.set(datetime(2026, 4, 1, tzinfo=UTC))
    assert (await office.own.network(seller(0)))["people"] == []


# --- due statements -------------------------------------------------------------------------------


async def test_a_due_tick_gives_the_persons_statement_and_is_recorded(office: Office) -> None:
    keys = await staffed(office)
    tick = await office.fall_due(keys[2])
    [found] = await office.statements(tick)
    assert found["recipients"] == [{"email": seller(2), "name": "S02"}]
    assert found["insights"]["person"] == seller(2)
    assert found["kind"] == "seller"
    assert (found["period"], found["cadence"]) == ("2026-03", "monthly")
    assert found["insights"]["peers"]["period"] == "2026-03"
    [read] = await office.own.reads(seller(2), (None, None), 10)
    assert read["kind"] == "email"


async def test_a_statement_is_the_same_whenever_it_is_rendered(office: Office) -> None:
    keys = await staffed(office)
    tick = await office.fall_due(keys[2])
    first = await seller_statements.render(office.desk, [tick])
    late = datetime(2026, 4, 2, 8, 30, tzinfo=UTC)
    await office.admin.execute("UPDATE involvement SET known_from = $1 WHERE false", late)
    await office.meeting(late, seller(2), "c@acme.example")
    office.clock.set(NOW + timedelta(days=3))
    assert await seller_statements.render(office.desk, [tick]) == first


async def test_a_tick_that_is_done_or_not_due_tells_nothing(office: Office) -> None:
    keys = await staffed(office)
    done, early = (
        await office.fall_due(keys[1]),
        await office.fall_due(keys[2], "2026-04", NOW + timedelta(days=30)),
    )
    async with office.pool.acquire() as connection:
        assert await sellers.finish_ticks(connection, [done], NOW) == 1
        assert await sellers.finish_ticks(connection, [done], NOW) == 0
    for found in await office.statements(done, early):
        assert found["recipients"] == []
        assert found["insights"] is None
        assert seller(1) not in str(found)
        assert seller(2) not in str(found)
    assert await office.own.reads(seller(1), (None, None), 10) == []


@pytest.mark.parametrize(
    ("changes", "reason"), [({"licensed": False}, "unlicensed"), ({"opted_out": True}, "opted_out")]
)
async def test_who_must_not_be_written_to_is_not(
    office: Office, changes: dict[str, bool], reason: str
) -> None:
    await staffed(office)
    await office.person("x@own.example", **changes)
    tick = await office.fall_due(await office.join("x@own.example"))
    [found] = await office.statements(tick)
    assert (found["recipients"], found["reason"], found["insights"]) == ([], reason, None)


async def test_participants_that_are_not_resolved_are_waited_for(office: Office) -> None:
    keys = await staffed(office)
    tick = await office.fall_due(keys[0])
    async with office.pool.acquire() as connection:
        assert await sellers.count_unresolved(connection, [tick]) == 0
        await office.join(None)
        assert await sellers.count_unresolved(connection, [tick]) == 1


# --- peers ----------------------------------------------------------------------------------------


async def test_the_split_is_published_once_and_frozen(office: Office) -> None:
    keys = await staffed(office)
    first, second = await office.fall_due(keys[0]), await office.fall_due(keys[1])
    [before] = await office.statements(first)
    external = sum(30 + n for n in range(8))
    percent = round(100 * external / (external + 80))
    assert before["insights"]["peers"] == {
        "period": "2026-03",
        "external_percent": percent,
        "internal_percent": 100 - percent,
    }
    await office.admin.execute("DELETE FROM involvement WHERE person <> $1", seller(1))
    [after] = await office.statements(second)
    assert after["insights"]["peers"] == before["insights"]["peers"]


async def shrunk_in_april(office: Office, leaving: int) -> tuple[Any, Any]:
    """What March and April tell of peers, when some of eight have left in between."""
    keys = await staffed(office)
    [march] = await office.statements(await office.fall_due(keys[0]))
    for number, key in enumerate(keys):
        april = datetime(2026, 4, 7, 9 + number, tzinfo=UTC)
        await office.meeting(april, seller(number), "c@acme.example")
        if number >= len(keys) - leaving:
            await office.admin.execute(
                "UPDATE participant SET taking_part = false, person = NULL"
                " WHERE participant_id = $1",
                key,
            )
    office.clock.set(datetime(2026, 5, 2, 9, tzinfo=UTC))
    due = datetime(2026, 5, 2, 8, tzinfo=UTC)
    [told] = await office.statements(await office.fall_due(keys[0], "2026-04", due))
    for period, wanted in (("2026-03", march), ("2026-04", told)):
        page = await office.own.insights(seller(0), Period.parse(period), None)
        assert page["peers"] == wanted["insights"]["peers"]
    return march["insights"]["peers"], told["insights"]["peers"]


async def test_a_group_that_a_few_have_left_goes_on_with_the_older_split(office: Office) -> None:
    march, april = await shrunk_in_april(office, leaving=3)
    assert april == march
    assert march["period"] == "2026-03"


async def test_a_group_that_has_become_too_small_tells_nothing_of_peers(office: Office) -> None:
    march, april = await shrunk_in_april(office, leaving=4)
    assert march["period"] == "2026-03"
    assert april is None


async def test_without_enough_people_there_is_none(office: Office) -> None:
    keys = await staffed(office, 4)
    [found] = await office.statements(await office.fall_due(keys[0]))
    assert found["insights"]["peers"] is None
    assert found["recipients"]


# --- the database ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", PRIVATE)
async def test_without_a_scope_the_service_sees_nothing(office: Office, table: str) -> None:
    await staffed(office)
    await office.own.insights(seller(1), Period.parse("2026-03"), None)
    async with office.pool.acquire() as connection:
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            assert await connection.fetch(f"SELECT * FROM {table}") == []


async def test_a_scope_ends_with_its_transaction_and_holds_one_person(office: Office) -> None:
    await staffed(office)
    async with office.pool.acquire() as connection:
        async with connection.transaction():
            await scope.read_as(connection, seller(1))
            people = await connection.fetch("SELECT DISTINCT person FROM involvement")
            assert [row["person"] for row in people] == [seller(1)]
        assert await connection.fetch("SELECT person FROM involvement") == []


async def test_other_services_have_no_way_into_the_schema(
    office: Office, database: Database
) -> None:
    await staffed(office)
    for service in ("ingest", "plans", "notifier"):
        connection = await asyncpg.connect(database.url(service))
        for table in PRIVATE:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM progress.{table}")
        await connection.close()


async def test_the_service_cannot_write_people_by_hand(office: Office) -> None:
    await staffed(office)
    for statement in (
        "DELETE FROM involvement",
        "UPDATE participant SET person = 'x'",
        "TRUNCATE involvement",
        "TRUNCATE participant",
        "UPDATE insight_read SET who = 'x'",
        "DELETE FROM insight_read",
        "COPY interaction TO STDOUT",
        "SET ROLE milepost_progress_owner",
        "ALTER TABLE involvement NO FORCE ROW LEVEL SECURITY",
    ):
        async with office.pool.acquire() as connection:
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(statement)
