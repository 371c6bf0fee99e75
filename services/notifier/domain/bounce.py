"""Bounces and complaints: what a returned mail says of a delivery, and whose word is taken.

A delivery's return path names it under a signature, so that nobody can stop another's mails by
inventing a bounce. A complaint carries the mail it is about: the random token of its unsubscribe
link names the recipient. Nothing else in such a mail is believed. (RFC 3464, RFC 3462, RFC 5965.)
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from typing import Final, Literal
from uuid import UUID

from shared.kernel.ids import parse_id

Kind = Literal["bounced", "delayed", "complained"]
SEAL_BYTES: Final = 10
LONGEST_SAID: Final = 200
LARGEST_REPORT: Final = 1_000_000
_TOKEN = re.compile(r"/v1/unsubscribe/([0-9a-fA-F-]{36})")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_SEALED = re.compile(r"([0-9a-f]{32})([a-z2-7]{16})")
FULL_MAILBOX: Final = "5.2.2"
"""Said as if for good, and over when its owner tidies up."""


class NoReportError(ValueError):
    """The mail is no delivery status and no complaint, or names no delivery of ours."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a mail after the server had taken it."""

    kind: Kind
    status: str
    delivery_id: str | None = None
    link: str | None = None
    """The token of the mail's unsubscribe link."""

    @property
    def ends_it(self) -> bool:
        """Whether the address is not to be written to again."""
        return self.kind == "complained" or (
            self.kind == "bounced" and self.status.startswith("5") and self.status != FULL_MAILBOX
        )

    @property
    def reason(self) -> str:
        """Why, as the list of suppressions tells it."""
        return self.kind if self.kind == "complained" else f"{self.kind} {self.status}"


@dataclass(frozen=True)
class ReturnPath:
    """Makes and reads return paths: `bounces+ID-AND-SEAL@domain`."""

    mailbox: str
    """Where bounces go: `bounces@mail.example`."""
    key: bytes

    def address(self, delivery_id: str) -> str:
        """The return path of a delivery."""
        local, _, domain = self.mailbox.rpartition("@")
        plain = UUID(delivery_id).hex
        return f"{local}+{plain}{self._seal(plain)}@{domain}"

    def delivery_of(self, address: str) -> str | None:
        """The delivery that a return path names; None for an address that is none of ours."""
        local, _, domain = address.strip().lower().rpartition("@")
        own, _, own_domain = self.mailbox.lower().rpartition("@")
        mailbox, _, tag = local.rpartition("+")
        found = _SEALED.fullmatch(tag)
        if not found or (mailbox, domain) != (own, own_domain):
            return None
        plain, seal = found.groups()
        return str(UUID(plain)) if hmac.compare_digest(seal, self._seal(plain)) else None

    def _seal(self, plain: str) -> str:
        made = hmac.digest(self.key, f"return path {plain}".encode(), hashlib.sha256)
        return base64.b32encode(made[:SEAL_BYTES]).decode().lower()


def read_report(content: bytes, paths: ReturnPath) -> Report:
    """What a returned mail says. Raises NoReportError."""
    if len(content) > LARGEST_REPORT:
        raise NoReportError("it is larger than a report is")
    mail = message_from_bytes(content, policy=policy.compat32)
    kinds = {part.get_content_type() for part in mail.walk()}
    if "message/feedback-report" in kinds:
        return _complaint(mail)
    if "message/delivery-status" in kinds:
        return _bounce(mail, paths)
    raise NoReportError("it is neither a delivery status nor a complaint")


def _complaint(mail: Message) -> Report:
    about = "".join(_texts(mail, "message/feedback-report"))
    original = "".join(_texts(mail, "message/rfc822", "text/rfc822-headers"))
    if "feedback-type: not-spam" in about.lower():
        raise NoReportError("it takes a complaint back")
    header = next((line for line in _unfolded(original) if _is(line, "list-unsubscribe")), "")
    token = _TOKEN.search(header)
    link = parse_id(token[1]) if token else None
    if link is None:
        raise NoReportError("the mail that it is about is none of ours")
    return Report("complained", "", link=link)


def _bounce(mail: Message, paths: ReturnPath) -> Report:
    addresses = getaddresses(
        [
            str(value)
            for name in ("To", "Delivered-To", "X-Original-To")
            for value in mail.get_all(name, [])
        ]
    )
    named = filter(None, (paths.delivery_of(address) for _, address in addresses))
    delivery = next(named, None)
    if delivery is None:
        raise NoReportError("it did not come to the return path of one of our mails")
    fields = _unfolded("\n".join(_texts(mail, "message/delivery-status")))
    action = _value(fields, "action").lower()
    found = _STATUS.search(_value(fields, "status"))
    status = found[0] if found else ""
    if action == "failed":
        return Report("bounced", status or "5.0.0", delivery_id=delivery)
    if action == "delayed":
        return Report("delayed", status or "4.0.0", delivery_id=delivery)
    raise NoReportError(f"nothing is wrong: the mail was {_short(action) or 'not said to fail'}")


def _texts(mail: Message, *kinds: str) -> Iterator[str]:
    """The parts of some kinds as text; of a message in a message its head."""
    for part in mail.walk():
        if part.get_content_type() not in kinds:
            continue
        inner = part.get_payload()
        if isinstance(inner, list):
            yield from (one.as_string() for one in inner if isinstance(one, Message))
        else:
            decoded = part.get_payload(decode=True)
            yield decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(inner)


def _unfolded(text: str) -> list[str]:
    return re.sub(r"\r?\n[ \t]+", " ", text).splitlines()


def _is(line: str, name: str) -> bool:
    return line.lower().startswith(f"{name}:")


def _value(lines: list[str], name: str) -> str:
    line = next((line for line in lines if _is(line, name)), "")
    return line.partition(":")[2].strip()


def _short(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_SAID]
