"""The notifier as a process: ticks from Kafka, mails over SMTP, outcomes back to Kafka."""

import asyncio
import email
import email.policy
import json
import signal
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local import issuer
from deploy.local.home import Home
from deploy.topics import apply_topics
from shared.events.deliveries import DELIVERY_RECORDED
from shared.events.envelope import Envelope
from shared.events.plans import TICK_DUE
from shared.messaging.message import Message
from shared.messaging.producer import Publisher
from shared.messaging.topics import DELIVERIES, TICKS
from tests.backends.database import Database
from tests.chaos.mail_processes import environment_for, progress_service, statements_of
from tests.chaos.replicas import Replica
from tests.flow.doors import fresh
from tests.store.notifier_parts import DUE, ChaosSink, tick

pytestmark = [pytest.mark.flow, pytest.mark.store]
PARTITIONS = 3


@dataclass
class Running:
    """A notifier process with everything it needs beside it."""

    kafka: str
    replica: Replica
    sink: ChaosSink
    statements: dict[str, dict[str, Any]]
    client: httpx.AsyncClient

    async def tell(self, *values: bytes, key: str = "p") -> None:
        """Publish values as ticks."""
        publisher = Publisher(self.kafka, client_id="test")
        envelope = Envelope(id=fresh("e"), type=TICK_DUE, source="/test", accepted_at=DUE)
        await publisher.publish(Message(TICKS, key, value, envelope) for value in values)
        await publisher.stop()

    async def fall_due(self, *plans: str) -> None:
        """Let plans with one admin each fall due."""
        self.statements |= statements_of(list(plans))
        await self.tell(*(tick(plan).value() for plan in plans))

    async def ready(self) -> httpx.Response:
        return await self.client.get("/readyz")

    async def until(self, path: str, right: Any, seconds: float = 30) -> Any:
        for _ in range(int(seconds / 0.1)):
            found = (await self.client.get(path)).json()
            if right(found):
                return found
            await asyncio.sleep(0.1)
        raise AssertionError(found)


@pytest.fixture
async def running(kafka: str, database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    await apply_topics(kafka, PARTITIONS)
    home = Home(tmp_path / "home")
    home.make()
    token = issuer.issue(home, issuer.Holder(("administrator",)))
    sink = await ChaosSink().start()
    statements: dict[str, dict[str, Any]] = {}
    url = database.url("notifier")
    async with progress_service(statements) as progress:
        told = environment_for(
            url, progress, smtp_port=sink.port, kafka=kafka, oidc_issuer=issuer.ISSUER
        )
        told["MILEPOST_OIDC_JWKS"] = str(home.issuer / "jwks.json")
        replica = Replica("notifier", told, tmp_path / "log")
        replica.start()
        await replica.until_it_answers()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{replica.port}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ) as client:
            made = Running(kafka, replica, sink, statements, client)
            await made.until("/readyz", lambda found: found["status"] == "ok")
            yield made
        # Not by force: what is committed now is not heard again by the next test's process.
        replica.kill(signal.SIGTERM)
    await sink.stop()


def parsed(sink: ChaosSink) -> list[EmailMessage]:
    return [email.message_from_bytes(m.content, policy=email.policy.default) for m in sink.mails]


async def test_ticks_become_mails_and_their_outcomes_are_told(running: Running) -> None:
    plans = [fresh("plan") for _ in range(20)]
    await running.fall_due(*plans)
    await running.fall_due(*plans[:5])
    found = await running.until(
        "/v1/ticks", lambda f: [t["state"] for t in f["items"]] == ["done"] * 20
    )
    assert {item["plan_id"] for item in found["items"]} == set(plans)
    mails = parsed(running.sink)
    assert sorted(mail["X-Milepost-Plan"] for mail in mails) == sorted(plans)
    assert {mail["X-Milepost-Period"] for mail in mails} == {"2026-03"}
    link = mails[0]["List-Unsubscribe"].strip("<>")
    assert link.startswith(f"http://127.0.0.1:{running.replica.port}/v1/unsubscribe/")
    async with httpx.AsyncClient(trust_env=False) as anyone:
        answer = await anyone.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    told = await outcomes(running.kafka, plans)
    assert {one["state"] for one in told} == {"accepted"}
    assert len({one["delivery_id"] for one in told}) == 20
    addresses = {str(mail["To"]) for mail in mails}
    assert not any(address in json.dumps(one) for one in told for address in addresses)


async def outcomes(kafka: str, plans: Collection[str]) -> list[dict[str, Any]]:
    """What the deliveries topic says of some plans, once it says something of each."""
    # Subscribed, not assigned: other tests of this Kafka may have given the topic more partitions.
    consumer = AIOKafkaConsumer(DELIVERIES, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    found: list[dict[str, Any]] = []
    try:
        for _ in range(50):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                assert all(dict(r.headers)["ce_type"] == DELIVERY_RECORDED.encode() for r in batch)
                found += [json.loads(record.value) for record in batch]
            if set(plans) <= {one["plan_id"] for one in found}:
                break
    finally:
        await consumer.stop()
    return [one for one in found if one["plan_id"] in plans]


async def test_a_mail_server_that_is_away_shows_and_harms_nothing(running: Running) -> None:
    await running.sink.stop()
    plan = fresh("plan")
    await running.fall_due(plan)
    found = await running.until("/readyz", lambda f: f["checks"]["mail"] != "ok")
    assert found["checks"]["database"] == found["checks"]["kafka"] == "ok"
    assert (await running.client.get("/livez")).status_code == 200
    path = f"/v1/deliveries?plan_id={plan}"
    await running.until(path, lambda f: [d["state"] for d in f["items"]] == ["planned"])
    await running.sink.start()
    await running.until(path, lambda f: [d["state"] for d in f["items"]] == ["accepted"])
    assert (await running.ready()).status_code == 200
    assert [mail["X-Milepost-Plan"] for mail in parsed(running.sink)] == [plan]


async def test_a_broken_tick_can_be_seen_mended_and_replayed(running: Running) -> None:
    plan, behind = fresh("plan"), fresh("plan")
    running.statements |= statements_of([plan, behind])
    await running.tell(b'{"tick_id": "broken"}', tick(behind).value())
    await running.until("/v1/ticks", lambda f: [t["state"] for t in f["items"]] == ["done"])
    (letter,) = (await running.client.get("/v1/dead-letters")).json()["items"]
    assert letter["type"] == TICK_DUE
    assert letter["pointer"] == "/plan_id"
    answer = await running.client.post(
        f"/v1/dead-letters/{letter['id']}/replay", content=tick(plan).value()
    )
    assert answer.status_code == 202
    path = f"/v1/deliveries?plan_id={plan}"
    await running.until(path, lambda f: [d["state"] for d in f["items"]] == ["accepted"])
    assert (await running.client.get("/v1/dead-letters")).json()["items"] == []


async def test_metrics_count_ticks_and_mails(running: Running) -> None:
    await running.fall_due(fresh("plan"))
    await running.until("/v1/ticks", lambda f: [t["state"] for t in f["items"]] == ["done"])
    text = (await running.client.get("/metrics")).text
    assert 'milepost_ticks_total{state="received"} 1.0' in text
    assert 'milepost_mails_total{state="accepted"} 1.0' in text
    assert "milepost_mail_handover_seconds_count 1.0" in text
