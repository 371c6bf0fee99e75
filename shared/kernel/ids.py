"""The one place that makes ids."""

import os
import time
from uuid import UUID, uuid5

_NAMESPACE = UUID("0d3b2c1e-6a57-5d0a-9f0e-7b7f3a1c9e42")


def new_id() -> str:
    """A fresh id that sorts by the time it was made (UUID version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(UUID(int=value))


def named_id(*parts: str) -> str:
    """The id that belongs to these parts: the same parts give the same id, for ever."""
    return str(uuid5(_NAMESPACE, "\x1f".join(parts)))


def parse_id(text: str) -> str | None:
    """The canonical spelling of an id, or None for what is none (a path then answers 404)."""
    try:
        return str(UUID(text))
    except ValueError:
        return None
