"""Names: when two are the same, and in which order people expect them."""

import unicodedata
from typing import Final

ORDER_LENGTH: Final = 200


def name_key(name: str) -> str:
    """What makes names the same: trimmed, case and composition aside."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def name_order(name: str) -> str:
    """What names are sorted by: case and accents aside, so that Ämter stands beside Amber."""
    spread = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(c for c in spread if not unicodedata.combining(c))[:ORDER_LENGTH]
