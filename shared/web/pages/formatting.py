"""Days, moments, figures and money as a visitor's region writes them, in English words.

The pages speak English, so a visitor from Germany reads "1 Mar 2026" and "1.234,50": words of the
page's language, conventions of the visitor's region (CLDR's `en_DE`).
"""

import re
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    get_decimal_symbol,
    get_group_symbol,
)

NOTHING: Final = "–"
"""Stands where there is no value."""
COMPACT_FROM: Final = 10_000
SECONDS_AN_HOUR: Final = 3600
Day: TypeAlias = date | datetime | str
Figure: TypeAlias = Decimal | int | str


@dataclass(frozen=True)
class Formats:
    """How one visitor reads days and figures. Takes values as the API spells them, too."""

    locale: Locale
    zone: ZoneInfo

    @property
    def tag(self) -> str:
        """The locale as pages and scripts name it: `en-DE`."""
        return str(self.locale).replace("_", "-")

    # --- time ---------------------------------------------------------------------------------

    def day(self, value: Day | None) -> str:
        """1 Mar 2026."""
        return NOTHING if value is None else _day(self._date(value), "medium", self.locale)

    def long_day(self, value: Day | None) -> str:
        """1 March 2026."""
        return NOTHING if value is None else _day(self._date(value), "long", self.locale)

    def short_day(self, value: Day | None) -> str:
        """1 Mar: where the year is plain from what stands around."""
        return NOTHING if value is None else _skeleton("MMMd", self._date(value), self.locale)

    def month(self, value: Day | None) -> str:
        """March 2026."""
        return NOTHING if value is None else _skeleton("yMMMM", self._date(value), self.locale)

    def last_day(self, ends: Day) -> str:
        """The last day of a period whose end is exclusive: 31 Dec 2026 for 2027-01-01."""
        return self.day(self._date(ends) - timedelta(days=1))

    def period(self, starts: Day, ends: Day) -> str:
        """A period from its first day to its last; `ends` is exclusive, as everywhere."""
        first, last = self._date(starts), self._date(ends) - timedelta(days=1)
        begins = self.short_day(first) if first.year == last.year else self.day(first)
        return f"{begins} – {self.day(last)}"

    def moment(self, value: datetime | str | None) -> str:
        """1 Mar 2026, 08:00, in the organization's time zone."""
        if value is None:
            return NOTHING
        local = self._moment(value)
        clock = format_time(local, "short", tzinfo=self.zone, locale=self.locale)
        return f"{self.day(local)}, {clock}"

    def iso(self, value: Day) -> str:
        """For `datetime` attributes and date fields: 2026-03-01."""
        return self._date(value).isoformat()

    def _date(self, value: Day) -> date:
        if isinstance(value, str):
            if len(value) == len("2026-03-01"):
                return date.fromisoformat(value)
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return self._moment(value).date()
        return value

    def _moment(self, value: datetime | str) -> datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(self.zone)

    # --- figures ------------------------------------------------------------------------------

    def number(self, value: Figure | None, places: int | None = None) -> str:
        """1,234.5: as exact as the value is, or with so many places."""
        if value is None:
            return NOTHING
        figure = Decimal(value)
        shown = places if places is not None else max(0, -_exponent(figure))
        return _decimal(figure, shown, self.locale)

    def hours(self, seconds: int) -> str:
        """Hours with one place, straight from the seconds: a figure is rounded once."""
        return self.number(Decimal(seconds) / SECONDS_AN_HOUR, 1)

    def money(self, value: Figure | None, currency: str) -> str:
        """US$1,234.50, with the places that the currency has."""
        if value is None:
            return NOTHING
        return format_currency(Decimal(value), currency, locale=self.locale)

    def amount(self, value: Figure | None, unit: str) -> str:
        """A goal's value or target in its unit: `count`, `number` or a currency's code."""
        if value is None:
            return NOTHING
        figure = Decimal(value)
        if unit not in ("count", "number"):
            return self.money(figure, unit)
        whole = figure == figure.to_integral_value()
        return self.number(figure, 0 if whole else None)

    def compact(self, value: Figure | None, unit: str) -> str:
        """The same, short enough for a chart: US$1.2M. Small figures stay as they are."""
        if value is None:
            return NOTHING
        figure = Decimal(value)
        if abs(figure) < COMPACT_FROM and unit in ("count", "number"):
            return self.amount(figure, unit)
        if unit in ("count", "number"):
            return format_compact_decimal(figure, locale=self.locale, fraction_digits=1)
        places = 1 if abs(figure) >= 1000 else 0  # noqa: PLR2004 - thousands are told in K
        return format_compact_currency(figure, unit, locale=self.locale, fraction_digits=places)

    def percent(self, value: Figure | None) -> str:
        """A percentage as the API tells it: 12.5 becomes 12.5%, nothing becomes a dash."""
        if value is None:
            return NOTHING
        return self.number(Decimal(value).normalize() + 0) + "%"

    def for_input(self, value: Figure | None) -> str:
        """A figure for a field: the region's decimal sign and no groups; nothing for nothing."""
        if value is None or value == "":
            return ""
        plain = f"{Decimal(value):f}"
        return plain.replace(".", self._decimal_sign)

    def parse(self, text: str) -> Decimal:
        """The figure that a visitor typed, in the region's notation.

        Raises ValueError for what is no number, wrong groups (1,23) among it.
        """
        typed = "".join(text.replace("\u2212", "-").split()).replace("'", "\u2019")
        if not _numeral(get_group_symbol(self.locale), self._decimal_sign).fullmatch(typed):
            raise ValueError(f"{text!r} is no number")
        grouping = get_group_symbol(self.locale).replace("'", "\u2019")
        return Decimal(typed.replace(grouping, "").replace(self._decimal_sign, "."))

    @property
    def _decimal_sign(self) -> str:
        return get_decimal_symbol(self.locale)


@lru_cache(maxsize=64)
def _numeral(group: str, sign: str) -> re.Pattern[str]:
    """How a region writes a figure: groups of three (of two before the last in India), or none."""
    between = re.escape("" if group.isspace() else group.replace("'", "\u2019"))
    grouped = rf"\d{{1,3}}(?:{between}\d{{2,3}})*{between}\d{{3}}"
    return re.compile(rf"-?(?:{grouped}|\d+)(?:{re.escape(sign)}\d+)?", re.ASCII)


def _exponent(figure: Decimal) -> int:
    exponent = figure.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _decimal(figure: Decimal, places: int, locale: Locale) -> str:
    pattern = copy(locale.decimal_formats[None])
    pattern.frac_prec = (places, places)
    # Babel itself rounds a half to the even neighbour.
    rounded = figure.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return str(pattern.apply(rounded, locale))


@lru_cache(maxsize=4096)
def _day(value: date, style: str, locale: Locale) -> str:
    return format_date(value, style, locale=locale)


@lru_cache(maxsize=4096)
def _skeleton(skeleton: str, value: date, locale: Locale) -> str:
    moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return format_skeleton(skeleton, moment, tzinfo=UTC, locale=locale)


def choose_locale(accept_language: str, default: str) -> Locale:
    """English with the conventions of the first region that a browser asks for and CLDR knows."""
    for tag in _by_preference(accept_language):
        found = _english_of(tag)
        if found is not None:
            return found
    return Locale.parse(default, sep="-")


def _by_preference(header: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for item in header.split(",")[:20]:
        tag, _, quality = item.strip().partition(";")
        try:
            weight = float(quality.partition("=")[2] or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            weighted.append((-weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: pair[0])]


@lru_cache(maxsize=512)
def _english_of(tag: str) -> Locale | None:
    parts = tag.replace("_", "-").split("-")
    territory = next((part.upper() for part in parts[1:] if len(part) == len("DE")), None)
    if territory is None:
        likely = get_global("likely_subtags").get(parts[0].lower(), "")
        territory = likely.rpartition("_")[2]
    try:
        return Locale.parse(f"en_{territory}")
    except (ValueError, UnknownLocaleError):
        return None
