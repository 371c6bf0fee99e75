"""Every SQL block of the notifier means something to the migrated schema, and is used."""

import asyncpg
import pytest

from services.notifier import store
from services.notifier.contract import OWNS
from tests.architecture.source import ROOT
from tests.backends.database import Database


@pytest.mark.parametrize("name", sorted(store.QUERIES))
async def test_every_block_can_be_prepared(module_database: Database, name: str) -> None:
    connection = await asyncpg.connect(module_database.url("notifier"))
    try:
        await connection.prepare(store.QUERIES[name])
    finally:
        await connection.close()


def test_every_block_is_used() -> None:
    files = (ROOT / "services" / "notifier").rglob("*.py")
    code = "".join(file.read_text() for file in files)
    assert [name for name in store.QUERIES if f'QUERIES["{name}"]' not in code] == []


async def test_the_schema_holds_what_the_door_plate_says(module_database: Database) -> None:
    connection = await asyncpg.connect(module_database.admin_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'notifier'")
    await connection.close()
    assert sorted(row["tablename"] for row in rows) == sorted(OWNS)
