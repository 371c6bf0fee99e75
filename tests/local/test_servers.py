"""The fixtures' servers, from wheels and from containers alike: rights, settings, topics."""

import asyncpg
import pytest

from deploy.topics import apply_topics
from shared.messaging.topics import TOPICS
from tests.backends.database import Database


async def test_a_service_reaches_its_own_schema_and_no_other(database: Database) -> None:
    connection = await asyncpg.connect(database.url("plans"))
    try:
        assert await connection.fetchval("SHOW search_path") == "plans"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT * FROM progress.consumed")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE plans.mine (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine (id int)")
        await connection.execute("CREATE TEMPORARY TABLE staging (id int)")
    finally:
        await connection.close()


async def test_databases_sort_by_code_point_everywhere(database: Database) -> None:
    connection = await asyncpg.connect(database.admin_url)
    try:
        order = await connection.fetch(
            "SELECT v FROM unnest(ARRAY['b', 'a', 'B', 'é']) v ORDER BY v"
        )
    finally:
        await connection.close()
    assert [row["v"] for row in order] == ["B", "a", "b", "é"]


async def test_statements_for_progress_are_planned_for_their_values(database: Database) -> None:
    connection = await asyncpg.connect(database.url("progress"))
    try:
        assert await connection.fetchval("SHOW plan_cache_mode") == "force_custom_plan"
        assert await connection.fetchval("SHOW jit") == "off"
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()


async def test_topics_are_made_once_and_only_grow(kafka: str) -> None:
    await apply_topics(kafka, 3)  # others that use this Kafka may have made them before
    again = await apply_topics(kafka, 3)
    grown = await apply_topics(kafka, 4)
    shrunk = await apply_topics(kafka, 2)
    assert (again.created, again.grown, again.configured) == ([], [], [])
    assert set(grown.grown) == {topic.name for topic in TOPICS if topic.partitions is None}
    assert (shrunk.created, shrunk.grown, shrunk.configured) == ([], [], [])
