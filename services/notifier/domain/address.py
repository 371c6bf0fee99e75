"""Mail addresses: which can be written to, and how one is spelled so that it is the same once.

What is refused could harm an envelope or a header, or would need SMTPUTF8 or quoting. Whether a
domain exists is the mail server's to say: a company may have names inside that the world has not.
"""

import re
from typing import Final

import idna

LONGEST_LOCAL: Final = 64
LONGEST_DOMAIN: Final = 253
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABELS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class AddressRefusedError(ValueError):
    """The address cannot be written to; the message says why."""


def normal(address: str) -> str:
    """The spelling under which an address counts once, whatever its case."""
    return address.strip().lower()


def checked(address: str) -> str:
    """The address as it goes into envelope and header: ASCII, an IDN domain in its ASCII form.

    Raises AddressRefusedError.
    """
    local, at, domain = address.rpartition("@")
    if not at or not domain:
        raise AddressRefusedError("not of the form name@domain")
    if len(local) > LONGEST_LOCAL or not _ATOMS.fullmatch(local):
        raise AddressRefusedError("the part before the @ cannot be written to")
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        ascii_form = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as failure:
        raise AddressRefusedError(f"the domain is not valid: {failure}") from None
    labels = ascii_form.split(".")
    if len(ascii_form) > LONGEST_DOMAIN or not all(map(_LABELS.fullmatch, labels)):
        raise AddressRefusedError("the domain is not valid")
    return ascii_form
