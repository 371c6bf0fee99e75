"""How fast a recipient domain may be written to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

EVERYBODY: Final = "*"
LONGEST_QUIET: Final = timedelta(minutes=15)
_POLICY: Final = re.compile(r"^(?:421\b|4\d\d[ -]4\.7\.)")
"""How an answer begins that is about the sender's pace and not about one mailbox."""


@dataclass(frozen=True)
class Pacing:
    """Bounds of domains in mails a second, and how a domain is begun with."""

    bounds: Mapping[str, float]
    others: float | None
    """The bound of every domain without one of its own; None is none."""
    first: float | None
    """The pace a domain begins with, and begins again with when it has asked for slower mails."""
    doubles_in: timedelta
    quiet: timedelta
    """For how long a domain is left alone the first time it asks for slower mails."""


def read_rates(text: str) -> dict[str, float]:
    """Bounds by domain from `gmail.com=20 *=5`. Raises ValueError naming the part at fault."""
    rates: dict[str, float] = {}
    for part in text.split():
        domain, _, number = part.partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = 0.0
        if not domain or not 0 < rate < float("inf"):
            raise ValueError(f"{part} is no rate such as gmail.com=20")
        rates[domain.lower()] = rate
    return rates


def domain_of(recipient: str) -> str:
    """The domain a recipient's mails are paced by."""
    return recipient.rpartition("@")[2]


def asks_for_slower_mails(answer: str) -> bool:
    """Whether a mail server's words mean the pace: 421, or a 4xx about policy (4.7.x)."""
    return bool(_POLICY.match(answer))
