"""How figures and days are written in English mails, and text made safe to stand in a line."""

import re
import unicodedata
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

MONTHS: Final = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]

# Overrides and embeddings can make text read as something else; isolates and marks cannot.
_SPOOFING: Final = "\u202a\u202b\u202c\u202d\u202e\u2028\u2029"
_UNSEEN = re.compile(f"[\x00-\x1f\x7f-\x9f{_SPOOFING}]+")


def one_line(text: str, longest: int) -> str:
    """Text without line breaks, controls and direction overrides, cut to a length."""
    line = " ".join(_UNSEEN.sub(" ", text).split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1].rstrip()
    while cut and unicodedata.combining(cut[-1]):
        cut = cut[:-1]
    return f"{cut}…"


def figure(value: str) -> str:
    """A figure in plain notation with thousands separated (1234.50 → 1,234.50)."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    whole, dot, rest = digits.partition(".")
    if whole.isdecimal():
        whole = f"{int(whole):,}"
    return f"{sign}{whole}{dot}{rest}"


def day(moment: date) -> str:
    """A day in full: 1 March 2026."""
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def moment_of_day(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in the organization's time zone: 1 March 2026, 08:00 (UTC)."""
    local = moment.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M} ({zone.key})"
