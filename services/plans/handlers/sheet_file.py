"""Reading an uploaded CSV: encoding, separator, header and rows, a few rows at a time."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final

from services.plans.domain.refusal import Flaw, InvalidError
from services.plans.domain.sheet import (
    ERROR,
    PARTNER_ID,
    STRATEGY_ID,
    TEMPLATE_VERSION,
    Layout,
    read_layout,
    unguarded,
)

SEPARATORS: Final = (",", ";", "\t")
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 2_000
LONGEST_CELL: Final = 131_072
HEADER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class SheetRow:
    """A row as it was meant: apostrophes taken away, short rows filled up."""

    number: int
    """Its number in a spreadsheet, where the header is row 1."""
    cells: list[str]


@dataclass
class Census:
    """What the rows of a file name, counted before any of them is judged."""

    templates: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(strategy id, template version) → how many rows name them."""
    rows_of: dict[str, list[int]] = field(default_factory=dict)
    """Partner id → the numbers of the rows about it, where they are several."""


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
        csv.field_size_limit(LONGEST_CELL)  # it is the process's: others may have set it
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
        """Count what the rows name. Reads the whole file."""
        census, first = Census(), dict[str, int]()
        for row in islice(self.rows(), MOST_ROWS + 1):
            strategy_id = self.layout.cell(row.cells, STRATEGY_ID)
            version = self.layout.cell(row.cells, TEMPLATE_VERSION)
            census.templates[strategy_id, version] += 1
            partner_id = self.partner_id(row)
            if partner_id and first.setdefault(partner_id, row.number) != row.number:
                rows = census.rows_of.setdefault(partner_id, [first[partner_id]])
                rows.append(row.number)
        if census.templates.total() > MOST_ROWS:
            raise _invalid(f"more than {MOST_ROWS} rows: split the file")
        return census

    def partner_id(self, row: SheetRow) -> str | None:
        """The id of the partner that a row names, not trimmed; no id has a null byte."""
        given = row.cells[self.layout.at[PARTNER_ID]]
        return given if given.strip() and "\x00" not in given else None


def _invalid(detail: str) -> InvalidError:
    return InvalidError([Flaw("", detail)])
