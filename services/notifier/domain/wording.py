"""Text from outside made safe to stand in a line."""

import re
import unicodedata
from typing import Final

# Overrides and embeddings can make text read as something else; isolates and marks cannot.
_SPOOFING: Final = "\u202a\u202b\u202c\u202d\u202e\u2028\u2029"
LONGEST_UNIT: Final = 20
UNITS_WITHOUT_WORD: Final = frozenset({"count", "number"})
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


def behind(unit: str) -> str:
    """What stands behind a figure of a unit, with the blank before it; counts have nothing."""
    return "" if unit in UNITS_WITHOUT_WORD else f" {one_line(unit, LONGEST_UNIT)}"
