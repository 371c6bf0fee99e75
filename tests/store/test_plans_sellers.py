"""Seller plans on a real database: lists, states, ticks, leaving, and that nothing stays behind."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.plans.consumers import Directory, sort_out
from services.plans.domain.people_filter import FilterDraft
from services.plans.domain.refusal import ConflictError, InvalidError, NotFoundError
from services.plans.domain.seller_plan import SellerPlanDraft, Validation
from services.plans.handlers import leaving, lists
from services.plans.handlers import seller_plans as plans
from services.plans.handlers.desk import Desk
from services.plans.handlers.seller_ticks import issue_due_seller_ticks
from shared.events.envelope import Envelope, to_headers
from shared.kernel.clock import FixedClock
from shared.kernel.ids import new_id
from shared.messaging.consumer import make_broker
from shared.messaging.message import Record
from shared.messaging.offsets import Offsets
from tests.backends.database import Database
from tests.store.plans_desk import NOW, a_desk, forget_told, told

SUNDAY = date(2026, 3, 15)
SALES = FilterDraft("Organization", "Equals", ["Sales"])


def sellers(count: int) -> list[str]:
    return [f"s{n:02}@x.example" for n in range(count)]


def row(
    person: str, version: int = 1, day: str = "2026-01-01", *, at: datetime = NOW, **changes: Any
) -> Record:
    data = {
        "person_id": person,
        "effective_on": day,
        "version": version,
        "organization": "Sales",
        "licensed": True,
        "opted_out": False,
        **changes,
    }
    return record("person.recorded", data, "milepost.people.v1", at)


def record(
    kind: str, data: dict[str, Any], topic: str = "milepost.crm.v1", at: datetime = NOW
) -> Record:
    import json

    envelope = Envelope(new_id(), f"milepost.{kind}.v1", "test", at)
    return Record(topic, 0, 5, b"k", json.dumps(data).encode(), tuple(to_headers(envelope)), 0)


CRM = [
    record(
        "crm_account.recorded",
        {"account_id": "a", "effective_on": "2026-01-01", "version": 1, "name": "A"},
    ),
    record(
        "crm_contact.recorded",
        {
            "contact_id": "c",
            "effective_on": "2026-01-01",
            "version": 1,
            "account_id": "a",
            "email": "c@customer.example",
        },
    ),
]


async def hear(desk: Desk, *records: Record) -> None:
    """As the consumer does, without a broker."""
    directory = Directory(
        make_broker("127.0.0.1:1", client_id="test"),
        desk.pool,
        desk.clock,
        Offsets("127.0.0.1:1", client_id="test"),
    )
    directory.desk = desk
    await directory.on_records(list(records))


@asynccontextmanager
async def an_office(
    database: Database, people: int = 12, at: datetime = NOW
) -> AsyncIterator[tuple[Desk, FixedClock]]:
    async with a_desk(database, at=at) as (desk, clock):
        await hear(desk, *CRM, *(row(person) for person in sellers(people)))
        yield desk, clock


async def draft(desk: Desk, **changes: Any) -> str:
    view = await plans.create_seller_plan(desk, SellerPlanDraft(**changes))
    return view.plan.seller_plan_id


async def started(desk: Desk, people: Sequence[str], **changes: Any) -> str:
    plan_id = await draft(desk, **changes)
    result = await lists.take_addresses(desk, plan_id, people)
    assert result.ready
    await plans.start_seller_plan(desk, plan_id)
    return plan_id


async def takers(desk: Desk, plan_id: str) -> int:
    return (await plans.open_seller_plan(desk, plan_id)).takers


async def participant_of(desk: Desk, plan_id: str, person: str) -> str:
    found = await desk.pool.fetchval(
        "SELECT participant_id FROM participant WHERE seller_plan_id = $1 AND person = $2",
        plan_id,
        person,
    )
    return str(found)


async def ticks(desk: Desk) -> list[dict[str, Any]]:
    return [data for kind, data, _ in await told(desk) if kind.endswith("seller_tick.due.v1")]


async def test_a_plan_needs_all_kinds_of_data(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        with pytest.raises(ConflictError, match="CRM accounts, CRM contacts, organizational data"):
            await draft(desk)
        await hear(desk, CRM[0], row("a@x.example"))
        with pytest.raises(ConflictError) as refused:
            await draft(desk)
        assert "CRM contacts" in str(refused.value)
        assert "accounts" not in str(refused.value)
        await hear(desk, CRM[1])
        await draft(desk)
        gone = {"account_id": "a", "effective_on": "2026-01-01", "version": 1}
        await hear(desk, record("crm_account.deleted", gone))
        with pytest.raises(ConflictError, match="CRM accounts"):
            await draft(desk)


async def test_defaults_and_names(module_database: Database) -> None:
    async with an_office(module_database) as (desk, _):
        one = await plans.create_seller_plan(desk, SellerPlanDraft())
        two = await plans.create_seller_plan(desk, SellerPlanDraft())
        assert [one.plan.name, two.plan.name] == ["Seller success plan", "Seller success plan 2"]
        assert (one.plan.cadence, one.plan.start_date) == ("monthly", SUNDAY)
        with pytest.raises(ConflictError):
            await draft(desk, name="SELLER success plan")
        edit = SellerPlanDraft(name="Seller success plan")
        with pytest.raises(ConflictError):
            await plans.edit_seller_plan(desk, two.plan.seller_plan_id, edit, None)
        [_, snapshot] = await told(desk)
        assert snapshot[1]["minimum_group_size"] == 10


async def test_the_first_failing_check_counts(module_database: Database) -> None:
    async with an_office(module_database, 30) as (desk, _):
        await started(desk, sellers(10))
        await hear(
            desk,
            row("no.licence@x.example", licensed=False, opted_out=True),
            row("out@x.example", opted_out=True),
            row(sellers(30)[9], 2, licensed=False),
        )
        plan_id = await draft(desk)
        given = [*sellers(25), "no.licence@x.example", "out@x.example", "who@x.example"]
        result = await lists.take_addresses(desk, plan_id, given)
        errors = {"unknown": 1, "unlicensed": 2, "opted_out": 1, "in_another_plan": 9}
        assert result == Validation(28, 15, errors, 10)
        assert await takers(desk, plan_id) == 15
        few = await lists.take_addresses(desk, plan_id, ["out@x.example"])
        assert few == Validation(1, 0, None, 10)
        assert await takers(desk, plan_id) == 0
        with pytest.raises(ConflictError, match="10"):
            await plans.start_seller_plan(desk, plan_id)


async def test_validation_is_done_again_at_the_start(module_database: Database) -> None:
    async with an_office(module_database, 11) as (desk, _):
        plan_id = await draft(desk)
        await lists.take_addresses(desk, plan_id, sellers(11))
        await hear(desk, row(sellers(1)[0], 2, licensed=False))
        view = await plans.start_seller_plan(desk, plan_id)
        assert view.takers == 10
        assert await desk.pool.fetchval("SELECT count(*) FROM candidate") == 0
        other = await draft(desk)
        assert (await lists.take_addresses(desk, other, sellers(11))).qualified == 0


async def test_filters_use_the_row_in_force_and_values_letter_by_letter(
    module_database: Database,
) -> None:
    async with an_office(module_database) as (desk, _):
        await hear(
            desk,
            row("later@x.example", day="2026-06-01"),  # before the first row, the first row
            row("was@x.example", day="2025-01-01"),
            row("was@x.example", day="2026-02-01", organization="sales"),
            row("west@x.example", organization="Ops", attributes={"Region": "West"}),
        )
        plan_id = await draft(desk)

        async def matched(*filters: FilterDraft) -> int | None:
            return await lists.count_filtered(desk, plan_id, filters)

        assert await matched(SALES) == 13
        assert await matched(FilterDraft("organization", "EQUALS", ["Sales", "sales"])) == 14
        assert await matched(FilterDraft("Region", "not_equals", ["West"])) == 14
        assert await matched(FilterDraft("Region", "equals", ["West"])) is None
        assert await matched(SALES, FilterDraft("Region", "equals", ["West"])) is None
        with pytest.raises(InvalidError):
            await matched(FilterDraft("region", "equals", ["West"]))
        with pytest.raises(NotFoundError):
            await lists.count_filtered(desk, new_id(), [SALES])
        assert (await lists.take_filtered(desk, plan_id, [SALES])).qualified == 13


async def test_a_list_replaces_until_the_plan_is_active_and_then_adds(
    module_database: Database,
) -> None:
    async with an_office(module_database, 30) as (desk, clock):
        plan_id = await draft(desk)
        await lists.take_addresses(desk, plan_id, sellers(15))
        await lists.take_addresses(desk, plan_id, sellers(12))
        assert await takers(desk, plan_id) == 12
        await plans.start_seller_plan(desk, plan_id)
        kept = await participant_of(desk, plan_id, sellers(12)[5])
        await lists.take_addresses(desk, plan_id, sellers(30)[5:20])
        assert await takers(desk, plan_id) == 15
        assert await participant_of(desk, plan_id, sellers(12)[5]) == kept
        assert not (await lists.take_addresses(desk, plan_id, sellers(3))).ready
        assert await takers(desk, plan_id) == 15
        clock.set(datetime(2026, 3, 16, tzinfo=UTC))
        await lists.take_addresses(desk, plan_id, sellers(6))
        assert await takers(desk, plan_id) == 20
        await plans.stop_seller_plan(desk, plan_id)
        with pytest.raises(ConflictError):
            await lists.take_addresses(desk, plan_id, sellers(6))
        with pytest.raises(ConflictError):
            await plans.stop_seller_plan(desk, plan_id)


async def test_ticks_fall_due_once_as_of_their_own_time(module_database: Database) -> None:
    async with an_office(module_database, 13) as (desk, clock):
        plan_id = await started(desk, sellers(12))
        await forget_told(desk)
        clock.set(datetime(2026, 4, 1, 12, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 0
        clock.set(datetime(2026, 5, 3, tzinfo=UTC))
        await lists.take_addresses(desk, plan_id, sellers(13)[12:])
        await hear(desk, row(sellers(1)[0], 2, licensed=False))
        await leaving.leave_plans(desk, sellers(2)[1])
        await leaving.opt_out(desk, sellers(3)[2])
        assert await issue_due_seller_ticks(desk) == 18
        found = await ticks(desk)
        assert [one["period"] for one in found] == ["2026-03"] * 9 + ["2026-04"] * 9
        assert {one["due_at"] for one in found} == {
            "2026-04-02T08:00:00Z",
            "2026-05-02T08:00:00Z",
        }
        assert await issue_due_seller_ticks(desk) == 0
        clock.set(datetime(2026, 7, 3, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 10  # June lies beyond the end
        assert len({one["tick_id"] for one in await ticks(desk)}) == 28


async def test_stopping_and_moving_take_the_dues_along(module_database: Database) -> None:
    async with an_office(module_database) as (desk, clock):
        plan_id = await started(desk, sellers(12), cadence="weekly")
        moved = SellerPlanDraft(start_date=date(2026, 3, 22))
        await plans.edit_seller_plan(desk, plan_id, moved, None)
        clock.set(datetime(2026, 3, 23, 7, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 0
        clock.set(datetime(2026, 3, 23, 9, tzinfo=UTC))
        await plans.stop_seller_plan(desk, plan_id)  # what fell due before still goes out
        assert [one["period"] for one in await ticks(desk)] == ["2026-03-15"] * 12
        clock.set(datetime(2026, 5, 1, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 0


async def test_leaving_and_opting_out_again_does_nothing(module_database: Database) -> None:
    async with an_office(module_database) as (desk, _):
        plan_id = await started(desk, sellers(12))
        one, two, three = [await participant_of(desk, plan_id, who) for who in sellers(3)]
        await forget_told(desk)
        for _ in range(2):
            await leaving.leave_plan(desk, one)
            await leaving.opt_out_participant(desk, two)
            await leaving.leave_plans(desk, sellers(3)[2])
        changes = [(data["participant_id"], data["taking_part"]) for _, data, _ in await told(desk)]
        assert changes == [(one, False), (two, False), (three, False)]
        assert await takers(desk, plan_id) == 9
        with pytest.raises(ConflictError):
            await leaving.opt_out_participant(desk, one)
        with pytest.raises(NotFoundError):
            await leaving.leave_plan(desk, new_id())
        found = await leaving.resolve_participants(
            desk, [one, two, await participant_of(desk, plan_id, sellers(4)[3])]
        )
        assert [row["person"] for row in found] == [sellers(4)[3]]


async def test_no_later_row_opts_anyone_in_again_but_the_person_can(
    module_database: Database,
) -> None:
    async with an_office(module_database) as (desk, clock):
        plan_id = await started(desk, sellers(12))
        who = sellers(1)[0]
        out = row(who, 2, opted_out=True)
        await hear(desk, out)
        assert await takers(desk, plan_id) == 11
        await hear(desk, row(who, 3), row(who, 1, "2026-02-01"))
        clock.set(datetime(2026, 3, 16, tzinfo=UTC))

        async def qualified() -> int:
            return (await lists.take_addresses(desk, plan_id, [who])).qualified

        assert await qualified() == 0
        await leaving.opt_in(desk, who)
        await hear(desk, out)  # once more: it was told before
        assert await qualified() == 1
        clock.advance(timedelta(days=1))
        await hear(desk, row(who, 4, at=clock.now(), opted_out=True))
        assert await qualified() == 0


async def test_opting_out_from_a_day_on_holds_from_that_day(module_database: Database) -> None:
    async with an_office(module_database) as (desk, clock):
        plan_id = await started(desk, sellers(12))
        await hear(desk, row(sellers(1)[0], day="2026-03-20", opted_out=True))
        assert await takers(desk, plan_id) == 12
        await leaving.end_those_opted_out_by_now(desk)
        assert await takers(desk, plan_id) == 12
        clock.set(datetime(2026, 3, 20, tzinfo=UTC))
        await leaving.end_those_opted_out_by_now(desk)
        assert await takers(desk, plan_id) == 11


async def everywhere(desk: Desk, needle: str) -> list[str]:
    """Every table and column of the service that holds a text, in whatever type."""
    columns = await desk.pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'plans' AND table_name <> 'person_row'"
    )
    found = []
    for column in columns:
        table, name = column["table_name"], column["column_name"]
        values = await desk.pool.fetch(f'SELECT "{name}" AS value FROM "{table}"')
        for value in (one["value"] for one in values):
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            if needle in text:
                found.append(f"{table}.{name}")
    return found


@pytest.mark.parametrize("way", ["leave", "opt_out", "row"])
async def test_nothing_of_a_participant_stays_behind(module_database: Database, way: str) -> None:
    async with an_office(module_database) as (desk, clock):
        who = sellers(1)[0]
        other = await draft(desk)
        await lists.take_addresses(desk, other, sellers(12))
        await started(desk, sellers(12), cadence="weekly")
        clock.set(datetime(2026, 3, 17, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 12
        assert set(await everywhere(desk, who)) == {"candidate.person", "participant.person"}
        if way == "leave":
            await leaving.leave_plans(desk, who)
        elif way == "opt_out":
            await leaving.opt_out(desk, who)
        else:
            await hear(desk, row(who, 2, opted_out=True))
        assert await everywhere(desk, who) == []
        assert await everywhere(desk, who.partition("@")[0]) == []


async def test_ten_thousand_people_start_and_fall_due(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, clock):
        people = [f"n{n}@x.example" for n in range(10_000)]
        await hear(desk, *CRM, *map(row, people))
        await started(desk, people)
        await forget_told(desk)
        clock.set(datetime(2026, 4, 3, tzinfo=UTC))
        assert await issue_due_seller_ticks(desk) == 10_000
        assert len({one["participant_id"] for one in await ticks(desk)}) == 10_000


def test_what_is_not_known_here_is_skipped() -> None:
    heard, broken = sort_out(
        [
            record(
                "seller_assignment.recorded",
                {"account_id": "a", "seller": "s@x.example", "effective_on": "2026-01-01"},
            )
        ]
    )
    assert (heard.crm, broken) == ([], [])
