"""An SMTP server that takes every mail and writes each into a file: the stack's mailbox.

`python -m deploy.local.mailsink PORT MAILBOX DRAFTS`. Every mail is written aside and then renamed
into the mailbox, so that whoever looks there sees whole mails only. It is answered with 250 once it
lies there.
"""

import asyncio
import itertools
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import uvloop

MAX_LINE: Final = 8_192
MAX_MAIL: Final = 32 * 1024 * 1024
END: Final = b"\r\n.\r\n"
GREETING: Final = b"220 milepost mail sink\r\n"
CAPABILITIES: Final = (
    b"250-milepost mail sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n"
    + f"250 SIZE {MAX_MAIL}\r\n".encode()
)
OK: Final = b"250 OK\r\n"


@dataclass
class Mail:
    """A mail as it came in: envelope and content."""

    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""


Deliver = Callable[[Mail], Awaitable[bytes]]
"""Takes a mail and gives the reply to its end of data."""


class Mailbox:
    """A folder with one `.eml` file per mail."""

    def __init__(self, folder: Path, drafts: Path) -> None:
        self._folder = folder
        self._drafts = drafts
        self._count = itertools.count(1)

    async def deliver(self, mail: Mail) -> bytes:
        """Write a mail into the folder, with its envelope on top as mail servers do."""
        name = f"{time.time_ns()}-{next(self._count):06}.eml"
        envelope = [f"Return-Path: <{mail.sender}>"]
        envelope += [f"Delivered-To: {recipient}" for recipient in mail.recipients]
        draft = self._drafts / name
        draft.write_bytes("".join(f"{line}\r\n" for line in envelope).encode() + mail.content)
        draft.replace(self._folder / name)
        return f"250 OK: queued as {name}\r\n".encode()


class Session(asyncio.Protocol):
    """One SMTP connection (RFC 5321), as much of it as a well-behaved client needs."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._buffer = bytearray()
        self._mail = Mail()
        self._reading_data = False
        self._delivering = False
        self._delivery: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._work()

    def _work(self) -> None:
        """Take from the buffer what is whole; what comes behind a mail waits for its delivery."""
        while not self._delivering and not self._transport.is_closing():
            taken = self._take_data() if self._reading_data else self._take_line()
            if not taken:
                return

    def _take_data(self) -> bool:
        if self._buffer.startswith(END[2:]):  # a mail without a byte
            content, rest = b"", len(END) - 2
        else:
            end = self._buffer.find(END)
            if end < 0:
                self._refuse_what_is_too_long(MAX_MAIL)
                return False
            content, rest = bytes(self._buffer[: end + 2]), end + len(END)
        del self._buffer[:rest]
        self._mail.content = content.replace(b"\r\n..", b"\r\n.").removeprefix(b".")
        self._reading_data = False
        self._delivering = True
        self._delivery = asyncio.create_task(self._finish(self._mail))
        return True

    async def _finish(self, mail: Mail) -> None:
        reply = await self._deliver(mail)
        self._mail = Mail()
        self._delivering = False
        self._transport.write(reply)
        self._work()

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            self._refuse_what_is_too_long(MAX_LINE)
            return False
        line = bytes(self._buffer[:end]).decode("utf-8", "replace")
        del self._buffer[: end + 2]
        self._transport.write(self._answer(line))
        return True

    def _refuse_what_is_too_long(self, limit: int) -> None:
        if len(self._buffer) > limit:
            self._transport.write(b"552 too long\r\n")
            self._transport.close()

    def _answer(self, line: str) -> bytes:
        match line[:4].upper():
            case "EHLO":
                return CAPABILITIES
            case "HELO" | "NOOP":
                return OK
            case "DATA":
                return self._begin_data()
            case "QUIT":
                self._transport.write(b"221 bye\r\n")
                self._transport.close()
                return b""
            case command:
                return self._note(command, line)

    def _note(self, command: str, line: str) -> bytes:
        """The commands that only say something about the mail."""
        if command in ("RSET", "MAIL"):
            self._mail = Mail(sender=_address(line))
        elif command == "RCPT":
            self._mail.recipients.append(_address(line))
        else:
            return b"502 not known here\r\n"
        return OK

    def _begin_data(self) -> bytes:
        if not self._mail.recipients:
            return b"503 RCPT first\r\n"
        self._reading_data = True
        return b"354 end with a dot on a line of its own\r\n"


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


async def serve(port: int, deliver: Deliver) -> asyncio.Server:
    """Listen on a port of this machine (0 = a free one)."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Session(deliver), "127.0.0.1", port, backlog=512)


async def _main(port: int, folder: Path, drafts: Path) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with await serve(port, Mailbox(folder, drafts).deliver):
        await stopped.wait()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
