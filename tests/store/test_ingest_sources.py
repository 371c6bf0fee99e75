"""What a source's payload tells and cannot be published is kept to be mended."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.home import CHECKOUT
from services.ingest.handlers.sources import open_sources
from shared.postgres.pool import create_pool
from tests.backends.database import Database
from tests.store.ingest_parts import Ingest

SECRET = "a-secret-of-sixteen"
SAMPLES = Path(__file__).parents[1] / "sources" / "samples" / "salesforce-opportunities"
PASSWORD = "Basic " + base64.b64encode(f"milepost:{SECRET}".encode()).decode()
WORDS = "words that stay where they are"


@pytest.fixture
async def ingest(module_database: Database) -> AsyncIterator[Ingest]:
    pool = await create_pool(module_database.url("ingest"), size=5)
    await pool.execute("TRUNCATE dead_letter")
    variables = {"MILEPOST_SOURCE_SALESFORCE_OPPORTUNITIES_SECRET": SECRET}
    yield Ingest(pool, sources=open_sources(CHECKOUT / "deploy" / "sources", variables))
    await pool.close()


async def post(ingest: Ingest, payload: Any) -> httpx.Response:
    transport = httpx.ASGITransport(ingest.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest.test") as client:
        return await client.post(
            "/v1/sources/salesforce-opportunities",
            content=json.dumps(payload),
            headers={"Authorization": PASSWORD},
        )


async def test_a_broken_item_is_a_dead_letter_once_and_stops_no_good_one(ingest: Ingest) -> None:
    gap = json.loads((SAMPLES / "gap.json").read_text())
    for _ in range(2):
        answer = await post(ingest, gap)
        assert answer.status_code == 202
        assert answer.json()["accepted"] == 1
        [rejected] = answer.json()["rejected"]
        assert rejected["index"] == 0
        assert rejected["errors"][0] == {
            "pointer": "/data/partner_id",
            "detail": "is required",
            "mapping": "events[0].data.partner_id",
        }
    [letter] = await ingest.pool.fetch("SELECT * FROM dead_letter")
    assert (letter["topic"], letter["type"]) == ("milepost.inbound.v1", "milepost.deal.recorded.v1")
    assert letter["headers"] == {"content-type": "application/cloudevents+json"}
    assert json.loads(letter["value"]) == {
        "specversion": "1.0",
        "id": "deal/006Rj00000AbCdEIAV/1772453400000/recorded",
        "source": "salesforce",
        "type": "milepost.deal.recorded.v1",
        "data": {"deal_id": "006Rj00000AbCdEIAV", "version": 1772453400000},
    }
    assert letter["errors"] == rejected["errors"]


async def test_a_dead_letter_holds_nothing_that_the_mapping_does_not_name(ingest: Ingest) -> None:
    event = json.loads((SAMPLES / "create.json").read_text())
    event["data"]["payload"]["StageName"] = "A stage of our own"
    assert event["data"]["payload"]["Description"] == WORDS
    answer = await post(ingest, event)
    assert answer.json()["rejected"][0]["errors"][0]["detail"] == (
        "the table 'stages' has no entry for 'A stage of our own'"
    )
    [letter] = await ingest.pool.fetch("SELECT * FROM dead_letter")
    assert WORDS not in letter["value"].decode()
    assert ingest.published.entries == []
