"""DKIM signatures, read by a second implementation; and what a change on the way does to them."""

from collections.abc import Callable
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from services.notifier.mail.compose import Mail, Mailbox, compose
from services.notifier.mail.dkim import SIGNED, KeyRefusedError, Signer

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode()


SIGNERS = {
    "rsa": Signer.of("mail.example", "2026a", pem(RSA)),
    "ed25519": Signer.of("mail.example", "2026b", pem(ED25519)),
}


def a_mail(text: str = "Good morning.\n", subject: str = "Your progress") -> bytes:
    return compose(
        Mail(
            Mailbox("milepost@mail.example", "Milepost"),
            Mailbox("ann@partner.example", "Ann Ängström, née (very) long name of an admin " * 3),
            subject,
            AT,
            "<d1@mail.example>",
            "https://notifier.example/v1/unsubscribe/token",
            "p1",
            "2026-03",
            text,
            f"<p>{text}</p>",
        )
    )


def verified(mail: bytes, signer: Signer) -> bool:
    """What a receiver with dkimpy says."""

    def answer(name: bytes, timeout: int = 5) -> bytes:
        del timeout
        wanted = f"{signer.selector}._domainkey.{signer.domain}."
        assert name.decode().rstrip(".") + "." == wanted
        return signer.record.encode()

    try:
        return bool(dkim.DKIM(mail).verify(dnsfunc=answer))
    except dkim.ValidationError:
        return False


BODIES = {
    "plain": "Good morning.\n",
    "spaces at the ends of lines": "a  \n b\t\n\n\n",
    "empty": "",
    "long lines": "word " * 400 + "\n",
    "no line end": "end",
    "other scripts": "Grüße, 你好, مرحبا\n" * 20,
    "dots": ".\n..\n.x\n",
}


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("body", BODIES)
def test_a_second_implementation_accepts_the_signature(kind: str, body: str) -> None:
    signer = SIGNERS[kind]
    assert verified(signer.sign(a_mail(BODIES[body]), AT), signer)


@pytest.mark.parametrize("kind", SIGNERS)
def test_what_may_happen_on_the_way_does_no_harm(kind: str) -> None:
    signer = SIGNERS[kind]
    signed = signer.sign(a_mail(), AT)
    relayed = b"Received: from a by b; Sun, 1 Mar 2026 08:00:00 +0000\r\n" + signed
    assert verified(relayed, signer)
    assert verified(
        signed.replace(b"Subject: Your progress", b"subject:  Your \t progress"), signer
    )
    assert verified(signed + b"\r\n\r\n", signer)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "another subject": lambda m: m.replace(b"Your progress", b"Your prize"),
    "another text": lambda m: m.replace(b"Good morning", b"Good evening"),
    "another way to unsubscribe": lambda m: m.replace(b"/unsubscribe/", b"/unsubscribed/"),
    "no one-click": lambda m: m.replace(
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""
    ),
    "a second sender": lambda m: b"From: boss@evil.example\r\n" + m,
    "a second subject": lambda m: b"Subject: Your prize\r\n" + m,
    "a reply address": lambda m: m.replace(
        b"MIME-Version", b"Reply-To: x@evil.example\r\nMIME-Version"
    ),
    "another recipient": lambda m: m.replace(b"ann@partner", b"eve@partner"),
}


@pytest.mark.parametrize("kind", SIGNERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_mail_that_was_changed_is_refused(kind: str, change: str) -> None:
    signer = SIGNERS[kind]
    signed = signer.sign(a_mail(), AT)
    changed = CHANGES[change](signed)
    assert changed != signed
    assert not verified(changed, signer)


def test_the_same_mail_is_signed_the_same_way_again() -> None:
    for signer in SIGNERS.values():
        assert signer.sign(a_mail(), AT) == signer.sign(a_mail(), AT)


def test_the_unsubscribe_headers_are_covered() -> None:
    assert {"list-unsubscribe", "list-unsubscribe-post", "from"} <= {*SIGNED}
    signed = SIGNERS["rsa"].sign(a_mail(), AT).replace(b"\r\n", b"").replace(b" ", b"")
    assert b"list-unsubscribe:list-unsubscribe-post" in signed


def test_no_line_is_longer_than_mail_allows() -> None:
    for signer in SIGNERS.values():
        head = signer.sign(a_mail(), AT).partition(b"\r\n\r\n")[0]
        assert max(map(len, head.split(b"\r\n"))) <= 998
        field = head.partition(b"From:")[0]
        assert max(map(len, field.split(b"\r\n"))) <= 100


@pytest.mark.parametrize(
    ("domain", "selector", "key", "word"),
    [
        ("mail.example", "s", "no key", "PEM"),
        ("mail.example", "s", "", "PEM"),
        ("mail.example", "s", pem(ec.generate_private_key(ec.SECP256R1())), "neither"),
        ("", "s", pem(ED25519), "domain"),
        ("a b", "s", pem(ED25519), "domain"),
        ("mail.example", "s;x", pem(ED25519), "selector"),
    ],
)
def test_what_cannot_sign_is_refused_without_showing_the_key(
    domain: str, selector: str, key: str, word: str
) -> None:
    with pytest.raises(KeyRefusedError, match=word) as refused:
        Signer.of(domain, selector, key)
    assert "BEGIN" not in str(refused.value)
