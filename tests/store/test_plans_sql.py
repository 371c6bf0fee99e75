"""Every SQL block of the plans service means something to the migrated schema."""

import asyncpg
import pytest

from services.plans.contract import OWNS
from services.plans.store import SQL
from tests.backends.database import Database

UTILITY = ("SET LOCAL", "ANALYZE")


@pytest.mark.parametrize("name", sorted(SQL))
async def test_every_block_can_be_prepared(module_database: Database, name: str) -> None:
    if SQL[name].split("\n")[-1].startswith(UTILITY):
        return
    connection = await asyncpg.connect(module_database.url("plans"))
    try:
        await connection.prepare(SQL[name])
    finally:
        await connection.close()


async def test_the_schema_holds_what_the_door_plate_says(module_database: Database) -> None:
    connection = await asyncpg.connect(module_database.admin_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'plans'")
    await connection.close()
    assert sorted(row["tablename"] for row in rows) == sorted(OWNS)
