"""A CSV file, a piece at a time: rows with their numbers, and what is wrong with the broken ones.

The first row is the header and has number 1; rows count as a spreadsheet counts them, so that a
value with a line break in it does not shift the numbers behind it, and an empty line has one.
"""

import codecs
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

SEPARATORS: Final = (",", ";", "\t")
MOST_BYTES_A_LINE: Final = 1024 * 1024
MOST_LINES_A_ROW: Final = 100
MOST_TEXT_A_ROW: Final = 1024 * 1024
MOST_TEXT_A_CELL: Final = 128 * 1024
MOST_OPEN_QUOTES: Final = 200
_NO_TEXT = re.compile("[\udc80-\udcff]")
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileFaultError(ValueError):
    """The file as a whole cannot be taken; `faults` says why, as (column, error)."""

    def __init__(self, error: str, column: str = "") -> None:
        super().__init__(error)
        self.faults = [(column, error)]

    @classmethod
    def of(cls, faults: list[tuple[str, str]]) -> "FileFaultError":
        """Several faults at once."""
        failure = cls("; ".join(error for _, error in faults))
        failure.faults = faults
        return failure


class Row(NamedTuple):
    """A row: its cells, or what is wrong with it as a whole."""

    number: int
    cells: list[str]
    fault: str | None = None


@dataclass
class _Line:
    text: str
    broken: bool
    """Whether bytes of it are no UTF-8."""


class TableReader:
    """Takes a file's bytes as they come and gives its rows.

    `separator_of` chooses the separator, given the header's line. Memory is bounded by the longest
    row. Raises FileFaultError for what is no CSV in UTF-8 at all.
    """

    def __init__(self, separator_of: Callable[[str], str]) -> None:
        csv.field_size_limit(MOST_TEXT_A_ROW)  # of the process; its own limit is found here anyway
        self._separator_of = separator_of
        self._separator = ""
        self._rest = b""
        self._begun = False
        self._waiting: deque[_Line] = deque()
        self._open: deque[_Line] = deque()
        self._open_text = 0
        self._number = 0
        self._open_quotes = 0

    def feed(self, piece: bytes) -> Iterator[Row]:
        """The rows that are complete with this piece of the file."""
        data = self._rest + piece
        if not self._begun:
            if len(data) < len(codecs.BOM_UTF8):
                self._rest = data
                return
            data = self._begin(data)
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        if len(self._rest) > MOST_BYTES_A_LINE:
            raise FileFaultError(f"a line is longer than {MOST_BYTES_A_LINE} bytes")
        yield from self._rows(data[:end])

    def finish(self) -> Iterator[Row]:
        """The rows that only the end of the file completes."""
        last, self._rest = self._rest, b""
        if not self._begun:
            last = self._begin(last)
        yield from self._rows(last)
        while self._open:
            yield self._give_up_quote()
            yield from self._read_waiting()
        if self._number == 0:
            raise FileFaultError("the file is empty")

    def _begin(self, data: bytes) -> bytes:
        self._begun = True
        if data.startswith(_WIDE):
            raise FileFaultError("the file is in UTF-16; save it as CSV in UTF-8")
        return data.removeprefix(codecs.BOM_UTF8)

    def _rows(self, block: bytes) -> Iterator[Row]:
        if not block:
            return
        lines = _lines(block)
        if not self._separator:
            self._separator = self._separator_of(lines[0].text.rstrip("\r\n"))
        self._waiting.extend(lines)
        yield from self._read_waiting()

    def _read_waiting(self) -> Iterator[Row]:
        while self._waiting:
            line = self._waiting.popleft()
            row = self._plain(line) if self._is_plain(line) else self._quoted(line)
            if row is not None:
                yield row

    def _is_plain(self, line: _Line) -> bool:
        return not self._open and '"' not in line.text

    def _plain(self, line: _Line) -> Row | None:
        text = line.text.rstrip("\r\n")
        return self._row(text.split(self._separator), broken=line.broken)

    def _quoted(self, line: _Line) -> Row | None:
        """Read what is open as one row, if this line makes it one."""
        self._open.append(line)
        self._open_text += len(line.text)
        if len(self._open) > MOST_LINES_A_ROW or self._open_text > MOST_TEXT_A_ROW:
            return self._give_up_quote()
        if '"' not in line.text:
            return None
        text = "".join(part.text for part in self._open) if len(self._open) > 1 else line.text
        try:
            (cells,) = csv.reader([text], delimiter=self._separator, strict=True)
        except csv.Error as failure:
            unfinished = "unexpected end of data" in str(failure)
            return None if unfinished else self._give_up_quote()
        broken = any(part.broken for part in self._open)
        self._close()
        return self._row(cells, broken=broken)

    def _row(self, cells: list[str], *, broken: bool) -> Row | None:
        """A row, or None for one that is empty: it has a number and nothing else."""
        self._number += 1
        if not broken and not any(cells):
            return None
        return Row(self._number, cells, _fault_of(cells, broken=broken))

    def _give_up_quote(self) -> Row:
        """The first open line is broken; those behind it are read anew, as rows of their own."""
        first = self._open.popleft()
        self._waiting.extendleft(reversed(self._open))
        self._close()
        self._number += 1
        self._open_quotes += 1
        if self._open_quotes > MOST_OPEN_QUOTES:
            raise FileFaultError(f"more than {MOST_OPEN_QUOTES} rows have unpaired quotes")
        cells = first.text.rstrip("\r\n").split(self._separator)
        return Row(self._number, cells, "has unpaired quotes")

    def _close(self) -> None:
        self._open.clear()
        self._open_text = 0


def _lines(block: bytes) -> list[_Line]:
    try:
        return [_Line(line, broken=False) for line in _cut(block.decode())]
    except UnicodeDecodeError:
        lines = _cut(block.decode(errors="surrogateescape"))
        return [_Line(line, broken=bool(_NO_TEXT.search(line))) for line in lines]


def _cut(text: str) -> list[str]:
    # Not splitlines: that cuts at characters which are no line ends in a CSV file.
    lines = [f"{line}\n" for line in text.split("\n")]
    if lines[-1] == "\n":
        lines.pop()
    else:
        lines[-1] = lines[-1][:-1]
    return lines


def _fault_of(cells: list[str], *, broken: bool) -> str | None:
    if broken:
        return "is not valid UTF-8; save the file as CSV in UTF-8"
    for cell in cells:
        if "\x00" in cell:
            return "contains a null byte"
        if len(cell) > MOST_TEXT_A_CELL:
            return f"has a value of more than {MOST_TEXT_A_CELL} characters"
    return None


def header_of(row: Row) -> list[str]:
    """The column names. Raises FileFaultError for a header that cannot be one."""
    if row.fault:
        raise FileFaultError(f"the header {row.fault}")
    names = [name.strip() for name in row.cells]
    while names and not names[-1]:
        names.pop()
    if "" in names:
        raise FileFaultError(f"column {names.index('') + 1} has no name")
    for name in names:
        if names.count(name) > 1:
            raise FileFaultError("there are two columns of this name", name)
    return names


def separator_of(header: str, known: frozenset[str]) -> str:
    """The separator by which a header's line has the most names that are known."""

    def names(separator: str) -> list[str]:
        return [name.strip().strip('"') for name in header.split(separator)]

    return max(SEPARATORS, key=lambda one: (len(known & set(names(one))), len(names(one))))
