"""Colours of mails, and whether text in one can be read on another (WCAG 2.2, 1.4.3)."""

import re
from collections.abc import Iterable
from typing import Final

READABLE: Final = 4.5
"""The least contrast of text on its ground."""
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
STEPS: Final = 50
_HEX = re.compile(r"#[0-9a-f]{6}|#[0-9a-f]{3}")


class ColourRefusedError(ValueError):
    """The text is no colour; the message says what one looks like."""


def colour(text: str) -> str:
    """A colour as mails have it: `#0b5cad`. Raises ColourRefusedError."""
    given = text.strip().lower()
    if not _HEX.fullmatch(given):
        raise ColourRefusedError("must be a colour such as #0b5cad")
    return given if len(given) == len(WHITE) else "#" + "".join(2 * digit for digit in given[1:])


def contrast(one: str, other: str) -> float:
    """How far two colours stand apart: 1 (not at all) to 21 (black and white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def stands_out(ink: str, grounds: Iterable[str]) -> bool:
    """Whether text of a colour can be read on all of the grounds."""
    return all(contrast(ink, ground) >= READABLE for ground in grounds)


def shade(ink: str, towards: str, grounds: Iterable[str]) -> str:
    """The colour nearest to one, on its way to another, that can be read on the grounds."""
    on = tuple(grounds)
    mixed = (_mix(ink, towards, step / STEPS) for step in range(STEPS + 1))
    return next((one for one in mixed if stands_out(one, on)), towards)


def ink_on(ground: str) -> str:
    """Black or white, whichever is read better on a ground."""
    return max((WHITE, BLACK), key=lambda ink: contrast(ink, ground))


def _channels(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _luminance(text: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(text))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
