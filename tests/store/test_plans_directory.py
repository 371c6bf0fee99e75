"""The directory of partners and campaigns: the newest version counts, in whatever order."""

import itertools
import json
from typing import Any

from services.plans.consumers import sort_out
from services.plans.handlers.desk import Desk
from services.plans.store import directory
from services.plans.store.directory import HeardPartner
from shared.events.envelope import Envelope, to_headers
from shared.kernel.ids import new_id
from shared.messaging.message import Position, Record
from tests.backends.database import Database
from tests.store.plans_desk import DEALS, NOW, a_desk, partners, plan, strategy


def record(kind: str, data: Any, topic: str = "milepost.partners.v1") -> Record:
    envelope = Envelope(new_id(), f"milepost.{kind}.v1", "test", NOW)
    value = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Record(topic, 0, 5, b"k", value, tuple(to_headers(envelope)), 0)


def partner(version: int, name: str, **changes: Any) -> Record:
    data = {"partner_id": "p", "version": version, "name": name, **changes}
    return record("partner.recorded", data)


async def names(desk: Desk) -> list[str]:
    rows = await desk.pool.fetch("SELECT name FROM partner WHERE NOT deleted")
    return [row["name"] for row in rows]


async def test_any_order_and_batching_gives_the_newest_version(module_database: Database) -> None:
    versions = [
        partner(1, "one"),
        partner(3, "three"),
        partner(3, "threw"),  # the same version with a greater body
        record("partner.deleted", {"partner_id": "p", "version": 2}),
    ]
    async with a_desk(module_database) as (desk, _):
        for order in itertools.permutations(versions):
            for size in (1, 2, 4):
                await desk.pool.execute("DELETE FROM partner")
                for start in range(0, 4, size):
                    heard, broken = sort_out(order[start : start + size])
                    assert broken == []
                    async with desk.pool.acquire() as connection:
                        await directory.note_partners(connection, heard.partners)
                assert await names(desk) == ["threw"]


async def test_a_deleted_partner_is_unknown_until_a_higher_version(
    module_database: Database,
) -> None:
    async with a_desk(module_database) as (desk, _):
        await partners(desk, "p")
        of = await strategy(desk, DEALS)
        mine = await plan(desk, of, "p")
        assert mine.partner_name == "Partner p"
        async with desk.pool.acquire() as connection:
            gone = HeardPartner("p", 5, "{}", deleted=True)
            await directory.note_partners(connection, [gone])
            assert await directory.find_partner(connection, "p") is None
            assert (
                await directory.list_eligible_partners(
                    connection, of.strategy_id, (), [None, None], 9
                )
                == []
            )
        await partners(desk, "p", version=4)
        assert await names(desk) == []
        await partners(desk, "p", version=6)
        assert await names(desk) == ["Partner p"]


async def test_eligible_partners_are_paged_by_name(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        for name, groups in (("b", ["West"]), ("A", ["East", "West"]), ("c", ["East"])):
            await partners(desk, f"id-{name}", name=name, groups=tuple(groups))
        await partners(desk, "idle", name="idle", groups=("West",), active=False)
        of = await strategy(desk, DEALS, partner_groups=["West"])
        await plan(desk, of, "id-b")
        async with desk.pool.acquire() as connection:
            first = await directory.list_eligible_partners(
                connection, of.strategy_id, of.partner_groups, [None, None], 1
            )
            after = [first[0]["name_order"], first[0]["partner_id"]]
            rest = await directory.list_eligible_partners(
                connection, of.strategy_id, of.partner_groups, after, 9
            )
        assert [(row["name"], row["has_plan"]) for row in first + rest] == [
            ("A", False),
            ("b", True),
        ]


async def test_campaign_tags_are_those_carried_now(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        for version, tags in ((1, ["old"]), (2, ["spring", "webinar"])):
            data = {"campaign_id": "c", "version": version, "name": "C", "tags": tags}
            heard, _ = sort_out([record("campaign.recorded", data, "milepost.campaigns.v1")])
            async with desk.pool.acquire() as connection:
                await directory.note_campaigns(connection, heard.campaigns)
        async with desk.pool.acquire() as connection:
            assert await directory.list_campaign_tags(connection, None, 9) == ["spring", "webinar"]
            assert await directory.list_campaign_tags(connection, "spring", 9) == ["webinar"]


async def test_positions_only_go_forward(module_database: Database) -> None:
    async with a_desk(module_database) as (desk, _):
        for offset, reached in ((5, 5), (9, 9), (7, 9)):
            async with desk.pool.acquire() as connection:
                await directory.note_positions(connection, [Position("t", 0, offset)])
                assert await directory.find_positions(connection) == {("t", 0): reached}


def test_broken_records_are_put_aside_and_stop_no_other() -> None:
    records = [
        partner(1, "fine"),
        record("partner.recorded", b"not json"),
        record("partner.recorded", {"partner_id": "p", "version": -1, "name": "x"}),
        record("partner.recorded", {"partner_id": "p", "version": 1, "name": "a\x00b"}),
        record("unicorn.recorded", {"x": 1}),
        Record("milepost.partners.v1", 0, 1, None, None, (), 0),
        Record("milepost.partners.v1", 0, 1, None, b"{}", (("ce_type", b"\xff"),), 0),
    ]
    heard, broken = sort_out(records)
    assert [one.name for one in heard.partners] == ["fine"]
    assert [errors[0]["pointer"] for _, errors in broken] == [
        "/data",
        "/data/version",
        "/data/name",
        "",
    ]
