"""What the fast lane reads fields by: structures derived from the record models.

What a model declares (types, lengths, bounds) is turned into msgspec's own; the few rules that
are functions there have a plainer twin here that settles the usual case and doubts the rest.
"""

import re
import types
from collections.abc import Callable
from datetime import MAXYEAR, UTC, date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from annotated_types import Ge, Le, MaxLen, MinLen
from msgspec import Meta, Raw, Struct
from pydantic import StringConstraints
from pydantic.fields import FieldInfo

from shared.events import values as kinds
from shared.events.records import Record
from shared.kernel.money import CURRENCIES
from shared.kernel.zones import iana_zone

Settle = Callable[[Any], Any]
"""Gives a value in its one spelling. Raises ValueError where a closer look is needed."""
MOST_REMEMBERED: Final = 100_000
_SETTLED_AMOUNT = re.compile(rb'"(?:0|[1-9]\d{0,14})(?:\.(?:\d[1-9]|[1-9]0))?"')
_WHOLE = re.compile(rb"0|[1-9]\d{0,14}")
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+")
_FIRST_DAY: Final = kinds.EARLIEST.isoformat()
_DAY_LENGTH: Final = len(_FIRST_DAY)
_known_days: set[str] = set()


class DoubtError(ValueError):
    """The event needs the full examination."""


# --- the values of fields ----------------------------------------------------------------------


def _day(text: str) -> str:
    if text not in _known_days:
        if len(text) != _DAY_LENGTH or text[4::3] != "--" or text < _FIRST_DAY:
            raise DoubtError
        date.fromisoformat(text)
        if len(_known_days) < MOST_REMEMBERED:
            _known_days.add(text)
    return text


def moment(value: datetime) -> datetime:
    """A moment in UTC. Raises DoubtError for one without an offset, or far off."""
    # The years at both ends are left to the examination: there the zone decides.
    if value.tzinfo is None or not kinds.EARLIEST.year < value.year < MAXYEAR:
        raise DoubtError
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _amount(raw: Raw) -> Raw | None:
    return raw if _SETTLED_AMOUNT.fullmatch(bytes(raw)) else _decimal(raw, kinds.amount_of)


def _number(raw: Raw) -> Raw | None:
    return _decimal(raw, kinds.number_of)


def _decimal(raw: Raw, parse: Callable[[str], Decimal]) -> Raw | None:
    text = bytes(raw)
    if _WHOLE.fullmatch(text):
        return Raw(b'"%b"' % text)
    if text == b"null":
        return None
    return Raw(b'"%b"' % str(parse(text.decode().strip('"'))).encode())


def _address(text: str) -> str:
    if text != text.strip().lower():
        raise DoubtError
    return text


def _email(text: str) -> str:
    if not _PLAIN_EMAIL.fullmatch(text):
        raise DoubtError
    return text


def _person_address(text: str) -> str:
    return _address(_email(text))


def _currency(text: str) -> str:
    if text not in CURRENCIES:
        raise DoubtError
    return text


def _zone(text: str) -> str:
    if iana_zone(text) != text:
        raise DoubtError
    return text


def _id(text: str) -> str:
    if text.isspace():
        raise DoubtError
    return text


# --- from a model to its lane ------------------------------------------------------------------

_LEAVES: Final[tuple[tuple[Any, Any, Settle | None], ...]] = (
    (kinds.Id, str, _id),
    (kinds.Text, str, None),
    (kinds.Word, str, None),
    (kinds.Email, str, _email),
    (kinds.Address, str, _address),
    (kinds.PersonAddress, str, _person_address),
    (kinds.Currency, str, _currency),
    (kinds.ZoneName, str, _zone),
    (kinds.Version, int, None),
    (kinds.Day, str, _day),
    (kinds.Moment, datetime, moment),
    (kinds.Amount, Raw, _amount),
    (kinds.Number, Raw, _number),
)


def derive(model: type[Record]) -> tuple[type[Struct], Settle]:
    """A structure with a model's fields, and what settles its values."""
    fields: list[tuple[str, Any, Any]] = []
    settles: dict[str, Settle] = {}
    for name, hint in sorted(get_type_hints(model, include_extras=True).items()):
        if name not in model.model_fields:
            continue
        inner, optional = _without_none(hint)
        kind, settle = _field(inner)
        if settle is not None:
            settles[name] = settle if optional else _required(settle)
        if not optional:
            fields.append((name, kind, msgspec.NODEFAULT))
        else:
            fields.append((name, kind if kind is Raw else kind | None, None))
    structure = msgspec.defstruct(
        f"Fast{model.__name__}",
        fields,
        omit_defaults=True,
        kw_only=True,
        gc=False,
    )
    return structure, _settling(settles)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    (inner,) = (one for one in get_args(hint) if one is not types.NoneType)
    return inner, True


def _field(hint: Any) -> tuple[Any, Settle | None]:
    """The type that msgspec reads a field by, and what settles its values, if anything needs to."""
    bounds = _bounds(hint)
    for leaf, kind, settle in _LEAVES:
        if hint == leaf:
            return (Annotated[kind, bounds] if bounds else kind), settle
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    kind, settle = _bare(bare)
    return (Annotated[kind, bounds] if bounds else kind), settle


def _bare(hint: Any) -> tuple[Any, Settle | None]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in (bool, int) or origin is Literal:
        return hint, None
    if isinstance(hint, type) and issubclass(hint, Record):
        return derive(hint)
    parts = [_field(argument) for argument in arguments]
    if origin is list:
        settle = parts[0][1]
        return list[parts[0][0]], settle and _each(settle)  # type: ignore[misc]
    if origin is dict and not any(settle for _, settle in parts):
        return dict[parts[0][0], parts[1][0]], None  # type: ignore[misc]
    raise TypeError(f"the fast lane does not know {hint!r}")


def _bounds(hint: Any) -> Meta | None:
    """The limits that a model's type declares, as msgspec declares them."""
    found: dict[str, Any] = {}
    declared = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    for part in declared:
        if isinstance(part, StringConstraints):
            found |= {"min_length": part.min_length, "max_length": part.max_length}
        for limit in part.metadata if isinstance(part, FieldInfo) else ():
            for kind, name in _LIMITS.items():
                if isinstance(limit, kind):
                    found[name] = getattr(
                        limit, kind.__name__.lower() if kind in (Ge, Le) else name
                    )
    found = {name: value for name, value in found.items() if value is not None}
    return Meta(**found) if found else None


_LIMITS: Final = {Ge: "ge", Le: "le", MinLen: "min_length", MaxLen: "max_length"}


def _settling(settles: dict[str, Settle]) -> Settle:
    """What settles all fields of a structure; ids and days, which most fields are, in one go."""
    ids = _getter([name for name, settle in settles.items() if settle is _id])
    days = _getter([name for name, settle in settles.items() if settle is _day])
    others = [(name, one) for name, one in settles.items() if one not in (_id, _day)]

    def settle(values: Any) -> Any:
        _check(ids(values), days(values))
        for name, one in others:
            value = getattr(values, name)
            if value is not None:
                settled = one(value)
                if settled is not value:
                    setattr(values, name, settled)
        return values

    return settle


def _check(ids: tuple[str | None, ...], days: tuple[str | None, ...]) -> None:
    for text in ids:
        if text is not None and text.isspace():
            raise DoubtError
    for text in days:
        if text is not None and text not in _known_days:
            _day(text)


def _required(settle: Settle) -> Settle:
    """A text kept raw may turn out to be null."""

    def settle_one(value: Any) -> Any:
        settled = settle(value)
        if settled is None:
            raise DoubtError
        return settled

    return settle_one if settle in (_amount, _number) else settle


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda _values: ()
    # attrgetter gives a tuple only for two names or more.
    return attrgetter(*names, names[0])


def _each(settle: Settle) -> Settle:
    def settle_all(values: list[Any]) -> list[Any]:
        for at, value in enumerate(values):
            settled = settle(value)
            if settled is not value:
                values[at] = settled
        return values

    return settle_all
