"""The notifier's own parts put together for tests: a real database, a mail server that misbehaves
on purpose, and a progress service that answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from services.notifier import handlers, store
from services.notifier.domain.delivery import UnknownPolicy
from services.notifier.handlers import DoubtRules
from services.notifier.look.book import LookBook
from services.notifier.mail.archive import Archive, NoArchive
from services.notifier.mail.letter import LetterWriter
from services.notifier.mail.smtp import MailConnection, MailServer
from services.notifier.schedule import Keeper, KeeperParts, Planner
from services.notifier.sender import Sender, SenderParts
from services.notifier.settings import NotifierSettings
from services.notifier.statements import Statements
from shared.events.plans import TickDue
from shared.kernel.clock import FixedClock
from shared.kernel.ids import named_id, new_id
from shared.postgres.pool import Pool, create_pool

# The console's own tracebacks, with every local in a frame, take seconds.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
)
NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
DUE = datetime(2026, 3, 1, 8, tzinfo=UTC)
Data = dict[str, Any]


# --- statements -------------------------------------------------------------------------------


def quarter(number: int, starts: str, ends: str, *figures: str | None) -> Data:
    value, target, percent = figures
    return {
        "quarter": number,
        "starts": starts,
        "ends": ends,
        "value": value,
        "target": target,
        "percent": percent,
    }


def goal(
    name: str = "Approved Registered Deals",
    unit: str = "count",
    year: tuple[str, str | None, str | None] = ("3", "10", "30.0"),
    current: tuple[str, str | None, str | None] = ("2", "3", "66.7"),
) -> Data:
    value, target, percent = year
    return {
        "goal_id": named_id("goal", name),
        "name": name,
        "type": "approved_registered_deals",
        "unit": unit,
        "value": value,
        "target": target,
        "percent": percent,
        "quarters": [
            quarter(1, "2026-01-01", "2026-04-01", *current),
            quarter(2, "2026-04-01", "2026-07-01", "7", "8", "87.5"),
        ],
    }


def progress(*goals: Data, group: str = "Sales") -> Data:
    return {
        "start_date": "2026-01-01",
        "end_date": "2027-01-01",
        "goal_groups": [{"name": group, "goals": list(goals or (goal(),))}],
    }


def statement(plan: str, *recipients: str, period: str = "2026-03", **changes: Any) -> Data:
    return {
        "tick_id": named_id("tick", plan, period),
        "plan_id": plan,
        "period": period,
        "due_at": DUE.isoformat(),
        "strategy_name": "FY26 Growth",
        "recipients": [{"email": r, "name": f"Admin of {plan}"} for r in recipients],
        "progress": progress(),
        **changes,
    }


def tick(plan: str, period: str = "2026-03", due_at: datetime = DUE) -> TickDue:
    return TickDue(
        tick_id=named_id("tick", plan, period),
        plan_id=plan,
        strategy_id="s1",
        partner_id=f"partner-of-{plan}",
        period=period,
        due_at=due_at,
    )


class ProgressStub:
    """Answers `POST /v1/statements`; `refusals` are given first, one a request."""

    def __init__(self) -> None:
        self.statements: dict[str, Data] = {}
        self.refusals: list[httpx.Response | Exception] = []
        self.asked: list[list[str]] = []
        self.unknown_is_404 = False

    def add(self, *statements: Data) -> None:
        self.statements |= {one["tick_id"]: one for one in statements}

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["tick_ids"]
        self.asked.append(asked)
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            return refusal
        if self.unknown_is_404 and not set(asked) <= self.statements.keys():
            return httpx.Response(404, json={"title": "No such tick"})
        found = [self.statements[one] for one in asked if one in self.statements]
        return httpx.Response(200, json={"statements": found})


# --- a mail server that misbehaves ---------------------------------------------------------------

HANG = b"hang"
DROP = b"drop"
Answer = Callable[[str, "Received"], bytes | None]
"""From a stage (`connect`, `mail`, `rcpt`, `data`, `message`) and what has come so far to an
answer other than the usual one; HANG says nothing more, DROP hangs up. `message+` means: take the
message, then do it; `answered` is told after the answer, for the record."""


USUAL = {
    "EHLO": ("", b"250-chaos\r\n250 8BITMIME\r\n"),
    "MAIL": ("mail", b"250 OK\r\n"),
    "RCPT": ("rcpt", b"250 OK\r\n"),
    "DATA": ("data", b"354 go on\r\n"),
    "QUIT": ("", b"221 bye\r\n"),
}


@dataclass
class Received:
    sender: str = ""
    recipient: str = ""
    content: bytes = b""
    port: int = 0
    """The port at the client's end of the connection."""

    @property
    def message_id(self) -> str:
        for line in self.content.split(b"\r\n"):
            if line.lower().startswith(b"message-id:"):
                return line.partition(b":")[2].strip().decode()
        return ""


@dataclass
class ChaosSink:
    """Takes mails on a port of this machine, into memory and, if given, into a folder."""

    answer: Answer = lambda _stage, _mail: None
    folder: Path | None = None
    port: int = 0
    mails: list[Received] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> "ChaosSink":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        self._server = None

    def ids(self) -> list[str]:
        return sorted(mail.message_id for mail in self.mails)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        quiet = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with suppress(*quiet, _HungUpError):
            await self._talk(reader, writer)
        self._writers.discard(writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("peername")[1]
        mail = Received(port=port)
        await self._say(writer, "connect", mail, b"220 chaos\r\n")
        while line := (await reader.readuntil(b"\r\n")).decode():
            verb = line[:4].upper()
            if verb == "MAIL":
                mail = Received(sender=_within(line), port=port)
            elif verb == "RCPT":
                mail.recipient = _within(line)
            stage, usual = USUAL.get(verb, ("", b"250 OK\r\n"))
            if await self._say(writer, stage, mail, usual) and verb == "DATA":
                await self._take(reader, writer, mail)
            if verb == "QUIT":
                return

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mail: Received
    ) -> None:
        content = await reader.readuntil(b"\r\n.\r\n")
        mail.content = content[:-3].replace(b"\r\n..", b"\r\n.")
        refused = self.answer("message", mail)
        if refused is None:
            self._keep(mail)
            refused = self.answer("message+", mail)
        await self._write(writer, refused or b"250 OK: queued as q1\r\n")
        self.answer("answered", mail)

    def _keep(self, mail: Received) -> None:
        self.mails.append(mail)
        if self.folder:
            (self.folder / f"{len(self.mails)}.eml").write_bytes(mail.content)

    async def _say(
        self, writer: asyncio.StreamWriter, stage: str, mail: Received, usual: bytes
    ) -> bool:
        """Give the answer; whether it was the usual one."""
        other = self.answer(stage, mail)
        await self._write(writer, other or usual)
        return other is None

    @staticmethod
    async def _write(writer: asyncio.StreamWriter, answer: bytes) -> None:
        if answer == DROP:
            writer.transport.abort()
            raise _HungUpError
        if answer == HANG:
            await asyncio.sleep(3600)
        writer.write(answer)
        await writer.drain()


class _HungUpError(Exception):
    pass


def _within(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


# --- the notifier --------------------------------------------------------------------------------


def settings_for(database_url: str, smtp_port: int, **changes: Any) -> NotifierSettings:
    given: dict[str, Any] = {
        "environment": "local",
        "database_url": SecretStr(database_url),
        "oidc_issuer": "https://issuer.example",
        "oidc_jwks": "jwks.json",
        "progress_url": "http://progress.example",
        "public_url": "https://mail.example",
        "smtp_port": smtp_port,
        "smtp_timeout_s": 2,
        "smtp_data_timeout_s": 1,
        "mail_from": "Milepost <milepost@mail.example>",
        "mail_retry_first_s": 0.2,
        "mail_retry_longest_s": 0.5,
    }
    return NotifierSettings(**(given | changes))


def letters(settings: NotifierSettings) -> LetterWriter:
    """Writes mails in the look that the settings give."""
    return LetterWriter(settings, LookBook(settings))


class Desk:
    """One notifier process's parts, to be run or stepped through by a test."""

    def __init__(self, pool: Pool, settings: NotifierSettings, stub: ProgressStub) -> None:
        self.pool = pool
        self.settings = settings
        self.clock = FixedClock(NOW)
        self.worker = new_id()
        self.stub = stub
        self.server = MailServer(settings)
        self.looks = LookBook(settings)
        self.planner = Planner(
            pool,
            self.clock,
            self.worker,
            Statements(settings, stub.client()),
            domain=settings.mail_domain,
            on_planned=lambda: None,
        )
        self.sender = Sender(self.sender_parts())
        self.keeper = self.keeper_with()

    def sender_parts(self, **changes: Any) -> SenderParts:
        parts: dict[str, Any] = {
            "pool": self.pool,
            "clock": self.clock,
            "worker": self.worker,
            "server": self.server,
            "connections": [
                MailConnection(self.server, self.settings)
                for _ in range(self.settings.smtp_connections)
            ],
            "write_letter": LetterWriter(self.settings, self.looks).write,
            "looks": self.looks,
            "backoff": self.settings.backoff,
            "on_recorded": lambda: None,
            "pacing": self.settings.pacing,
        }
        return SenderParts(**(parts | changes))

    def keeper_with(
        self,
        archive: Archive | None = None,
        *,
        policy: UnknownPolicy = UnknownPolicy.RESEND,
        settle: float = 0.0,
        wait: float = 3600.0,
    ) -> Keeper:
        return Keeper(
            KeeperParts(
                pool=self.pool,
                clock=self.clock,
                worker=self.worker,
                archive=archive or NoArchive(),
                rules=DoubtRules(policy, timedelta(seconds=settle), timedelta(seconds=wait)),
                lease=timedelta(seconds=10),
                on_freed=lambda: None,
            )
        )

    async def take(self, *ticks: TickDue) -> None:
        async with self.pool.acquire() as connection:
            await handlers.take_ticks(connection, ticks, self.clock.now())

    async def plan(self, *statements: Data) -> None:
        """Take the ticks of statements and plan their mails."""
        self.stub.add(*statements)
        await self.take(*(tick(s["plan_id"], s["period"]) for s in statements))
        await self.plan_all()

    async def plan_all(self) -> None:
        await self.keeper.beat()
        while await self.planner.plan_some():
            pass

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[Sender]:
        """A fresh sender at work, and a heart that has just beaten, as long as the block lasts."""
        sender = self.sender = Sender(self.sender_parts())
        await self.keeper.beat()
        task = asyncio.create_task(sender.run())
        try:
            yield sender
            await sender.stop()
            await asyncio.wait_for(task, 10)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def deliveries(self) -> dict[str, Data]:
        """All deliveries by recipient."""
        rows = await self.pool.fetch("SELECT * FROM delivery ORDER BY recipient, plan_id")
        return {row["recipient"]: dict(row) for row in rows}

    async def states(self) -> dict[str, str]:
        return {name: row["state"] for name, row in (await self.deliveries()).items()}

    async def tick_states(self) -> dict[str, tuple[str, str | None]]:
        """(state, reason) of all ticks by plan."""
        rows = await store.list_ticks(self.pool, None, None, None, None, 1000)
        return {row["plan_id"]: (row["state"], row["reason"]) for row in rows}

    async def until(
        self, right: Callable[[dict[str, str]], bool], seconds: float = 30.0
    ) -> dict[str, str]:
        """Wait until the deliveries' states are right, and give them."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            states = await self.states()
            if right(states):
                return states
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"after {seconds} s: {states}"[:500])
            await asyncio.sleep(0.03)

    async def die(self) -> None:
        """Be dead for everybody at once, without having said anything."""
        await self.pool.execute(
            "UPDATE worker SET alive_until = '-infinity' WHERE worker_id = $1", self.worker
        )


def ended(*states: str) -> Callable[[dict[str, str]], bool]:
    """Whether all deliveries are in one of these states."""
    return lambda found: bool(found) and set(found.values()) <= set(states)


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[Pool]:
    pool = await create_pool(url, size=12)
    try:
        yield pool
    finally:
        pool.terminate()
