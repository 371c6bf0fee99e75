"""Every SQL block of progress means something to the migrated schema, and is used."""

import asyncpg
import pytest

from services.progress.contract import OWNS
from services.progress.store import SQL
from tests.architecture.source import ROOT
from tests.backends.database import Database


@pytest.mark.parametrize("name", sorted(SQL))
async def test_every_block_can_be_prepared(module_database: Database, name: str) -> None:
    connection = await asyncpg.connect(module_database.url("progress"))
    try:
        for table in ("make_staging", "make_beside", "make_suspects"):
            await connection.execute(SQL[table])
        await connection.prepare(SQL[name])
    finally:
        await connection.close()


def test_every_block_is_used() -> None:
    files = (ROOT / "services" / "progress" / "store").glob("*.py")
    code = "".join(file.read_text() for file in files)
    assert [name for name in SQL if f'SQL["{name}"]' not in code] == []


async def test_the_schema_holds_what_the_door_plate_says(module_database: Database) -> None:
    connection = await asyncpg.connect(module_database.admin_url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'progress'")
    await connection.close()
    assert sorted(row["tablename"] for row in rows) == sorted(OWNS)


async def test_a_large_batch_never_reads_the_whole_ledger(module_database: Database) -> None:
    """Whatever the planner thinks of a table without statistics."""
    connection = await asyncpg.connect(module_database.url("progress"))
    try:
        await connection.execute(SQL["make_staging"])
        async with connection.transaction():
            await connection.execute(SQL["set_for_batches"])
            empty: tuple[list[str], list[int], list[int]] = ([], [], [])
            rows = await connection.fetch("EXPLAIN " + SQL["take_batch"], *empty)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan on record" not in plan
    assert "Merge Join" not in plan
