"""The stack as a whole: start what is missing, wait until it is ready, stop it."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from deploy.local import clock, issuer
from deploy.local.console import say
from deploy.local.home import (
    CHECKOUT,
    PARTS,
    PREFIX,
    SERVICES,
    Home,
    LocalError,
    read_json,
    write_json,
)
from deploy.local.kafka import EmbeddedKafka
from deploy.local.ports import choose_ports, is_free
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.process import (
    POLL_SECONDS,
    Command,
    Process,
    Processes,
    exit_status,
    last_lines,
    spawn,
    stop,
)
from deploy.migrate import migrate
from deploy.topics import DEFAULT_PARTITIONS, apply_topics

READY_SECONDS: Final = 60
GRACE_SECONDS: Final = 20
# What days and months are counted by, and where keys lie, holds for a stack until it is given anew:
# a service that is started again later must not differ from the rest.
KEPT: Final = ("TIME_ZONE", "PARTITIONS", "MAIL_HOUR")
# Servers that run already, in containers for instance, can stand in for the stack's own.
OUTSIDE_KAFKA: Final = f"{PREFIX}OUTSIDE_KAFKA"
OUTSIDE_POSTGRES: Final = f"{PREFIX}OUTSIDE_POSTGRES"
STOP_SIGNALS: Final = {"postgres": signal.SIGINT}  # PostgreSQL's fast shutdown
# Which listeners a part holds, where they are not named as it is.
LISTENERS: Final = {"kafka": ("kafka", "controller"), "mail": ("smtp",)}


class Stack:
    """The processes of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.processes = Processes(home)
        self._settings: dict[str, str] = read_json(home.choice_file)
        self._ports: dict[str, int] = read_json(home.port_file)

    @cached_property
    def _passwords(self) -> dict[str, str]:
        return self.home.passwords()

    @cached_property
    def _tokens(self) -> dict[str, str]:
        return issuer.standing_tokens(self.home)

    # --- up -----------------------------------------------------------------------------------

    async def up(self, services: Sequence[str] = SERVICES) -> dict[str, Any]:
        """Start what is missing, wait until all of it is ready, and give what `stack.json` says.

        Raises LocalError naming the part that does not start, with the end of its log.
        """
        self.home.make()
        clock.set_up_clock(self.home)
        await self._settle()
        await _together(
            self._start_kafka(), self._start_postgres(), self._start_mail(), self._start_issuer()
        )
        await _together(*(self._start_service(name) for name in services))
        description = self._describe()
        write_json(self.home.stack_file, description, mode=0o600)
        return description

    async def _settle(self) -> None:
        """Settle settings and ports; services that were started with others are stopped."""
        before = self._settings, self._ports
        given = {name: os.environ[PREFIX + name] for name in KEPT if PREFIX + name in os.environ}
        self._settings = self._settings | given
        write_json(self.home.choice_file, dict(self._settings))
        self._ports = choose_ports(self.home, self._held_listeners())
        if before != (self._settings, self._ports):
            await _together(*(self._stop(name) for name in SERVICES))

    def _held_listeners(self) -> list[str]:
        return [
            listener
            for part in PARTS
            if self.processes.alive(part)
            for listener in LISTENERS.get(part, (part,))
        ]

    async def _start_kafka(self) -> None:
        if OUTSIDE_KAFKA not in os.environ:
            ports = self._ports
            kafka = EmbeddedKafka(self.home.kafka, ports["kafka"], ports["controller"])
            await self._start("kafka", kafka.prepare, kafka.command, kafka.wait_until_ready)
        partitions = int(self._settings.get("PARTITIONS", DEFAULT_PARTITIONS))
        await apply_topics(self._kafka(), partitions)

    async def _start_postgres(self) -> None:
        if OUTSIDE_POSTGRES not in os.environ:
            own = self._own_postgres()
            await self._start("postgres", own.prepare, own.command, own.wait_until_ready)
        await migrate(self._database(), self._passwords)

    def _kafka(self) -> str:
        return os.environ.get(OUTSIDE_KAFKA, f"127.0.0.1:{self._ports['kafka']}")

    def _own_postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(
            self.home.postgres, self._ports["postgres"], self._passwords["postgres"]
        )

    def _database(self, service: str | None = None) -> str:
        """The database's address, for a service or for the superuser."""
        url = os.environ.get(OUTSIDE_POSTGRES) or self._own_postgres().url()
        if service is None:
            return url
        where = urlsplit(url)
        host = where.netloc.rpartition("@")[2]
        return where._replace(
            netloc=f"milepost_{service}:{self._passwords[service]}@{host}"
        ).geturl()

    async def _start_mail(self) -> None:
        port = self._ports["smtp"]
        folders = (str(self.home.mail), str(self.home.mail_drafts))
        command = (sys.executable, "-m", "deploy.local.mailsink", str(port), *folders)
        await self._start(
            "mail", lambda: None, lambda: Command(command, {}), lambda p: _listening(p, port)
        )

    async def _start_issuer(self) -> None:
        url = self._url("issuer")
        program = (sys.executable, "-m", "deploy.local.issuer_server")
        command = Command((*program, str(self._ports["issuer"])), self._issuer_environment())
        await self._start("issuer", lambda: None, lambda: command, lambda p: _service_ready(p, url))

    def _issuer_environment(self) -> Mapping[str, str]:
        return {f"{PREFIX}ENVIRONMENT": "local", f"{PREFIX}HOME": str(self.home.folder)}

    async def _start_service(self, name: str) -> None:
        url = self._url(name)
        command = Command((sys.executable, "-m", f"services.{name}"), self.environment(name))
        await self._start(name, lambda: None, lambda: command, lambda p: _service_ready(p, url))

    async def _start(
        self,
        part: str,
        prepare: Callable[[], None],
        command: Callable[[], Command],
        wait_until_ready: Callable[[Process], Awaitable[None]],
    ) -> None:
        """Start a part unless it runs, and wait until it is ready."""
        began = time.monotonic()
        process = self.processes.alive(part)
        if process is None:
            await asyncio.to_thread(prepare)
            process = spawn(command(), self.home.log(part))
            self.processes.remember(part, process)
        try:
            await wait_until_ready(process)
        except LocalError as failure:
            log = self.home.log(part)
            status = exit_status(process)
            raise LocalError(
                f"{part} {status}: {failure}\nThe end of its log, {log}:\n{last_lines(log)}"
            ) from None
        say(f"{part} is ready", f"pid {process.pid}, {time.monotonic() - began:.1f} s")

    def _url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def environment(self, service: str) -> Mapping[str, str]:
        """What a service is told; what is set for all of them in this environment comes along."""
        told = {
            "ENVIRONMENT": "local",
            "HOST": "127.0.0.1",
            "PORT": str(self._ports[service]),
            "KAFKA": self._kafka(),
            "DATABASE_URL": self._database(service),
            "OIDC_ISSUER": issuer.ISSUER,
            "OIDC_AUDIENCE": issuer.AUDIENCE,
            "OIDC_JWKS": str(self.home.issuer / "jwks.json"),
            "CLOCK_FILE": str(self.home.clock_file),
            **self._page_settings(),
            **self._settings,
        }
        if service == "ingest":
            mappings = os.environ.get(f"{PREFIX}SOURCES", str(CHECKOUT / "deploy" / "sources"))
            told["SOURCES"] = mappings
        if service == "progress":
            told |= {
                "PLANS_URL": self._url("plans"),
                "SERVICE_TOKEN": self._tokens["service"],
                # Whoever plays a year in a minute wants to hear of goals at once.
                "GOAL_LOOK_EVERY_S": "2",
                "GOAL_REACHED_AFTER_S": "2",
                "GOAL_LEFT_AFTER_S": "6",
            }
        if service == "notifier":
            told |= {
                "PROGRESS_URL": self._url("progress"),
                "PLANS_URL": self._url("plans"),
                "SERVICE_TOKEN": self._tokens["service"],
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(self._ports["smtp"]),
                "PUBLIC_URL": self._url("notifier"),
                # The mailbox says whether a mail in doubt arrived, so that none goes twice.
                "MAIL_ARCHIVE": str(self.home.mail),
                "MAIL_ARCHIVE_SETTLE_S": "3",
            }
        return {PREFIX + name: value for name, value in told.items()}

    def _page_settings(self) -> dict[str, str]:
        """What lets people sign in at one service's pages and be known at the others'."""
        shared = issuer.page_secrets(self.home)
        return {
            "OIDC_DISCOVERY": f"{self._url('issuer')}/.well-known/openid-configuration",
            "OIDC_CLIENT_ID": issuer.CLIENT,
            "OIDC_CLIENT_SECRET": shared["client_secret"],
            "SESSION_KEY": shared["session_key"],
            "INGEST_URL": self._url("ingest"),
            "CONSOLE_URL": self._url("plans"),
            "PORTAL_URL": self._url("progress"),
            "MAILS_URL": self._url("notifier"),
        }

    def _describe(self) -> dict[str, Any]:
        return {
            **{name: self._url(name) for name in SERVICES},
            "kafka": self._kafka(),
            "postgres": self._database(),
            "smtp": f"127.0.0.1:{self._ports['smtp']}",
            "mail_dir": str(self.home.mail),
            "tokens": self._tokens,
            "issuer": issuer.ISSUER,
            "issuer_url": self._url("issuer"),
            "pids": self.processes.pids(),
            "logs": {name: str(self.home.log(name)) for name in PARTS},
        }

    # --- down ---------------------------------------------------------------------------------

    async def down(self, *, wipe: bool) -> None:
        """Stop everything, services first; forget the data and the clock when asked to."""
        await _together(*(self._stop(name) for name in SERVICES))
        await _together(*(self._stop(name) for name in ("kafka", "postgres", "mail", "issuer")))
        self._end_remains()
        self.home.stack_file.unlink(missing_ok=True)
        if wipe:
            _empty(self.home)

    async def _stop(self, part: str) -> None:
        process = self.processes.alive(part)
        if process:
            await stop(process, STOP_SIGNALS.get(part, signal.SIGTERM), GRACE_SECONDS)
        self.processes.forget(part)

    def _end_remains(self) -> None:
        """A server that was killed may have left children that are still on their way out."""
        if self.home.postgres.exists():
            for process in EmbeddedPostgres(self.home.postgres, 0, "").processes():
                process.kill()

    # --- status -------------------------------------------------------------------------------

    def crashed(self) -> list[str]:
        """The parts that were started and run no more."""
        return [p for p in PARTS if self.processes.known(p) and not self.processes.alive(p)]


def _empty(home: Home) -> None:
    for entry in home.folder.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


async def _together(*works: Awaitable[None]) -> None:
    """Wait for all; when some fail, let the rest finish and raise the first failure."""
    results = await asyncio.gather(*works, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    known = [failure for failure in failures if isinstance(failure, LocalError)]
    if known and len(known) == len(failures):
        raise LocalError("\n\n".join(str(failure) for failure in known))
    if failures:
        raise failures[0]


async def _listening(process: Process, port: int) -> None:
    while is_free(port):
        if not process.alive():
            raise LocalError("it ended")
        await asyncio.sleep(POLL_SECONDS)


async def _service_ready(process: Process, url: str) -> None:
    """Return when a service says that it is ready."""
    deadline = time.monotonic() + READY_SECONDS
    said = "nothing"
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        while True:
            try:
                answer = await client.get("/readyz")
                if answer.status_code == httpx.codes.OK:
                    return
                said = answer.text
            except httpx.HTTPError as failure:
                said = repr(failure)
            if not process.alive():
                raise LocalError("it ended before it was ready")
            if time.monotonic() > deadline:
                raise LocalError(f"it is not ready after {READY_SECONDS} s; it says {said}")
            await asyncio.sleep(POLL_SECONDS)
