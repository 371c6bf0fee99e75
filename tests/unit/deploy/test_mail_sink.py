"""The SMTP sink: whole mails, byte for byte, however they arrive."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.mailsink import MAX_MAIL, Mailbox, serve
from tests.backends.sink import SmtpSink


async def test_a_mail_lands_as_one_file_with_its_envelope_on_top(tmp_path: Path) -> None:
    box, drafts = tmp_path / "mail", tmp_path / "part"
    box.mkdir()
    drafts.mkdir()
    async with await serve(0, Mailbox(box, drafts).deliver) as server:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "a@a.example", "b@b.example", "Hi"
        message.set_content("one\n.two\n..three\n")
        port = server.sockets[0].getsockname()[1]
        await aiosmtplib.send(message, hostname="127.0.0.1", port=port)
    (file,) = box.iterdir()
    assert file.suffix == ".eml"
    lines = file.read_bytes().decode().split("\r\n")
    assert lines[:2] == ["Return-Path: <a@a.example>", "Delivered-To: b@b.example"]
    assert lines[-4:] == ["one", ".two", "..three", ""]
    assert list(drafts.iterdir()) == []


async def test_refusals_and_other_commands(smtp_sink: SmtpSink) -> None:
    reader, writer = await asyncio.open_connection(smtp_sink.host, smtp_sink.port)

    async def ask(line: str) -> bytes:
        writer.write(f"{line}\r\n".encode())
        return (await reader.readline())[:3]

    assert (await reader.readline()).startswith(b"220")
    assert await ask("HELO me") == b"250"
    assert await ask("DATA") == b"503"
    assert await ask("TURN") == b"502"
    assert await ask("MAIL FROM:<a@a.example>") == b"250"
    assert await ask("RCPT TO:<b@b.example>") == b"250"
    assert await ask("RSET") == b"250"
    assert await ask("DATA") == b"503"
    assert await ask("quit") == b"221"
    assert await reader.read() == b""
    assert smtp_sink.mails == []


async def test_a_sink_can_refuse_and_come_back(smtp_sink: SmtpSink) -> None:
    async def busy(_mail: object) -> bytes:
        return b"451 later\r\n"

    accept, smtp_sink.answer = smtp_sink.answer, busy
    async with aiosmtplib.SMTP(hostname=smtp_sink.host, port=smtp_sink.port) as client:
        with pytest.raises(aiosmtplib.SMTPDataError):
            await client.sendmail("a@a.example", ["b@b.example"], b"Subject: x\r\n\r\ny\r\n")
        smtp_sink.answer = accept
        await client.sendmail("a@a.example", ["b@b.example"], b"Subject: x\r\n\r\ny\r\n")
    assert [message["Subject"] for message in smtp_sink.messages()] == ["x"]


async def test_a_line_without_an_end_is_cut_off(smtp_sink: SmtpSink) -> None:
    reader, writer = await asyncio.open_connection(smtp_sink.host, smtp_sink.port)
    await reader.readline()
    writer.write(b"x" * 100_000)
    assert (await reader.readline()).startswith(b"552")
    assert MAX_MAIL > 1_000_000


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bodies=st.lists(
        st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a."])), min_size=1, max_size=4
    ),
    cut=st.integers(1, 40),
)
def test_content_is_kept_whatever_the_packets_are(bodies: list[list[bytes]], cut: int) -> None:
    asyncio.run(_send_in_pieces(bodies, cut))


async def _send_in_pieces(bodies: list[list[bytes]], cut: int) -> None:
    sink = await SmtpSink().start()
    reader, writer = await asyncio.open_connection(sink.host, sink.port)
    stream = b"EHLO me\r\n"
    for lines in bodies:
        stuffed = b"".join((b"." + line if line[:1] == b"." else line) + b"\r\n" for line in lines)
        stream += b"MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n" + stuffed + b".\r\n"
    stream += b"QUIT\r\n"
    for start in range(0, len(stream), cut):
        writer.write(stream[start : start + cut])
        await writer.drain()
        await asyncio.sleep(0)
    await reader.read()
    writer.close()
    await sink.stop()
    wanted = [b"".join(line + b"\r\n" for line in lines) for lines in bodies]
    assert [mail.content for mail in sink.mails] == wanted
