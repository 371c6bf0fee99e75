"""The look of mails: what may be one, what may be a logo, and how a mail carries it."""

import email
import email.policy
import re
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.colour import (
    READABLE,
    WHITE,
    ColourRefusedError,
    colour,
    contrast,
    ink_on,
    shade,
    stands_out,
)
from services.notifier.domain.logo import LARGEST, Logo, LogoRefusedError, read_logo
from services.notifier.domain.look import (
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    Colours,
    Look,
    LookRefusedError,
    Sender,
    settled,
)
from services.notifier.look.book import LookBook
from services.notifier.look.pages import changes_of, in_scheme
from services.notifier.mail.letter import STREAMS, LetterWriter
from services.notifier.mail.samples import sample_claim
from tests.store.notifier_parts import settings_for

AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
HEX = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def look(**changes: Any) -> Look:
    made = Look(3, "Northwind", Sender("Northwind Partners", "partners@mail.example"))
    return replace(made, **changes)


def flaws(**changes: Any) -> dict[str, str]:
    with pytest.raises(LookRefusedError) as caught:
        settled(look(**changes), domain="mail.example")
    return dict(caught.value.flaws)


# --- colours ------------------------------------------------------------------------------------


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize(("given", "kept"), [(" #0B5CAD ", "#0b5cad"), ("#abc", "#aabbcc")])
def test_a_colour_is_spelled_in_full(given: str, kept: str) -> None:
    assert colour(given) == kept


@pytest.mark.parametrize("text", ["", "red", "#12345", "#1234567", "0b5cad", "#0b5cag", "#ab\n"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ColourRefusedError, match="#0b5cad"):
        colour(text if text != "#ab\n" else "#ab")


@given(HEX)
def test_there_is_always_an_ink_and_a_shade_that_can_be_read(ground: str) -> None:
    assert contrast(ink_on(ground), ground) >= READABLE
    assert stands_out(shade(ground, WHITE, DARK_GROUNDS), DARK_GROUNDS)
    assert stands_out(Colours(ground).dark, DARK_GROUNDS)


def test_a_faint_accent_is_refused_with_a_shade_that_would_do() -> None:
    found = flaws(colours=Colours("#ff8800", "#333333"))
    assert set(found) == {"/colours/accent", "/colours/accent_dark"}
    assert "its contrast is 2.1 to 1, 4.5 is needed" in found["/colours/accent"]
    offered = re.findall(r"#[0-9a-f]{6}", found["/colours/accent"])[-1]
    assert settled(look(colours=Colours(offered)), domain="mail.example").colours.accent == offered
    assert stands_out(offered, LIGHT_GROUNDS)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = flaws(
        name="two\nlines",
        sender=Sender("", "partners@elsewhere.example"),
        colours=Colours("blue", None, "#12"),
    )
    assert set(found) == {
        "/name",
        "/sender/name",
        "/sender/address",
        "/colours/accent",
        "/colours/header",
    }
    assert "must be an address at mail.example" in found["/sender/address"]


@pytest.mark.parametrize(
    "address",
    ["partners@mail.example.evil.example", "x@y@mail.example", "a\r\nb@mail.example", "", "mail"],
)
def test_a_sender_is_of_the_domain_that_mails_are_signed_for(address: str) -> None:
    assert "/sender/address" in flaws(sender=Sender("N", address))


@pytest.mark.parametrize("name", ["\u202eNorthwind", "N\x00", "N" * 81, "  ", "a\u2028b"])
def test_a_name_is_one_honest_line(name: str) -> None:
    assert "/name" in flaws(name=name)


def test_a_sender_may_be_of_a_domain_below() -> None:
    sender = Sender(" Northwind ", " a@news.mail.example ")
    kept = settled(look(sender=sender), domain="mail.example")
    assert kept.sender == Sender("Northwind", "a@news.mail.example")


# --- logos --------------------------------------------------------------------------------------


def chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png(width: int = 320, height: int = 80, more: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * (width + 1) * min(height, 500)))
    return b"\x89PNG\r\n\x1a\n" + head + more + pixels + chunk(b"IEND", b"")


def jpeg(width: int = 320, height: int = 80) -> bytes:
    application = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\x00\x00\x3f\x00" + b"\x55" * 40
    return b"\xff\xd8" + application + frame + scan + b"\xff\xd9"


@pytest.mark.parametrize(("content", "media_type"), [(png(), "image/png"), (jpeg(), "image/jpeg")])
def test_a_logo_is_known_by_its_bytes(content: bytes, media_type: str) -> None:
    found = read_logo(content)
    assert (found.media_type, found.width, found.height) == (media_type, 320, 80)
    assert found.shown == (160, 40)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "neither"),
        (b"GIF89a" + bytes(50), "neither"),
        (b"<html><script>alert(1)</script>", "neither"),
        (b'<?xml version="1.0"?>\n<svg onload="alert(1)">', "SVG"),
        (b"<!-- a --> <svg/>", "SVG"),
        (png() + b"<script>", "behind it"),
        (png()[:-6], "broken"),
        (png()[:40], "broken"),
        (png().replace(b"IDAT", b"IDAX"), "broken"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "broken"),
        (png(2001, 80), "2000 pixels"),
        (png(320, 5), "16 to 2000"),
        (png(more=chunk(b"tEXt", bytes(LARGEST))), "64 KiB"),
        (jpeg() + b"<?php", "behind it"),
        (jpeg()[:-2], "not whole"),
        (b"\xff\xd8\xff\xd9", "broken"),
        (b"\xff\xd8\xff\xe0\x00\x00\xff\xd9", "broken"),
    ],
)
def test_what_is_no_logo_is_refused_with_a_reason(content: bytes, word: str) -> None:
    with pytest.raises(LogoRefusedError, match=word):
        read_logo(content)


@given(st.sampled_from([png(), jpeg()]), st.data())
def test_a_damaged_logo_is_refused_or_read_but_nothing_else(content: bytes, data: Any) -> None:
    cut = data.draw(st.integers(0, len(content)))
    other = content[:cut] + data.draw(st.binary(max_size=8)) + content[cut + 3 :]
    try:
        found = read_logo(other)
    except LogoRefusedError:
        return
    assert found.width >= 16
    assert found.height <= 2000


# --- mails in a look ----------------------------------------------------------------------------


def dressed(stream: str, made: Look) -> tuple[Any, bytes]:
    told = settings_for("postgresql://x", 25)
    book = LookBook(told)
    book.now = made
    envelope, content = LetterWriter(told, book).letter(
        sample_claim(stream, "en", "ana@one.example", domain="mail.example"), AT
    )
    assert envelope.sender == "milepost@mail.example"
    return email.message_from_bytes(content, policy=email.policy.default), content


@pytest.mark.parametrize("stream", STREAMS)
def test_a_mail_carries_its_logo_and_loads_nothing(stream: str) -> None:
    logo = read_logo(png())
    made = look(logo=logo, colours=Colours("#9a3412", None, "#1f2937"))
    mail, content = dressed(stream, made)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert [part.defects for part in mail.walk()] == [[]] * 5
    image = list(mail.walk())[-1]
    html = mail.get_body(("html",)).get_content()
    assert image.get_content() == logo.content
    assert re.findall(r'src="([^"]*)"', html) == ["cid:" + image["Content-ID"].strip("<>")]
    assert 'alt="Northwind"' in html
    assert 'width="160" height="40"' in html
    assert not re.search(r"<link|@import|url\(", html)
    assert mail["From"] == "Northwind Partners <partners@mail.example>"
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert html.count("#9a3412") > 1
    assert "#1f2937" in html


def test_without_a_logo_the_name_stands_in_its_place() -> None:
    mail, _ = dressed("partner_progress", look(name="A & B <i>"))
    html = mail.get_body(("html",)).get_content()
    assert "A &amp; B &lt;i&gt;" in html
    assert "<img" not in html
    assert "\nA & B <i>\n" in mail.get_body(("plain",)).get_content().replace("\r", "")


def test_a_sender_with_signs_of_its_own_stays_one_mailbox() -> None:
    mail, _ = dressed("partner_progress", look(sender=Sender('"B" <x@y>, Ü', "a@mail.example")))
    [found] = mail["From"].addresses
    assert (found.display_name, found.addr_spec) == ('"B" <x@y>, Ü', "a@mail.example")


def test_a_mail_looks_dark_where_a_preview_asks_for_it() -> None:
    style = "@media (prefers-color-scheme: dark) { a }"
    assert in_scheme(style, "dark") == "@media all { a }"
    assert in_scheme(style, "light") == "@media not all { a }"


def test_a_change_is_told_in_words() -> None:
    def row(name: str, accent: str, logo: str | None) -> dict[str, Any]:
        colours = {"accent": accent, "accent_dark": None, "header": None}
        sender = {"name": "N", "address": "a@b.example"}
        return {"name": name, "sender": sender, "colours": colours, "logo": logo}

    rows = [row("B", "#111111", "ab"), row("B", "#222222", None), row("A", "#222222", None)]
    assert changes_of(rows, 0) == "Accent: #111111; Logo"
    assert changes_of(rows, 1) == "Name: B"
    assert changes_of(rows, 2) == "Set for the first time"


def test_the_same_logo_is_the_same_by_its_bytes() -> None:
    assert read_logo(png()).digest == Logo("image/png", 1, 1, png()).digest
