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


DISTRIBUTED_BY = {
    "record": "record_id",
    "record_history": "record_id",
    "conflict": "record_id",
    "former_partner": "partner_id",
    "cell": "plan_id",
    "goal_standing": "plan_id",
    "plan": "plan_id",
    "interaction": "interaction_id",
    "interaction_history": "interaction_id",
    "involvement": "person",
    "person_row": "person",
    "participant": "participant_id",
    "tick": "tick_id",
    "statement": "tick_id",
    "seller_tick": "tick_id",
    "insight_read": "read_id",
}
"""What grows with partners, sellers and what they do (ADR 0076)."""
WHOLE_EVERYWHERE = {
    *("goal", "portal_page", "account_row", "contact_row", "assignment_row"),
    *("seller_plan", "peer_split"),
}
"""What is small and joined by everything: a copy on each node."""
OF_ONE_NODE = {"consumed", "dead_letter", "outbox", "schema_migration"}


async def test_keys_begin_with_what_a_table_would_be_distributed_by(
    module_database: Database,
) -> None:
    """Citus takes a unique key only if it holds the distribution column."""
    connection = await asyncpg.connect(module_database.admin_url)
    keys = await connection.fetch(
        """
        SELECT t.relname AS name, a.attname AS first, i.indisprimary AS is_primary,
               ARRAY(SELECT attname FROM pg_attribute
                     WHERE attrelid = t.oid AND attnum = ANY (i.indkey)) AS columns
        FROM pg_index i
        JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = 'progress'
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
        WHERE i.indisunique AND t.relkind IN ('r', 'p')
        """
    )
    await connection.close()
    tables = {row["name"] for row in keys}
    assert tables == DISTRIBUTED_BY.keys() | WHOLE_EVERYWHERE | (OF_ONE_NODE & tables)
    for row in keys:
        column = DISTRIBUTED_BY.get(row["name"])
        if column is not None:
            assert column in row["columns"], dict(row)
            assert row["first"] == column or not row["is_primary"], dict(row)


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
