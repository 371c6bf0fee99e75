"""Whether a payload comes from who knows the secret, in the ways that vendors sign or show it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

Scheme = Literal[
    "hubspot_v3",
    "graph_client_state",
    "google_channel_token",
    "header",
    "query",
    "basic",
]
NAMED: Final = ("header", "query", "basic")
FRESH: Final = timedelta(minutes=5)
"""How old a signed request may be; one that was overheard is worth nothing afterwards."""
REFUSED: Final = "the signature or the secret is missing or not right"
# What HubSpot signs is the address with these decoded, and nothing else.
_DECODED: Final = {f"%{ord(character):02X}": character for character in ":/?@!$'()*,;"}


class Signature(BaseModel):
    """How a source proves itself; `name` is the header, the query parameter or the user."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    scheme: Scheme
    name: str | None = None

    @model_validator(mode="after")
    def _named_where_needed(self) -> Self:
        if (self.scheme in NAMED) != bool(self.name):
            needs = "needs a" if self.scheme in NAMED else "takes no"
            raise ValueError(f"the scheme {self.scheme} {needs} name")
        return self


@dataclass(frozen=True)
class Head:
    """A request without its body: header names in lower case, the address its sender used."""

    method: str
    address: str
    headers: Mapping[str, str]
    query: Mapping[str, str]


def refuse_head(signature: Signature, secret: str, head: Head) -> str | None:
    """Why a request is refused before its body is read; None also where only the body can tell."""
    match signature.scheme:
        case "google_channel_token":
            shown = head.headers.get("x-goog-channel-token", "")
        case "header":
            shown = head.headers.get((signature.name or "").lower(), "")
        case "query":
            shown = head.query.get(signature.name or "", "")
        case "basic":
            shown = head.headers.get("authorization", "")
            return None if _same(_basic(shown), f"{signature.name}:{secret}") else REFUSED
        case "hubspot_v3" | "graph_client_state":
            return None
    return None if _same(shown, secret) else REFUSED


def refuse_body(
    signature: Signature, secret: str, head: Head, body: bytes, now: datetime
) -> str | None:
    """Why a request is refused for a signature over its body."""
    if signature.scheme != "hubspot_v3":
        return None
    sent_at = head.headers.get("x-hubspot-request-timestamp", "")
    if not _is_fresh(sent_at, now):
        return "the request is older than five minutes, or carries no time"
    address = head.address
    for code, character in _DECODED.items():
        address = address.replace(code, character).replace(code.lower(), character)
    signed = f"{head.method}{address}".encode() + body + sent_at.encode()
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    shown = head.headers.get("x-hubspot-signature-v3", "")
    return None if _same(shown, base64.b64encode(mac).decode()) else REFUSED


def refuse_payload(signature: Signature, secret: str, payload: Any) -> str | None:
    """Why a payload is refused for what it says itself: Graph repeats the secret in every entry."""
    if signature.scheme != "graph_client_state":
        return None
    entries = payload.get("value") if isinstance(payload, dict) else None
    if not isinstance(entries, list) or not entries:
        return REFUSED
    states = [entry.get("clientState") if isinstance(entry, dict) else None for entry in entries]
    right = all(isinstance(state, str) and _same(state, secret) for state in states)
    return None if right else REFUSED


def _is_fresh(sent_at: str, now: datetime) -> bool:
    if not sent_at.isascii() or not sent_at.isdigit() or len(sent_at) > 15:  # noqa: PLR2004 - a millisecond of this age
        return False
    return abs(now.timestamp() - int(sent_at) / 1000) <= FRESH.total_seconds()


def _basic(header: str) -> str:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _same(shown: str, right: str) -> bool:
    """Compares in a time that says nothing of how much was right."""
    return hmac.compare_digest(shown.encode(), right.encode())
