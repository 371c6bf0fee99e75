"""A file with one column of email addresses, as people's programs write it."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from services.plans.domain.refusal import Flaw, InvalidError

LONGEST: Final = 320
MOST_ADDRESSES: Final = 200_000
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f]+@[^\s@\x00-\x1f\x7f]+")
_NOT_ONE: Final = "must hold one column of email addresses"


def read_addresses(raw: bytes) -> list[str]:
    """The addresses of a file, trimmed, in lower case, each once, in their order.

    Takes a byte order mark, Latin-1, a header, blank lines, quotes, and the empty columns that a
    trailing comma or semicolon makes. A text that is no address stays: nobody is known by it.
    Raises InvalidError for what is no such file.
    """
    found: dict[str, None] = {}
    for number, cell in enumerate(_cells(_text(raw))):
        address = cell.lower()
        if number == 0 and not _ADDRESS.fullmatch(address):
            continue  # the header
        found[address] = None
    if len(found) > MOST_ADDRESSES:
        raise InvalidError([Flaw("", f"must not hold more than {MOST_ADDRESSES:,} addresses")])
    return list(found)


def _text(raw: bytes) -> str:
    """UTF-8 when it can be; UTF-16 when its mark says so; else Latin-1, which takes every byte."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
    if "\x00" in text:
        raise InvalidError([Flaw("", "must not contain null bytes")])
    return text


def _cells(text: str) -> Iterator[str]:
    """The one cell that each line has. Raises InvalidError for a line with several."""
    for line in text.splitlines():
        values = [value for cell in _split(line) if (value := _bare(cell))]
        if len(values) > 1:
            raise InvalidError([Flaw("", _NOT_ONE)])
        if values:
            if len(values[0]) > LONGEST:
                raise InvalidError([Flaw("", f"an address has at most {LONGEST} characters")])
            yield values[0]


def _split(line: str) -> list[str]:
    try:
        commas = next(csv.reader(io.StringIO(line), skipinitialspace=True), [])
    except csv.Error:
        raise InvalidError([Flaw("", _NOT_ONE)]) from None
    return [part for cell in commas for part in re.split(r"[;\t]", cell)]


def _bare(cell: str) -> str:
    """Without the space around it and without quotes that a semicolon separated from its pair."""
    return cell.strip().strip("\"'\ufeff").strip()
