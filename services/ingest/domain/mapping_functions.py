"""What mappings can say beyond JMESPath's own functions: times, tables, lists and pairs.

Null comes in and null goes out, so that an optional field needs no question around it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from jmespath import functions
from pydantic_core import PydanticCustomError

from shared.events.envelope import stamp
from shared.events.values import moment_of
from shared.kernel.zones import iana_zone

if TYPE_CHECKING:  # the library's types know it only there
    from jmespath.functions import _Signature

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN: Final = 60
ANYTHING_ELSE: Final = "*"
"""The key of a table's entry for what has none of its own."""
_MILLISECONDS = re.compile(r"-?\d{1,15}")
_MICROSOFT = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
_LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?")
_ANY: Final["_Signature"] = {"types": []}
_TEXT: Final["_Signature"] = {"types": ["string"]}
_TEXT_OR_NULL: Final["_Signature"] = {"types": ["string", "null"]}
_LIST_OR_NULL: Final["_Signature"] = {"types": ["array", "null"]}


class ValueFaultError(ValueError):
    """A value that a function can make nothing of; the message says why."""


class MappingFunctions(functions.Functions):
    """The functions of one mapping, at the moment a payload was received."""

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]],
        constants: Mapping[str, Any],
        received_at: datetime,
    ) -> None:
        self._tables = tables
        self._constants = constants
        self._received_at = received_at

    @functions.signature()
    def _func_received_ms(self) -> int:
        """When the payload came, for what carries no time or version of its own."""
        return _ms(self._received_at)

    @functions.signature(_ANY)
    def _func_epoch_ms(self, value: Any) -> int | None:
        """Milliseconds since 1970 of a time, as a text or in milliseconds already."""
        return None if value is None else _ms(_moment(value))

    @functions.signature(_ANY)
    def _func_instant(self, value: Any) -> str | None:
        """A time as RFC 3339 text."""
        return None if value is None else stamp(_moment(value))

    @functions.signature(_ANY)
    def _func_utc_day(self, value: Any) -> str | None:
        """The day of a time in UTC, for systems that keep a day as its midnight there."""
        return None if value is None else _moment(value).date().isoformat()

    @functions.signature(_TEXT_OR_NULL, _TEXT_OR_NULL)
    def _func_zoned(self, local: str | None, zone: str | None) -> str | None:
        """The RFC 3339 text of a time without offset in a zone, named as IANA or Windows does."""
        if local is None:
            return None
        found = iana_zone(zone or "")
        parts = _LOCAL_TIME.fullmatch(local)
        if found is None:
            raise ValueFaultError(f"{_shown(zone)} is no time zone that is known")
        if parts is None:
            raise ValueFaultError("is no local time such as 2026-03-01T08:00:00")
        fraction = f".{parts[2]}" if parts[2] else ""
        try:
            moment = datetime.fromisoformat(parts[1] + fraction.ljust(7, "0") * bool(fraction))
        except ValueError:
            raise ValueFaultError("is a time that does not exist") from None
        return stamp(moment.replace(tzinfo=ZoneInfo(found)))

    @functions.signature(_ANY, _TEXT)
    def _func_translate(self, value: Any, table: str) -> Any:
        """What a table of the mapping has for a value."""
        if value is None:
            return None
        entries = self._tables[table]
        key = _plain(value)
        if key not in entries and ANYTHING_ELSE not in entries:
            raise ValueFaultError(f"the table {table!r} has no entry for {_shown(key)}")
        return entries.get(key, entries.get(ANYTHING_ELSE))

    @functions.signature(_TEXT)
    def _func_constant(self, name: str) -> Any:
        """A constant of the mapping."""
        return self._constants[name]

    @functions.signature(_TEXT_OR_NULL, _TEXT)
    def _func_split(self, text: str | None, separator: str) -> list[str] | None:
        """The parts of a text, trimmed, without the empty ones."""
        if text is None:
            return None
        return [part.strip() for part in text.split(separator) if part.strip()]

    @functions.signature(_TEXT_OR_NULL)
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @functions.signature(_TEXT_OR_NULL)
    def _func_domain(self, address: str | None) -> str | None:
        """What follows the last @ of an address, in lower case."""
        return None if address is None else address.strip().rpartition("@")[2].lower()

    @functions.signature(_LIST_OR_NULL)
    def _func_pairs(self, entries: list[Any] | None) -> dict[str, Any]:
        """An object of a list with `key` and `value` in each entry."""
        return {
            entry["key"]: entry.get("value")
            for entry in entries or []
            if isinstance(entry, dict) and isinstance(entry.get("key"), str)
        }

    @functions.signature(_ANY, _TEXT, _LIST_OR_NULL)
    def _func_spread(self, value: Any, name: str, each: list[Any] | None) -> list[Any]:
        """One copy of an object for each entry of a list, which it holds under a name."""
        if not isinstance(value, dict):
            return []
        return [{**value, name: one} for one in each or []]

    @functions.signature(_ANY)
    def _func_to_string(self, value: Any) -> str | None:
        """A number or a boolean as text; unlike JMESPath's own, null stays null."""
        return None if value is None else _plain(value)


def known_functions() -> dict[str, tuple[int, bool]]:
    """Function → how many arguments it takes at least, and whether it takes more."""
    return {
        name: (len(entry["signature"]), _takes_more(entry["signature"]))
        for name, entry in MappingFunctions.FUNCTION_TABLE.items()
    }


def _takes_more(signature: tuple[Mapping[str, Any], ...]) -> bool:
    return bool(signature) and bool(signature[-1].get("variadic"))


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def _moment(value: Any) -> datetime:
    """A time of whatever spelling: milliseconds, Microsoft's JSON dates, RFC 3339."""
    text = _plain(value).strip()
    microsoft = _MICROSOFT.fullmatch(text)
    try:
        if microsoft or _MILLISECONDS.fullmatch(text):
            return EPOCH + timedelta(milliseconds=int(microsoft[1] if microsoft else text))
        return moment_of(_offset_with_colon(text))
    except (PydanticCustomError, OverflowError):
        raise ValueFaultError("is no time that can be read") from None


def _offset_with_colon(text: str) -> str:
    """Some systems spell +0000 for +00:00, and more digits of a second than anybody reads."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    return re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text) if "T" in text else text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    raise ValueFaultError("is neither a text nor a number")


def _shown(value: Any) -> str:
    return repr(value)[:SHOWN]
