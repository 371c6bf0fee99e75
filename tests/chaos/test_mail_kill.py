"""kill −9 of the notifier at every step of a mail: none is lost, and none goes twice.

Two replicas share the mails; the mail server runs in the test, so that it can kill the very
process that has just reached a step, and misbehaves on purpose meanwhile.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.notifier import handlers
from shared.postgres.pool import Pool
from tests.backends.database import Database
from tests.chaos.mail_processes import environment_for, progress_service, statements_of
from tests.chaos.replicas import Replica
from tests.store.notifier_parts import (
    DROP,
    HANG,
    NOW,
    ChaosSink,
    Received,
    pooled,
    tick,
)

pytestmark = [pytest.mark.chaos, pytest.mark.store, pytest.mark.slow]

STEPS = ["claimed", "connect", "mail", "rcpt", "data", "message", "message+", "answered"]
"""Where the process is killed: with claims in hand; connected; announced; about to be read; with
the whole message out and not filed; filed and not answered; answered and not written down."""
A_ROUND = int(os.environ.get("MILEPOST_MAILS_A_KILL", "40"))
MISCHIEF: dict[int, tuple[str, bytes]] = {
    3: ("mail", b"421 closing\r\n"),
    7: ("rcpt", b"451 greylisted\r\n"),
    11: ("message", HANG),
    13: ("message+", DROP),
    17: ("message", DROP),
    19: ("message+", HANG),
    23: ("data", DROP),
}
"""What the mail server does to every 29th mail that it sees, by the mail's number."""


@dataclass
class Trial:
    """Replicas, the mail server, and what was done to them."""

    pool: Pool
    sink: ChaosSink
    replicas: Sequence[Replica]
    statements: dict[str, dict[str, Any]]
    plans: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    async def lay(self, plans: list[str]) -> None:
        """Let ticks of new plans fall due."""
        self.plans += plans
        self.statements |= statements_of(plans)
        async with self.pool.acquire() as connection:
            await handlers.take_ticks(connection, [tick(plan) for plan in plans], NOW)

    def misbehave(self, kill_at: str | None) -> None:
        """Do mischief, and kill the process that first reaches a step."""

        def answer(stage: str, mail: Received) -> bytes | None:
            nonlocal kill_at
            if stage == kill_at:
                kill_at = None
                self._kill(stage, mail.port)
                return DROP
            self.seen += stage == "mail"
            at, what = MISCHIEF.get(self.seen % 29, ("", b""))
            return what if stage == at else None

        self.sink.answer = answer

    def _kill(self, step: str, port: int) -> None:
        for replica in self.replicas:
            if replica.holds(port):
                replica.kill()
                self.kills[step] += 1
                return

    async def kill_with_claims(self) -> None:
        for _ in range(200):
            if await self.pool.fetchval(
                "SELECT EXISTS (SELECT FROM delivery WHERE state = 'claimed')"
            ):
                self.replicas[0].kill()
                self.kills["claimed"] += 1
                return
            await asyncio.sleep(0.02)
        raise AssertionError("nothing was claimed")

    async def until(self, right: Callable[[Counter[str]], bool], seconds: float = 60) -> None:
        for _ in range(int(seconds / 0.1)):
            if right(await self.states()):
                return
            await asyncio.sleep(0.1)
        rows = await self.pool.fetch("SELECT * FROM delivery WHERE state <> 'accepted' LIMIT 3")
        raise AssertionError(f"{await self.states()} {[dict(row) for row in rows]}")

    async def states(self) -> Counter[str]:
        rows = await self.pool.fetch("SELECT state, count(*) FROM delivery GROUP BY state")
        return Counter({row[0]: row[1] for row in rows})

    async def all_accepted(self) -> None:
        await self.until(lambda found: found == {"accepted": len(self.plans)}, 90)

    async def revive(self) -> None:
        for replica in self.replicas:
            replica.close()
            replica.start()
        for replica in self.replicas:
            await replica.until_it_answers()


@asynccontextmanager
async def trial(database: Database, folder: Path, **settings: Any) -> AsyncIterator[Trial]:
    statements: dict[str, dict[str, Any]] = {}
    (folder / "mail").mkdir()
    sink = await ChaosSink(folder=folder / "mail").start()
    url = database.url("notifier")
    async with progress_service(statements) as progress, pooled(url) as pool:
        told = environment_for(url, progress, smtp_port=sink.port, **settings)
        with ExitStack() as closing:
            replicas = [Replica("notifier", told, folder / f"{n}.log") for n in range(2)]
            for replica in replicas:
                closing.callback(replica.close)
            made = Trial(pool, sink, replicas, statements)
            await made.revive()
            yield made
    await sink.stop()


async def test_killed_at_every_step_none_is_lost_and_none_goes_twice(
    database: Database, tmp_path: Path
) -> None:
    archive = {"mail_archive": tmp_path / "mail", "mail_archive_settle_s": 0.5}
    async with trial(database, tmp_path, **archive) as here:
        for number, step in enumerate(STEPS):
            here.misbehave(None if step == "claimed" else step)
            await here.lay([f"r{number}-{n}" for n in range(A_ROUND)])
            if step == "claimed":
                await here.kill_with_claims()
            await here.until(lambda _: here.kills[step] == 1)  # noqa: B023
            await here.revive()
        await here.all_accepted()
        assert here.kills == dict.fromkeys(STEPS, 1)
        wanted = await here.pool.fetch("SELECT message_id FROM delivery ORDER BY message_id")
        # Shown with `-s`: the figures of a run with a larger MILEPOST_MAILS_A_KILL.
        print(f"{len(STEPS)} kills, {len(wanted)} deliveries, {len(here.sink.ids())} mails")  # noqa: T201
        assert here.sink.ids() == [row["message_id"] for row in wanted]


async def test_without_an_archive_copies_are_bounded_by_the_mails_in_data(
    database: Database, tmp_path: Path
) -> None:
    """A mail that may have arrived goes again, with its Message-ID; no other does."""
    async with trial(database, tmp_path, mail_unknown_wait_minutes=0.01) as here:
        in_doubt: set[str] = set()
        for number, step in enumerate(("message+", "answered", "message")):
            here.misbehave(step)
            await here.lay([f"r{number}-{n}" for n in range(A_ROUND)])
            await here.until(lambda _: here.kills[step] == 1)  # noqa: B023
            rows = await here.pool.fetch(
                "SELECT message_id FROM delivery WHERE state IN ('sending', 'unknown')"
            )
            in_doubt |= {row["message_id"] for row in rows}
            await here.revive()
        await here.all_accepted()
        copies = Counter(mail.message_id for mail in here.sink.mails)
        assert len(copies) == len(here.plans)
        told = await here.pool.fetch(
            "SELECT convert_from(value, 'UTF8')::jsonb->>'message_id' AS message_id FROM outbox"
            " WHERE convert_from(value, 'UTF8')::jsonb->>'state' = 'unknown'"
        )
        in_doubt |= {row["message_id"] for row in told}
        twice = {message_id for message_id, number in copies.items() if number > 1}
        mails = len(here.sink.mails)
        print(  # noqa: T201
            f"3 kills, {len(copies)} deliveries, {mails} mails, {len(twice)} more than once,"
            f" in doubt {len(in_doubt)}"
        )
        assert twice <= in_doubt
