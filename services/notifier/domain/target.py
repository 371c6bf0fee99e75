"""Where a webhook may lead: https to a public address, and nowhere else.

What administrators register makes this service open connections from inside the network. An
address is judged after the name is resolved, at every call, and the connection goes to the address
that was judged: a name that changes its mind in between (DNS rebinding) gains nothing.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

LONGEST_URL: Final = 2000
_CARRIERS: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
"""IPv6 addresses that carry an IPv4 address in their last four bytes."""
_SITE_LOCAL: Final = IPv6Network("fec0::/10")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")


class TargetRefusedError(ValueError):
    """A webhook may not lead there; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place to call: what stands in the URL."""

    url: str
    host: str
    port: int
    is_secure: bool


def read_target(url: str, *, is_local: bool) -> Target:
    """The place that a URL names; http only in the local stack. Raises TargetRefusedError."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise TargetRefusedError("is no URL: ASCII, without blanks, at most 2000 characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefusedError("is no URL") from None
    if parts.scheme not in (("https", "http") if is_local else ("https",)):
        raise TargetRefusedError("must begin with https://")
    if port == 0 or not _is_plain(parts):
        raise TargetRefusedError("must have a host, and no user, password, fragment or backslash")
    secure = parts.scheme == "https"
    return Target(url, parts.hostname or "", port or (443 if secure else 80), secure)


def _is_plain(parts: SplitResult) -> bool:
    odd = parts.fragment or "@" in parts.netloc or "\\" in parts.geturl()
    return bool(parts.hostname) and not odd


def refusal(address: str, *, is_local: bool) -> str | None:
    """Why no connection may go to an address; None where it may.

    In the local stack this machine and private networks are allowed, link-local addresses (where
    clouds answer for their secrets) are not.
    """
    try:
        found = _meant(ip_address(address.partition("%")[0]))
    except ValueError:
        return "is no address"
    if found.is_link_local:
        return "is a link-local address"
    if found.is_multicast or found.is_unspecified or (found.is_reserved and not found.is_loopback):
        return "is no address of one machine"
    if is_local:
        return None
    if found.is_loopback:
        return "is an address of this machine"
    return (
        None if found.is_global and not _is_inner(found) else "is an address of a private network"
    )


def _is_inner(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and (address in _SITE_LOCAL or address in _NAT64_LOCAL)


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    carried = address.ipv4_mapped or address.sixtofour
    if carried is None and address.teredo is not None:
        carried = address.teredo[1]
    if carried is None and int(address) > 1 and any(address in one for one in _CARRIERS):
        carried = IPv4Address(int(address) & 0xFFFFFFFF)
    return carried or address
