"""How much of a column must be filled (organizational format)."""

from decimal import Decimal
from typing import Final

from services.ingest.domain.columns import Columns
from services.ingest.domain.table import Row

LEAST_SHARE: Final = Decimal("0.95")
COVERED: Final = {"person": ("ManagerId", "Organization", "LevelDesignation")}
"""Columns of the format that may be blank here and there, but not often. What must never be blank
is required of the record itself."""


class Coverage:
    """Counts the rows, and the filled cells of columns that must be well filled."""

    def __init__(self, columns: Columns) -> None:
        names = COVERED.get(columns.kind.name, ()) if columns.in_format else ()
        self._columns = [
            (columns.names.index(name), name) for name in names if name in columns.names
        ]
        self._filled = [0] * len(self._columns)
        self.rows = 0

    def add(self, row: Row) -> None:
        """Take a row into account."""
        self.rows += 1
        for which, (at, _) in enumerate(self._columns):
            if at < len(row.cells) and row.cells[at].strip():
                self._filled[which] += 1

    def faults(self) -> list[tuple[str, str]]:
        """Columns that are not filled well enough, as (column, error)."""
        return [
            (name, f"{filled} of {self.rows} rows have a value, at least {LEAST_SHARE:.0%} must")
            for (_, name), filled in zip(self._columns, self._filled, strict=True)
            if filled < LEAST_SHARE * self.rows
        ]
