"""How mails are written in a language: sentences, figures, amounts and days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cached_property
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale

from services.notifier.domain.phrases import ENGLISH, GERMAN, Phrases

Code = Literal["en", "de"]
NOT_AVAILABLE: Final = "NA"
SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
THOUSAND: Final = Decimal(1000)


@dataclass(frozen=True)
class Language:
    """A language that mails are written in."""

    code: Code
    name: str
    """What it calls itself."""
    phrases: Phrases
    steps: tuple[str, ...]
    """Words for thousands, millions, billions and trillions; the first is none."""
    day_first_dot: bool
    symbol_last: bool
    percent_space: str

    def say(self, key: str, **values: object) -> str:
        """A sentence, its names filled in."""
        return self.phrases[key].format(**values) if values else self.phrases[key]

    @cached_property
    def _signs(self) -> tuple[str, str]:
        symbols: Mapping[str, str] = Locale(self.code).number_symbols["latn"]
        return symbols["group"], symbols["decimal"]

    @cached_property
    def _months(self) -> Mapping[int, str]:
        months: Mapping[int, str] = Locale(self.code).months["format"]["wide"]
        return months

    def figure(self, value: str) -> str:
        """A figure in plain notation as it is written here: 1234.50 → 1,234.50 or 1.234,50."""
        sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
        whole, dot, rest = digits.partition(".")
        if not whole.isdecimal():
            return value
        group, point = self._signs
        return f"{sign}{int(whole):,}".replace(",", group) + (f"{point}{rest}" if dot else "")

    def percent(self, value: str) -> str:
        """A percentage: 12.5% or 12,5 %."""
        return f"{self.figure(value)}{self.percent_space}%"

    def day(self, moment: date) -> str:
        """A day in full: 1 March 2026, 1. März 2026."""
        dot = "." if self.day_first_dot else ""
        return f"{moment.day}{dot} {self._months[moment.month]} {moment.year}"

    def month(self, first: date) -> str:
        """A month: March 2026."""
        return f"{self._months[first.month]} {first.year}"

    def period(self, period: str) -> str:
        """`2026-03` as March 2026, or the days of the week that begins on a Sunday."""
        if len(period) == len("2026-03"):
            return self.month(date.fromisoformat(f"{period}-01"))
        sunday = date.fromisoformat(period)
        last = sunday + timedelta(days=6)
        return self.say("week", first=self.day(sunday), last=self.day(last))

    def moment(self, moment: datetime, zone: ZoneInfo) -> str:
        """A moment in the organization's time zone: 1 March 2026, 08:00 (UTC)."""
        local = moment.astimezone(zone)
        time = f"{local:%H:%M}"
        return self.say("moment", day=self.day(local.date()), time=time, zone=zone.key)

    def change(self, percent: int | None) -> str:
        """A change in whole percent, `NA` where there was nothing before."""
        if percent is None:
            return NOT_AVAILABLE
        return f"{'+' if percent > 0 else ''}{self.percent(str(percent))}"

    def hours(self, seconds: int) -> str:
        """Hours with one decimal, half up."""
        exact = (Decimal(seconds) / 3600).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return self.figure(f"{exact:f}")

    def short_money(self, value: str | None, currency: str) -> str:
        """An amount in short form ($829, $946K, $1.5M, $12M); nothing where it is not known."""
        if value is None:
            return ""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            return ""
        places = [n for n in range(len(self.steps)) if abs(amount) >= THOUSAND**n]
        place = max(places, default=0)
        shown = _rounded(abs(amount) / THOUSAND**place)
        if shown >= THOUSAND and place + 1 < len(self.steps):
            place, shown = place + 1, Decimal(1)
        sign = "-" if amount < 0 else ""
        return self._with_symbol(sign, self.figure(f"{shown:f}"), self.steps[place], currency)

    def _with_symbol(self, sign: str, figure: str, step: str, currency: str) -> str:
        symbol = SYMBOLS.get(currency)
        if self.symbol_last:
            return " ".join(filter(None, (f"{sign}{figure}", step, symbol or currency)))
        return f"{sign}{symbol or f'{currency} '}{figure}{step}"


def _rounded(scaled: Decimal) -> Decimal:
    """One decimal below ten where it says something, else whole."""
    one = scaled.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if one >= 10 or one == one.to_integral_value():  # noqa: PLR2004 - $12M, $1M
        return scaled.quantize(Decimal(1), ROUND_HALF_UP)
    return one


LANGUAGES: Final[Mapping[Code, Language]] = {
    "en": Language(
        "en",
        "English",
        ENGLISH,
        ("", "K", "M", "B", "T"),
        day_first_dot=False,
        symbol_last=False,
        percent_space="",
    ),
    "de": Language(
        "de",
        "Deutsch",
        GERMAN,
        ("", "Tsd.", "Mio.", "Mrd.", "Bio."),
        day_first_dot=True,
        symbol_last=True,
        percent_space="\u00a0",
    ),
}


def language_of(*wanted: str | None) -> Language:
    """The language of the first locale that mails are written in (`de`, `de-CH`, `de_AT`)."""
    for locale in wanted:
        code = (locale or "").replace("_", "-").partition("-")[0].strip().lower()
        for language in LANGUAGES.values():
            if language.code == code:
                return language
    return LANGUAGES["en"]


def language_of_browser(accepted: str) -> Language:
    """The language of a browser's `Accept-Language`, the most wanted first as browsers send it."""
    return language_of(*(one.partition(";")[0].strip() for one in accepted[:200].split(",")))
