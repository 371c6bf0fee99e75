"""JSON that leaves no doubt: what cannot be read one way only is refused with the reason."""

import json
from decimal import Decimal
from typing import Any, Final, NoReturn

MOST_DIGITS: Final = 19
"""An integer with more digits is read as a decimal, which costs nothing, and bounds refuse it."""


class UnreadableError(ValueError):
    """The text is no JSON that can be relied on; the message says why and where."""


def read_json(raw: bytes) -> Any:
    """The value of a JSON text, numbers with a point or an exponent as exact decimals.

    Raises UnreadableError for broken UTF-8 or JSON, NaN and infinities, the same name twice in an
    object, and nesting too deep to follow.
    """
    try:
        return _DECODER.decode(raw.decode())
    except UnicodeDecodeError as failure:
        raise UnreadableError(f"is not valid UTF-8: byte {failure.start + 1}") from None
    except json.JSONDecodeError as failure:
        raise UnreadableError(
            f"is not valid JSON: {failure.msg}, character {failure.pos + 1}"
        ) from None
    except RecursionError:
        raise UnreadableError("is nested too deeply") from None


def has_duplicate_names(raw: bytes) -> bool:
    """Whether an object somewhere in a JSON text that is otherwise in order names a field twice."""
    try:
        read_json(raw)
    except UnreadableError:
        return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableError(f"names the field {twice[:100]!r} twice in one object")
    return found


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= MOST_DIGITS + 1 else Decimal(digits)


def _no_number(name: str) -> NoReturn:
    raise UnreadableError(f"holds {name}, which is no JSON number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_int=_integer, parse_constant=_no_number
)
