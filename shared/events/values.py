"""The values that records are made of: what is taken, how it is spelled, what is said if not.

Everything is strict (a text is no number, `"yes"` no boolean) with the contract's few exceptions:
decimals are numbers or texts, and a day may be sent as a time.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from shared.kernel.money import CURRENCIES
from shared.kernel.period import local_day
from shared.kernel.zones import iana_zone

MAX_VERSION: Final = 2**63 - 1
AMOUNT_BOUND: Final = Decimal(10) ** 15
AMOUNT_DECIMALS: Final = 2
NUMBER_DECIMALS: Final = 6
EARLIEST: Final = date(1900, 1, 1)
MAX_EMAIL: Final = 320

_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_BEGINS_AS_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_MOMENT = Annotated[datetime, msgspec.Meta(tz=True)]


def _refuse(kind: str, detail: str) -> PydanticCustomError:
    # The text is a template to pydantic, to which braces mean something.
    return PydanticCustomError(kind, detail.replace("{", "(").replace("}", ")"))


def _legible(text: str) -> str:
    if "\x00" in text:
        raise _refuse("null_byte", "must not contain a null byte")
    return text


def _not_blank(text: str) -> str:
    if text.isspace():
        raise _refuse("blank", "must not be blank")
    return text


def email_of(text: str) -> str:
    """An email address as it is. Raises PydanticCustomError for what is none."""
    if not _EMAIL.fullmatch(text):
        raise _refuse("email", "must be an email address")
    return text


def _currency(code: str) -> str:
    if code not in CURRENCIES:
        raise _refuse("currency", "must be an upper-case ISO 4217 currency code")
    return code


def _zone(name: str) -> str:
    found = iana_zone(name)
    if found is None:
        raise _refuse("time_zone", "must be an IANA or Windows time zone name")
    return found


def moment_of(value: Any) -> datetime:
    """A time as RFC 3339 with an offset, in UTC. Raises PydanticCustomError for anything else."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise _refuse("moment", "must be a text with a time such as 2026-03-01T08:00:00Z")
    try:
        moment = msgspec.convert(value, _MOMENT).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise _refuse(
            "moment", "must be an RFC 3339 time with an offset, such as 2026-03-01T08:00:00Z"
        ) from None
    if moment.date() < EARLIEST:
        raise _refuse("moment", f"must not lie before {EARLIEST}")
    return moment


def day_of(value: Any, zone: ZoneInfo) -> date:
    """A day as ISO date, or the day of a time in a zone.

    Raises PydanticCustomError for what is neither and for days that do not exist.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _ISO_DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise _refuse("day", f"there is no day {value}") from None
    elif isinstance(value, str) and _BEGINS_AS_TIME.match(value):
        day = local_day(moment_of(value), zone)
    else:
        raise _refuse("day", "must be an ISO date such as 2026-03-01, or a time with an offset")
    if day < EARLIEST:
        raise _refuse("day", f"must not lie before {EARLIEST}")
    return day


def _day(value: Any, info: ValidationInfo) -> date:
    context: dict[str, ZoneInfo] = info.context or {}
    return day_of(value, context.get("zone") or ZoneInfo("UTC"))


def decimal_of(value: Any, decimals: int) -> Decimal:
    """A decimal from a number or its text, exactly and in its one spelling.

    Whole numbers have no decimals, so that `10`, `"10"` and `"10.00"` are the same. Raises
    PydanticCustomError for no number, for one out of bounds and for one that is finer.
    """
    number = _number(value)
    if number is None:
        raise _refuse("decimal", "must be a decimal number, or the text of one")
    if not -AMOUNT_BOUND < number < AMOUNT_BOUND:
        raise _refuse("too_large", f"must be less than {AMOUNT_BOUND:,}")
    whole = number.to_integral_value()
    if number == whole:
        return whole + 0  # no minus zero, no exponent
    fine = number.quantize(Decimal(1).scaleb(-decimals))
    if fine != number:
        raise _refuse("too_fine", f"must have at most {decimals} decimals")
    return fine


def _number(value: Any) -> Decimal | None:
    """The exact number; binary floats only by their shortest spelling, as JSON wrote them."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        return None
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def amount_of(value: Any) -> Decimal:
    """Money: not negative, to the cent. Raises PydanticCustomError."""
    amount = decimal_of(value, AMOUNT_DECIMALS)
    if amount < 0:
        raise _refuse("negative", "must not be negative")
    return amount


def number_of(value: Any) -> Decimal:
    """Any decimal of reasonable size and fineness. Raises PydanticCustomError."""
    return decimal_of(value, NUMBER_DECIMALS).normalize() + 0


def _lower(text: str) -> str:
    return text.lower()


_Trimmed = StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=MAX_EMAIL)
Legible = AfterValidator(_legible)
Id = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=200),
    Legible,
    AfterValidator(_not_blank),
]
"""An id: opaque, not empty."""
Text = Annotated[str, StringConstraints(strict=True, max_length=1000), Legible]
Word = Annotated[str, StringConstraints(strict=True, max_length=200), Legible]
"""What goals and filters compare: exactly, letter by letter."""
Email = Annotated[str, _Trimmed, Legible, AfterValidator(email_of)]
Address = Annotated[str, _Trimmed, Legible, AfterValidator(_lower)]
"""Whom a collaboration names: compared trimmed and in lower case, so it is kept that way."""
PersonAddress = Annotated[str, _Trimmed, Legible, AfterValidator(email_of), AfterValidator(_lower)]
Currency = Annotated[str, AfterValidator(_currency)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Version = Annotated[int, Field(strict=True, ge=0, le=MAX_VERSION)]
Amount = Annotated[Decimal, BeforeValidator(amount_of)]
Number = Annotated[Decimal, BeforeValidator(number_of)]
Day = Annotated[date, BeforeValidator(_day)]
"""A day; one that is sent as a time is read in the zone of the validation's context."""
Moment = Annotated[datetime, BeforeValidator(moment_of)]
