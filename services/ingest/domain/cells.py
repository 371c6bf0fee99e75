"""From the text of a cell to the value of a field.

What a value must be is the record models' rule; here it only gets its JSON type.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from services.ingest.domain.reading import UnreadableError, read_json
from shared.events.values import email_of

Cell = Callable[[str], Any]
"""Gives the value of a cell that is not blank. Raises CellError."""
_DIGITS = re.compile(r"\d{1,19}", re.ASCII)
_AMERICAN_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_BOOLEANS: Final = {"true": True, "false": False}
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_SUPERVISOR: Final = ("IC", "Mngr", "Mngr+")


class CellError(ValueError):
    """The text is no such value; the message says what it must be."""


def text(cell: str) -> str:
    """The text as it is."""
    return cell


def whole_number(cell: str) -> int:
    """A whole number without sign."""
    if not _DIGITS.fullmatch(cell):
        raise CellError("must be a whole number, not negative")
    return int(cell)


def boolean(cell: str) -> bool:
    """TRUE or FALSE, in any case."""
    found = _BOOLEANS.get(cell.lower())
    if found is None:
        raise CellError("must be TRUE or FALSE")
    return found


def american_day(cell: str) -> str:
    """A day as MM/DD/YYYY, or as ISO date."""
    found = _AMERICAN_DAY.fullmatch(cell)
    if not found:
        return cell
    month, day, year = found.groups()
    return f"{year}-{month:0>2}-{day:0>2}"


def checked_day(cell: str) -> str:
    """A day like `american_day`, that exists."""
    try:
        return date.fromisoformat(american_day(cell)).isoformat()
    except ValueError:
        raise CellError("must be a date as MM/DD/YYYY") from None


def rate(cell: str) -> str:
    """A number without sign, separators and currency."""
    if not _NUMBER.fullmatch(cell):
        raise CellError("must be a number without commas and currency sign")
    return cell


def number(cell: str) -> str:
    """A number of any size and sign, in plain or scientific notation."""
    try:
        finite = Decimal(cell).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise CellError("must be a number without commas and currency sign")
    return cell


def address(cell: str) -> str:
    """An email address."""
    try:
        return email_of(cell)
    except ValueError as failure:
        raise CellError(str(failure)) from None


def layer(cell: str) -> str:
    """A whole number: the steps to the top."""
    return str(whole_number(cell))


def supervisor(cell: str) -> str:
    """Whether somebody leads people."""
    if cell not in _SUPERVISOR:
        raise CellError(f"must be one of {', '.join(_SUPERVISOR)}")
    return cell


def words(cell: str) -> list[str]:
    """A list, separated by semicolons."""
    return [word for part in cell.split(";") if (word := part.strip())]


def objects(*parts: str) -> Cell:
    """A list, separated by semicolons, of things whose parts are separated by `|`."""

    def read(cell: str) -> Any:
        if cell.startswith("["):
            return _json(cell)
        return [_object(parts, one) for one in words(cell)]

    return read


def _object(names: tuple[str, ...], one: str) -> dict[str, Any]:
    values = [part.strip() for part in one.split("|")]
    if len(values) > len(names):
        raise CellError(f"must be {'|'.join(names)};…")
    found: dict[str, Any] = {
        name: value for name, value in zip(names, values, strict=False) if value
    }
    if "messages" in found:
        found["messages"] = whole_number(found["messages"])
    return found


def dictionary(cell: str) -> Any:
    """Names and values as `name=value;name=value`, or a JSON object."""
    if cell.startswith("{"):
        return _json(cell)
    found: dict[str, str] = {}
    for pair in words(cell):
        name, equals, value = pair.partition("=")
        if not equals:
            raise CellError("must be name=value;name=value;…")
        found[name.strip()] = value.strip()
    return found


def _json(cell: str) -> Any:
    try:
        return read_json(cell.encode())
    except UnreadableError as failure:
        raise CellError(str(failure)) from None
