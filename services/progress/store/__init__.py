"""The tables of progress. SQL stands in `sql/`, under the names of the functions here."""

from pathlib import Path
from typing import Final

from shared.postgres.queries import Queries

SQL: Final = Queries(Path(__file__).parents[1] / "sql")
LONGEST_S: Final = 600.0
"""How long a statement that reads the whole ledger may take."""
