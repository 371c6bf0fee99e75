"""Reading an uploaded CSV: encoding, separator, header and rows, a few rows at a time."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from services.plans.domain.refusal import Flaw, InvalidError
from services.plans.domain.sheet import (
    ERROR,
    STRATEGY_ID,
    TEMPLATE_VERSION,
    Layout,
    read_layout,
    unguarded,
)

SEPARATORS: Final = (",", ";", "\t")
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 2_000
HEADER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class SheetRow:
    """A row as it was meant: apostrophes taken away, short rows filled up."""

    number: int
    """Its number in a spreadsheet, where the header is row 1."""
    cells: list[str]


Census = Counter[tuple[str, str]]
"""(strategy id, template version) → how many rows name them."""


class SheetFile:
    """An uploaded file; reading it once through is `census`, again and again is `rows`.

    Raises InvalidError: not UTF-8, not CSV, columns missing, too many rows.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.separator = self._find_separator()
        self.header = [unguarded(cell).strip() for cell in next(self._records(), [])]
        if len(self.header) > MOST_COLUMNS:
            raise _invalid(f"more than {MOST_COLUMNS} columns")
        self._error_at = self.header.index(ERROR) if ERROR in self.header else None
        self._forget_error(self.header)
        self.layout: Layout = read_layout(self.header)

    def _find_separator(self) -> str:
        """The separator under which the header has a column that every template has."""
        self._file.seek(0)
        first = self._file.read(HEADER_BYTES).decode("utf-8-sig", "replace")
        for separator in SEPARATORS:
            header = next(csv.reader(io.StringIO(first, newline=""), delimiter=separator), [])
            if STRATEGY_ID in (cell.strip() for cell in header):
                return separator
        return SEPARATORS[0]

    def _records(self) -> Iterator[list[str]]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=self.separator, strict=True)
        try:
            yield from reader
        except UnicodeDecodeError:
            raise _invalid("the file is not UTF-8: save it as CSV UTF-8") from None
        except csv.Error as wrong:
            raise _invalid(f"line {reader.line_num} is not CSV: {wrong}") from None
        finally:
            text.detach()

    def rows(self) -> Iterator[SheetRow]:
        """The rows under the header, blank ones left out."""
        width = self.layout.width
        records = enumerate(self._records(), 1)
        next(records, None)
        for number, record in records:
            cells = [unguarded(cell) for cell in record]
            self._forget_error(cells)
            if any(map(str.strip, cells)):
                yield SheetRow(number, cells + [""] * (width - len(cells)))

    def _forget_error(self, cells: list[str]) -> None:
        """A corrected file of errors still has the column that said what was wrong."""
        if self._error_at is not None:
            del cells[self._error_at : self._error_at + 1]

    def census(self) -> Census:
        """Which strategies and versions of them the rows name. Reads the whole file."""
        counted: Census = Counter()
        for row in islice(self.rows(), MOST_ROWS + 1):
            strategy_id = self.layout.cell(row.cells, STRATEGY_ID)
            counted[strategy_id, self.layout.cell(row.cells, TEMPLATE_VERSION)] += 1
        if counted.total() > MOST_ROWS:
            raise _invalid(f"more than {MOST_ROWS} rows: split the file")
        return counted


def _invalid(detail: str) -> InvalidError:
    return InvalidError([Flaw("", detail)])
