"""A mail server in the test's own event loop that keeps what it gets and answers as it is told."""

import asyncio
import email
import email.policy
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Self

from deploy.local.mailsink import Mail, serve

ACCEPTED = b"250 OK\r\n"
Answer = Callable[[Mail], Awaitable[bytes]]


class SmtpSink:
    """Listens on 127.0.0.1:`port`; `answer` may be replaced to refuse, to wait or to hang up."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.answer: Answer = self._accept
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> Self:
        """Listen; on the same port as before when it was stopped."""
        self._server = await serve(self.port, self._deliver)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Stop listening. Open connections are left to themselves."""
        if self._server:
            self._server.close()

    def messages(self) -> list[EmailMessage]:
        """The accepted mails, parsed."""
        return [
            email.message_from_bytes(mail.content, policy=email.policy.default)
            for mail in self.mails
        ]

    async def _deliver(self, mail: Mail) -> bytes:
        reply = await self.answer(mail)
        if reply.startswith(b"250"):
            self.mails.append(mail)
        return reply

    async def _accept(self, _mail: Mail) -> bytes:
        return ACCEPTED
