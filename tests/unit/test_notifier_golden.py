"""Every template in every language, to the byte; and what no statement, name or address can do.

`MILEPOST_GOLDEN=1` writes the golden mails anew: look at them before they are committed.
"""

import email
import email.policy
import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.notifier.domain.address import AddressRefusedError, checked
from services.notifier.domain.language import LANGUAGES, Code
from services.notifier.domain.look import shown
from services.notifier.look.book import LookBook
from services.notifier.mail.letter import STREAMS, LetterWriter
from services.notifier.mail.rendering import Parts
from services.notifier.mail.samples import sample_claim, sample_content
from services.notifier.store import Claim
from tests.store.notifier_parts import letters, settings_for

GOLDEN: Final = Path(__file__).parent / "mails"
AT: Final = datetime(2026, 9, 1, 8, tzinfo=UTC)
MAILS: Final = [(stream, code) for stream in STREAMS for code in LANGUAGES]
FIGURE: Final = re.compile(r"\d[\d.,]*\d|\d")
HARM: Final = [
    "a\r\nBcc: thief@evil.example\r\n\r\n<script>alert(1)</script>",
    "\u202egnp.exe\u2066\u200f",
    "{{ 7 * 7 }}{% for x in y %}{{ look.name }}[[ say('hello') ]]",
    "</td></tr></table><!-- & \" ' > <",
    "x" * 10_000,
    "=?utf-8?q?hidden?= \x00\x1b[2J",
    ".\r\n.\r\nQUIT",
]


def claim_of(stream: str, code: str) -> Claim:
    claim = sample_claim(stream, code, "ana@one.example", domain="mail.example")
    return replace(claim, message_id="<sample@mail.example>", delivery_id="0" * 32)


def parts_of(stream: str, code: str) -> Parts:
    told = settings_for("postgresql://x", 25, portal_url="https://portal.example")
    writer = LetterWriter(told, LookBook(told))
    return writer.parts(claim_of(stream, code), shown(LookBook(told).now, None))[1]


@pytest.mark.parametrize(("stream", "code"), MAILS)
def test_a_mail_is_the_golden_one(stream: str, code: Code) -> None:
    parts = parts_of(stream, code)
    for kind, content in (("html", parts.html), ("txt", parts.text)):
        file = GOLDEN / f"{stream}.{code}.{kind}"
        if os.environ.get("MILEPOST_GOLDEN") == "1":
            file.write_text(content)
        assert content == file.read_text(), f"{file.name} differs; MILEPOST_GOLDEN=1 writes it anew"


def seen(html: str) -> str:
    """What a reader sees, from the heading on."""
    body = html.partition("<h1")[2].partition(">")[2]
    return unescape(re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(("stream", "code"), MAILS)
def test_text_and_html_say_the_same_figures(stream: str, code: Code) -> None:
    parts = parts_of(stream, code)
    text = re.sub(r"https?://\S+", "", parts.text)
    assert sorted(FIGURE.findall(text)) == sorted(FIGURE.findall(seen(parts.html)))


@pytest.mark.parametrize(("stream", "code"), MAILS)
def test_no_phrase_is_left_unsaid(stream: str, code: Code) -> None:
    parts = parts_of(stream, code)
    for part in (parts.text, parts.html):
        assert not re.search(
            r"\[\[|\]\]|{{|}}|{%|%}|\{\w+\}", part.partition("</style>")[2] or part
        )


def names_in(content: Any, harm: str) -> Any:
    """A statement with every name in it replaced."""
    if isinstance(content, dict):
        named = ("name", "strategy_name", "plan_name", "group", "unit")
        return {
            key: harm if key in named else names_in(value, harm) for key, value in content.items()
        }
    if isinstance(content, list):
        return [names_in(one, harm) for one in content]
    return content


def letter(claim: Claim) -> EmailMessage:
    _, content = letters(settings_for("postgresql://x", 25)).letter(claim, AT)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content), "line ends are CRLF"
    assert max(map(len, content.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert [part.defects for part in found.walk()] == [[], [], []]
    return found


@pytest.mark.parametrize(("stream", "code"), MAILS)
@given(harm=st.sampled_from(HARM) | st.text(max_size=200))
@settings(max_examples=25)
def test_no_name_breaks_a_mail(stream: str, code: Code, harm: str) -> None:
    content = json.dumps(names_in(json.loads(sample_content(stream)), harm))
    plain = letter(claim_of(stream, code))
    found = letter(replace(claim_of(stream, code), content=content, recipient_name=harm))
    assert found.keys() == plain.keys()
    text, html = (str(part.get_content()) for part in found.iter_parts())
    golden = (GOLDEN / f"{stream}.{code}.html").read_text()
    assert html.count("<script") == 0
    assert sorted(set(re.findall(r"</?\w+", html))) == sorted(set(re.findall(r"</?\w+", golden)))
    for part in (html, text):
        assert not set(part) & set("\x00\x1b\u202e\u2028\u2029")
    if harm == HARM[2]:
        assert "7 * 7" in text
    assert len(html) < 200_000


@pytest.mark.parametrize(("stream", "code"), MAILS)
def test_html_travels_as_it_is_where_its_lines_allow_that(stream: str, code: Code) -> None:
    parts = letter(claim_of(stream, code)).iter_parts()
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable", "7bit"]


DOMAINS: Final = ["bücher.example", "例え.テスト", "xn--bcher-kva.example", "faß.de"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_idn_domain_is_written_to_in_its_ascii_form(domain: str) -> None:
    claim = replace(claim_of("partner_progress", "de"), recipient=f"ana@{domain}")
    envelope, content = letters(settings_for("postgresql://x", 25)).letter(claim, AT)
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert envelope.recipient == found["To"] == checked(f"ana@{domain}")
    assert envelope.recipient.isascii()
    assert re.search(r"@(?:.*\.)?xn--", envelope.recipient)


@given(st.text(max_size=80))
@example("ana@evil.example\r\nRCPT TO:<b@x.example>")
@example("a b@x.example")
@example("ana@" + "x" * 10_000)
@example("\u202eana@x.example")
@example("ana@ex\u2066ample")
def test_an_address_is_safe_or_refused(address: str) -> None:
    try:
        kept = checked(address)
    except AddressRefusedError:
        return
    assert re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", kept)
    assert not set(kept) & set('<>\r\n ,;:"\\')
