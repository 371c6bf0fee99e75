"""kill −9 of the notifier while it calls webhooks: none is lost, and a repeated one is the same."""

import asyncio
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.notifier.domain.webhook import spelled_secret, webhook_event
from services.notifier.webhooks import store
from shared.kernel.ids import named_id, new_id
from shared.postgres.pool import Pool
from tests.backends.database import Database
from tests.chaos.mail_processes import environment_for
from tests.chaos.replicas import Replica
from tests.store.notifier_parts import NOW, pooled
from tests.store.webhook_receiver import HANG, Call, Receiver

pytestmark = [pytest.mark.chaos, pytest.mark.store, pytest.mark.slow]

EVENTS = 120
KILL_AT = {10, 50, 90}
SECRET = b"a secret of thirty-two bytes ---"


async def until_all_are_delivered(pool: Pool) -> None:
    found: list[tuple[str, int]] = []
    for _ in range(300):
        rows = await pool.fetch("SELECT state, count(*) FROM webhook_call GROUP BY state")
        found = [(row[0], row[1]) for row in rows]
        if found == [("delivered", EVENTS)]:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(found)


async def test_killed_in_the_middle_of_calls_none_is_lost(
    database: Database, tmp_path: Path
) -> None:
    url = database.url("notifier")
    told = environment_for(url, "http://progress.example", webhook_retry_first_s=0.2)
    replicas = [Replica("notifier", told, tmp_path / f"{number}.log") for number in range(2)]
    killed: list[int] = []

    def answer(call: Call) -> int:
        if len(receiver.calls) not in KILL_AT:
            return 204
        for number, replica in enumerate(replicas):
            if replica.holds(call.port):
                replica.kill(signal.SIGKILL)
                killed.append(number)
                replica.start()
        return HANG

    receiver = await Receiver(answer=answer).start()
    async with pooled(url) as pool:
        with ExitStack() as closing:
            for replica in replicas:
                closing.callback(replica.close)
                replica.start()
            for replica in replicas:
                await replica.until_it_answers()
            webhook = store.Webhook(
                new_id(), receiver.url(), ["goal.reached"], "", SECRET, "tests", NOW
            )
            events = [
                webhook_event(named_id(str(number)), "goal.reached", NOW, {"number": number})
                for number in range(EVENTS)
            ]
            async with pool.acquire() as connection, connection.transaction():
                assert await store.add_webhook(connection, webhook, 1)
                await store.add_webhook_events(connection, events, NOW)
            await until_all_are_delivered(pool)
    await receiver.stop()
    bodies: dict[str, set[bytes]] = {}
    for call in receiver.calls:
        call.verified(spelled_secret(SECRET))
        bodies.setdefault(call.event_id, set()).add(call.body)
    assert bodies.keys() == {event.event_id for event in events}
    assert {len(found) for found in bodies.values()} == {1}
    assert len(killed) == len(KILL_AT)
