"""What tests of the notifier begin with; a module that wants other parts makes its own."""

from collections.abc import AsyncIterator

import pytest

from tests.backends.database import Database
from tests.store.notifier_parts import ChaosSink, Desk, ProgressStub, pooled, settings_for


@pytest.fixture
async def sink() -> AsyncIterator[ChaosSink]:
    """A mail server that can misbehave."""
    made = await ChaosSink().start()
    yield made
    await made.stop()


@pytest.fixture
async def desk(database: Database, sink: ChaosSink) -> AsyncIterator[Desk]:
    """One notifier's parts, in front of that mail server."""
    url = database.url("notifier")
    async with pooled(url) as pool:
        yield Desk(pool, settings_for(url, sink.port), ProgressStub())
