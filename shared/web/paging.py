"""Lists answer `{"items": […], "next": cursor}`; a cursor holds the last item's sort keys."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from shared.web.problems import Problem

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000


def encode_cursor(keys: Sequence[Any]) -> str:
    """An opaque cursor of an item's sort keys."""
    return urlsafe_b64encode(orjson.dumps(list(keys), default=str)).decode().rstrip("=")


def decode_cursor(text: str, length: int) -> list[Any]:
    """The sort keys that a cursor holds. Raises a 422 problem for what is no cursor of ours."""
    try:
        keys = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        keys = None
    if not isinstance(keys, list) or len(keys) != length:
        raise Problem.at("/cursor", "is no cursor of this list")
    return keys


def page(
    items: list[dict[str, Any]], limit: int, keys: Callable[[dict[str, Any]], Sequence[Any]]
) -> dict[str, Any]:
    """One page out of up to `limit + 1` items; the surplus one tells that there is more."""
    shown = items[:limit]
    more = len(items) > limit
    return {"items": shown, "next": encode_cursor(keys(shown[-1])) if more else None}
