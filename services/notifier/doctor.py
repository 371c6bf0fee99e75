"""`python -m services.notifier doctor`: looks at what mails depend on, and says what to do.

It reads the settings that the service is started with, asks name servers, the mail server, the
database and progress, and changes nothing. Exit status: 0 nothing is wrong, 1 something is, 3 not
all of it could be looked at (a machine without DNS), 78 the settings cannot be served.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Annotated, Any, Final

import asyncpg
import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
import httpx
import typer

from services.notifier.domain.diagnosis import (
    Finding,
    State,
    exit_status,
    judge_alignment,
    judge_certificate,
    judge_clock,
    judge_dkim,
    judge_dmarc,
    judge_mx,
    judge_spf,
    parents,
)
from services.notifier.mail.dkim import KeyRefusedError, Signer, signer_of
from services.notifier.mail.smtp import MailServer, MailServerAwayError
from services.notifier.settings import NotifierSettings
from services.notifier.store import tell_time
from shared.kernel.clock import SystemClock
from shared.postgres.pool import create_pool
from shared.runtime.settings import load

DNS_S: Final = 5.0
HTTP_S: Final = 5.0
DATABASE_S: Final = 5.0


class NoDnsError(Exception):
    """No name server answers; the message says why."""


class NameServers:
    """Asks for records: [] where there are none. Raises NoDnsError where nobody answers."""

    def __init__(self, server: str = "") -> None:
        self._server = server

    async def texts(self, name: str) -> list[str]:
        """The TXT records of a name, each put together from its strings."""
        answers = await self._ask(name, "TXT")
        return [b"".join(one.strings).decode("utf-8", "replace") for one in answers]

    async def exchanges(self, name: str) -> list[str]:
        """The mail servers of a domain; one that takes no mails names the root."""
        return [str(one.exchange).rstrip(".") or "." for one in await self._ask(name, "MX")]

    async def addresses(self, name: str) -> list[str]:
        """The addresses of a name."""
        found = [*await self._ask(name, "A"), *await self._ask(name, "AAAA")]
        return [str(one.address) for one in found]

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            answer = await self._resolver().resolve(name, kind, lifetime=DNS_S, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.name.LabelTooLong:
            return []
        except (dns.exception.DNSException, OSError) as failure:
            raise NoDnsError(type(failure).__name__) from None
        return list(answer)

    def _resolver(self) -> dns.asyncresolver.Resolver:
        if not self._server:
            return dns.asyncresolver.Resolver()
        made = dns.asyncresolver.Resolver(configure=False)
        host, _, port = self._server.rpartition(":")
        made.nameservers = [host or self._server]
        made.port = int(port) if host else 53
        return made


class Doctor:
    """Looks at one matter after another."""

    def __init__(self, settings: NotifierSettings, names: NameServers) -> None:
        self._settings = settings
        self._names = names
        self._return_domain = settings.mail_bounces.rpartition("@")[2] or settings.mail_domain

    async def findings(self) -> list[Finding]:
        """All that was found, in the order in which it is to be mended."""
        found = [one async for one in self._mail_server()]
        if self._is_inner:
            what = f"mails come from {self._settings.mail_domain}, which is no domain of the world"
            found.append(Finding("sender", State.WARNING, what, "set MILEPOST_MAIL_FROM"))
        found += await self._signature()
        if not self._is_inner:
            looks = (self._spf, self._dmarc, self._mx)
            found += await asyncio.gather(*(self._by_name(look) for look in looks))
            found += judge_alignment(self._settings.mail_domain, self._others())
        found.append(judge_clock(await self._offsets()))
        return list(dict.fromkeys(found))  # that nobody answers is said once

    @property
    def _is_inner(self) -> bool:
        return "." not in self._settings.mail_domain

    def _others(self) -> dict[str, str]:
        others = {"the return path's domain": self._return_domain}
        if self._settings.dkim_selector and self._settings.dkim_domain:
            others["the signature's domain"] = self._settings.dkim_domain.lower()
        return others

    async def _mail_server(self) -> AsyncIterator[Finding]:
        settings = self._settings
        where = f"{settings.smtp_host}:{settings.smtp_port}"
        try:
            client = await MailServer(settings).connect()
        except MailServerAwayError as failure:
            todo = "look at MILEPOST_SMTP_HOST, _PORT, _TLS, _CA_FILE, _USERNAME and the server"
            yield Finding("mail server", State.WRONG, f"{where}: {failure}", todo)
            return
        secure = client.get_transport_info("ssl_object")
        client.close()
        how = secure.version() if isinstance(secure, ssl.SSLObject) else "not encrypted"
        yield Finding("mail server", State.OK, f"{where} takes mails, {how}")
        if isinstance(secure, ssl.SSLObject) and (certificate := secure.getpeercert()):
            ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
            yield judge_certificate(datetime.fromtimestamp(ends, UTC) - SystemClock().now())

    async def _signature(self) -> list[Finding]:
        if not self._settings.dkim_selector:
            todo = "set MILEPOST_DKIM_SELECTOR and MILEPOST_DKIM_KEY, and publish the key"
            return [Finding("dkim", State.WRONG, "mails are not signed", todo)]
        try:
            signer = signer_of(self._settings)
        except KeyRefusedError as refusal:
            return [Finding("dkim", State.WRONG, str(refusal), "give another key in PEM")]
        if signer is None or self._is_inner:
            return []
        return [await self._by_name(partial(self._dkim, signer))]

    async def _spf(self) -> Finding:
        return judge_spf(self._return_domain, await self._names.texts(self._return_domain))

    async def _by_name(self, look: Callable[[], Awaitable[Finding]]) -> Finding:
        try:
            return await look()
        except NoDnsError as failure:
            todo = "look from a machine that can ask name servers, or name one: --name-server"
            return Finding("dns", State.UNKNOWN, f"no name server answers: {failure}", todo)

    async def _dkim(self, signer: Signer) -> Finding:
        name = f"{signer.selector}._domainkey.{signer.domain}"
        return judge_dkim(name, await self._names.texts(name), signer.record)

    async def _dmarc(self) -> Finding:
        names = [f"_dmarc.{one}" for one in parents(self._settings.mail_domain)]
        answers = {name: await self._names.texts(name) for name in names}
        return judge_dmarc(self._settings.mail_domain, answers)

    async def _mx(self) -> Finding:
        domain = self._return_domain
        exchanges = await self._names.exchanges(domain)
        addresses = [] if exchanges else await self._names.addresses(domain)
        return judge_mx(domain, exchanges, addresses)

    async def _offsets(self) -> dict[str, timedelta]:
        """How much others' clocks are ahead of ours; those that do not answer are left out."""
        offsets: dict[str, timedelta] = {}
        for who, told in (("the database", self._database_time), ("progress", self._progress_time)):
            before = SystemClock().now()
            moment = await told()
            after = SystemClock().now()
            if moment is not None:
                offsets[who] = moment - before - (after - before) / 2
        return offsets

    async def _database_time(self) -> datetime | None:
        pool = await create_pool(self._settings.database_url.get_secret_value(), size=1)
        try:
            async with asyncio.timeout(DATABASE_S), pool.acquire() as connection:
                return await tell_time(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        finally:
            pool.terminate()

    async def _progress_time(self) -> datetime | None:
        url = f"{self._settings.progress_url.rstrip('/')}/livez"
        try:
            async with httpx.AsyncClient(timeout=HTTP_S, trust_env=False) as client:
                answer = await client.get(url)
            # A whole second, cut: half of it is the best guess.
            return parsedate_to_datetime(answer.headers["date"]) + timedelta(seconds=0.5)
        except (httpx.HTTPError, OSError, KeyError, ValueError):
            return None


def examine(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    name_server: Annotated[
        str, typer.Option(help="HOST or HOST:PORT of a name server; the system's unless given.")
    ] = "",
) -> None:
    """Look at the mail server, DKIM, SPF, DMARC, MX and the clock, and say what to do."""
    settings = load(NotifierSettings)
    findings = asyncio.run(Doctor(settings, NameServers(name_server)).findings())
    status = exit_status(findings)
    if as_json:
        shown = {"status": status, "findings": [asdict(one) for one in findings]}
        sys.stdout.write(json.dumps(shown, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(_lines(findings)))
    raise typer.Exit(status)


def _lines(findings: Sequence[Finding]) -> list[str]:
    width = max(len(one.matter) for one in findings)
    lines = []
    for one in findings:
        lines.append(f"{one.state:<8} {one.matter:<{width}}  {one.found}\n")
        if one.todo:
            lines.append(f"{'':<8} {'':<{width}}  → {one.todo}\n")
    return lines
