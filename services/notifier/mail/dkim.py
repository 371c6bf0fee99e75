"""DKIM signatures (RFC 6376, RFC 8463): written here because they are on the path of every mail.

A signature covers the headers that receivers look at, both unsubscribe headers among them
(RFC 8058 asks for it), and the body. Headers that must not be added on the way are signed once
more than they are there. The same mail gets the same signature with an Ed25519 or RSA key, so that
a mail that is sent again is the same bytes again.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from services.notifier.settings import NotifierSettings

SIGNED: Final = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mime-version",
    "content-type",
)
NEVER_TWICE: Final = ("from", "to", "subject", "date", "reply-to")
"""Signed once more than they are there: one that is added breaks the signature."""
SMALLEST_RSA_KEY: Final = 1024
LINE: Final = 72
_SPACES = re.compile(rb"[ \t]+")
_FOLDS = re.compile(rb"\r\n(?=[ \t])")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)


class KeyRefusedError(ValueError):
    """The key cannot sign; the message says why, and never holds the key."""


@dataclass(frozen=True)
class Signer:
    """Signs mails for a domain with the key that its selector publishes."""

    domain: str
    selector: str
    algorithm: str
    seal: Callable[[bytes], bytes]
    public_key: bytes
    """As the record of the selector holds it."""

    @classmethod
    def of(cls, domain: str, selector: str, key: str) -> "Signer":
        """A signer with a key in PEM: RSA of at least 1024 bits, or Ed25519.

        Raises KeyRefusedError.
        """
        for name, text in (("domain", domain), ("selector", selector)):
            if not _DOMAIN.fullmatch(text):
                raise KeyRefusedError(f"{text!r} is no {name}")
        try:
            private = load_pem_private_key(key.encode(), None)
        except (ValueError, TypeError):
            raise KeyRefusedError("it is no private key in PEM without a password") from None
        return _signer(domain.lower(), selector.lower(), private)

    @property
    def record(self) -> str:
        """What the name server has to answer for `SELECTOR._domainkey.DOMAIN`, as TXT."""
        kind = self.algorithm.partition("-")[0]
        return f"v=DKIM1; k={kind}; p={base64.b64encode(self.public_key).decode()}"

    def sign(self, mail: bytes, at: datetime) -> bytes:
        """The mail with its signature in front; `at` is when it was made."""
        head, _, body = mail.partition(b"\r\n\r\n")
        headers = list(_headers(head))
        names = _covered([name for name, _ in headers])
        unsigned = self._field(names, _body_hash(body), at)
        lines = [*_chosen(headers, names), _relaxed(unsigned.encode())]
        seal = base64.b64encode(self.seal(b"\r\n".join(lines))).decode()
        folded = "\r\n ".join(seal[start : start + LINE] for start in range(0, len(seal), LINE))
        return f"{unsigned}{folded}\r\n".encode() + mail

    def _field(self, names: list[str], body_hash: str, at: datetime) -> str:
        """The header as it is signed: with an empty signature at its end."""
        return (
            f"DKIM-Signature: v=1; a={self.algorithm}; c=relaxed/simple;\r\n"
            f" d={self.domain}; s={self.selector}; t={int(at.timestamp())};\r\n"
            f" h={_folded(names)};\r\n"
            f" bh={body_hash};\r\n"
            f" b="
        )


def signer_of(settings: NotifierSettings) -> Signer | None:
    """The signer that the settings ask for; None without a selector. Raises KeyRefusedError."""
    if not settings.dkim_selector:
        return None
    domain, key = settings.dkim_domain or settings.mail_domain, settings.dkim_key
    try:
        return Signer.of(domain, settings.dkim_selector, key.get_secret_value())
    except KeyRefusedError as refusal:
        raise KeyRefusedError(f"MILEPOST_DKIM_KEY: {refusal}") from None


def _signer(domain: str, selector: str, private: object) -> Signer:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        key = private
        # RFC 8463: the hash of the headers is signed, not the headers.
        return Signer(
            domain,
            selector,
            "ed25519-sha256",
            lambda content: key.sign(hashlib.sha256(content).digest()),
            key.public_key().public_bytes_raw(),
        )
    if isinstance(private, rsa.RSAPrivateKey):
        if private.key_size < SMALLEST_RSA_KEY:
            raise KeyRefusedError(f"an RSA key needs at least {SMALLEST_RSA_KEY} bits")
        return _rsa_signer(domain, selector, private)
    raise KeyRefusedError("it is neither an RSA nor an Ed25519 key")


def _rsa_signer(domain: str, selector: str, key: rsa.RSAPrivateKey) -> Signer:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    how = padding.PKCS1v15()
    return Signer(
        domain,
        selector,
        "rsa-sha256",
        lambda content: key.sign(content, how, hashes.SHA256()),
        public,
    )


def _headers(head: bytes) -> Iterator[tuple[str, bytes]]:
    """Names in lower case, and the headers whole, from top to bottom."""
    for line in _FOLDS.sub(b"", head).split(b"\r\n"):
        name, _, _ = line.partition(b":")
        yield name.decode("ascii", "replace").strip().lower(), line


def _covered(present: list[str]) -> list[str]:
    names = [name for name in SIGNED for _ in range(present.count(name))]
    return names + [name for name in NEVER_TWICE if name in SIGNED]


def _chosen(headers: list[tuple[str, bytes]], names: list[str]) -> Iterator[bytes]:
    """The headers that are signed; of several of one name the lowest first (RFC 6376, 5.4.2)."""
    left: dict[str, list[bytes]] = {}
    for name, line in headers:
        left.setdefault(name, []).append(line)
    for name in names:
        if left.get(name):
            yield _relaxed(left[name].pop())


def _relaxed(header: bytes) -> bytes:
    name, _, value = _FOLDS.sub(b"", header).partition(b":")
    return name.strip().lower() + b":" + _SPACES.sub(b" ", value).strip()


def _body_hash(body: bytes) -> str:
    """Of the body as it is: quoted-printable leaves a relay nothing to tidy up."""
    ended = body.rstrip(b"\r\n") + b"\r\n"
    return base64.b64encode(hashlib.sha256(ended).digest()).decode()


def _folded(names: list[str]) -> str:
    lines: list[str] = [names[0]]
    for name in names[1:]:
        if len(lines[-1]) + len(name) < LINE:
            lines[-1] += f":{name}"
        else:
            lines[-1] += ":"
            lines.append(name)
    return "\r\n  ".join(lines)
