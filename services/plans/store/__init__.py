"""The tables of the plans service: functions that take a connection; SQL lies in `sql/`."""

from pathlib import Path
from typing import Final

from shared.postgres.queries import Queries

SQL: Final = Queries(Path(__file__).parents[1] / "sql")
