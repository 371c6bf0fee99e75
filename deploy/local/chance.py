"""Chance that depends on what it is asked about alone: the same question, the same answer."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

Choice = TypeVar("Choice")
_SCALE: Final = 1 << 64


def share(*about: object) -> float:
    """A number in [0, 1) that belongs to these things, for ever and on every machine."""
    text = "\x1f".join(str(thing) for thing in about)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / _SCALE


def between(low: int, high: int, *about: object) -> int:
    """A whole number, low ≤ n ≤ high."""
    return low + int(share(*about) * (high - low + 1))


def pick(choices: Sequence[Choice], *about: object) -> Choice:
    """One of several, all as likely."""
    return choices[between(0, len(choices) - 1, *about)]


def weighted(choices: Sequence[tuple[Choice, float]], *about: object) -> Choice:
    """One of several by weight."""
    at = share(*about) * sum(weight for _, weight in choices)
    for choice, weight in choices:
        at -= weight
        if at < 0:
            return choice
    return choices[-1][0]
