"""The mail server: long-lived connections, and what its answers mean for a delivery."""

import ssl
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import aiosmtplib
import structlog
from aiosmtplib.errors import SMTPException, SMTPResponseException
from aiosmtplib.response import SMTPResponse

from services.notifier.domain.delivery import Accepted, Deferred, Outcome, Refused, Uncertain
from services.notifier.domain.pacing import asks_for_slower_mails
from services.notifier.settings import NotifierSettings

START_INPUT: Final = 354
CLOSING: Final = 421
FRESH_S: Final = 5.0
LONGEST_REASON: Final = 500
_log = structlog.get_logger(__name__)


class MailServerAwayError(Exception):
    """No connection to the mail server can be made, or it takes no mail from us now."""


class _LostError(Exception):
    """The connection broke before the message went out."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a message comes from and goes to, on the wire; ASCII, checked before."""

    sender: str
    recipient: str


class MailServer:
    """Opens connections as the settings say, and knows whether that works now."""

    def __init__(self, settings: NotifierSettings) -> None:
        self._settings = settings
        self._tls = None if settings.encryption == "none" else _tls_context(settings)
        self._answered = float("-inf")
        self.failure: str | None = None
        """Why the last connection could not be made; None while they can."""

    async def connect(self) -> aiosmtplib.SMTP:
        """A connection that is greeted, encrypted and logged in. Raises MailServerAwayError."""
        client = self._client()
        try:
            await client.connect()
            await client.ehlo()
        except (SMTPException, OSError, ValueError) as failure:
            client.close()
            self.failure = _shortened(f"{type(failure).__name__}: {failure}")
            raise MailServerAwayError(self.failure) from failure
        self.failure = None
        self._answered = time.monotonic()
        return client

    async def check(self) -> None:
        """Raise MailServerAwayError unless a connection can be made (readiness)."""
        if self.failure is None and time.monotonic() - self._answered < FRESH_S:
            return
        client = await self.connect()
        await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.encryption == "tls",
            start_tls=settings.encryption == "starttls",
            tls_context=self._tls,
            timeout=settings.smtp_timeout_s,
            local_hostname=settings.mail_domain,
        )


class MailConnection:
    """A connection to the mail server, opened when needed, for one mail after another."""

    def __init__(self, server: MailServer, settings: NotifierSettings) -> None:
        self._server = server
        self._timeout = settings.smtp_timeout_s
        self._data_timeout = settings.smtp_data_timeout_s
        self._client: aiosmtplib.SMTP | None = None

    async def ready(self) -> None:
        """Be connected. Raises MailServerAwayError."""
        if self._client is None or not self._client.is_connected:
            self._client = await self._server.connect()

    async def close(self) -> None:
        """Say goodbye, if connected."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            await _leave(client)

    async def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand a message over. Never raises: whatever happens is an outcome.

        Whatever fails before the message is written, or is answered with a code, is certain; a
        message that was written and not answered is not.
        """
        client = self._client
        if client is None or client.protocol is None:
            return Deferred("not connected")
        try:
            refused = await self._announce(client, envelope)
        except _LostError as failure:
            self._drop()
            return Deferred(_shortened(str(failure)))
        if refused is not None:
            at, refusal = refused
            await self._begin_anew(client, refusal.code)
            outcome = meaning(refusal)
            if at == b"MAIL" and isinstance(outcome, Deferred):
                # Before RCPT the server knows no recipient: what it says is about itself.
                return Deferred(outcome.reason)
            return outcome
        return await self._hand_over(client, message)

    async def _announce(
        self, client: aiosmtplib.SMTP, envelope: Envelope
    ) -> tuple[bytes, SMTPResponse] | None:
        """MAIL, RCPT and DATA; which of them stopped us and how; None: the message may go out."""
        commands = (
            (b"MAIL", b"FROM:<" + envelope.sender.encode("ascii") + b">"),
            (b"RCPT", b"TO:<" + envelope.recipient.encode("ascii") + b">"),
        )
        for command in commands:
            answer = await _or_lost(client.execute_command(*command, timeout=self._timeout))
            if not _is_success(answer):
                return command[0], answer
        answer = await _or_lost(client.execute_command(b"DATA", timeout=self._timeout))
        return None if answer.code == START_INPUT else (b"DATA", answer)

    async def _hand_over(self, client: aiosmtplib.SMTP, message: bytes) -> Outcome:
        protocol = client.protocol
        if protocol is None:
            return Deferred("the connection was lost before the message went out")
        try:
            # It begins with a header and ends with CRLF: `compose` sees to both.
            protocol.write(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            answer = await protocol.read_response(timeout=self._data_timeout)
        except (SMTPException, OSError) as failure:
            self._drop()
            return Uncertain(
                _shortened(f"no answer after the message: {type(failure).__name__}: {failure}")
            )
        if answer.code == CLOSING:
            self._drop()
        return meaning(answer, after_message=True)

    async def _begin_anew(self, client: aiosmtplib.SMTP, code: int) -> None:
        """After a refusal the server waits for RSET; where that fails too, for a new connection."""
        if code == CLOSING:
            self._drop()
            return
        try:
            await client.rset()
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def meaning(answer: SMTPResponse, *, after_message: bool = False) -> Outcome:
    """What an answer to MAIL, RCPT, DATA or a whole message means for the delivery."""
    words = _shortened(f"{answer.code} {answer.message}")
    match answer.code // 100:
        case 2 if after_message:
            return Accepted(_shortened(answer.message))
        case 5:
            return Refused(words)
        case 4:
            return Deferred(words, about_pace=asks_for_slower_mails(words))
        case _ if after_message:
            return Uncertain(f"an answer that says nothing: {words}")
        case _:
            return Deferred(f"an answer that says nothing: {words}")


async def _or_lost(answer: Awaitable[SMTPResponse]) -> SMTPResponse:
    try:
        return await answer
    except SMTPResponseException as failure:
        raise _LostError(f"an answer that cannot be read: {failure}") from failure
    except (SMTPException, OSError) as failure:
        raise _LostError(
            f"connection lost before the message went out: {type(failure).__name__}: {failure}"
        ) from failure


def _is_success(answer: SMTPResponse) -> bool:
    return answer.code // 100 == 2  # noqa: PLR2004 - 2xx, RFC 5321


async def _leave(client: aiosmtplib.SMTP) -> None:
    try:
        await client.quit(timeout=1)
    except (SMTPException, OSError) as failure:
        _log.debug("goodbye_unheard", error=repr(failure))
    client.close()


def _tls_context(settings: NotifierSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.smtp_ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _shortened(text: str) -> str:
    line = " ".join(text.replace("\x00", " ").split())
    return line[:LONGEST_REASON]
