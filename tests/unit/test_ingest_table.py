"""CSV files read piece by piece are what they are when read whole, and broken rows stay alone."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.table import (
    FileFaultError,
    Row,
    TableReader,
    header_of,
    separator_of,
)

CELLS = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=8
)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8)


def read(content: bytes, size: int = 1 << 20, known: frozenset[str] = frozenset()) -> list[Row]:
    reader = TableReader(lambda header: separator_of(header, known))
    rows: list[Row] = []
    for start in range(0, len(content), size):
        rows += reader.feed(content[start : start + size])
    return [*rows, *reader.finish()]


@given(TABLES, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.integers(1, 40))
def test_what_was_written_as_csv_is_read_back(
    table: list[list[str]], separator: str, end: str, size: int
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerows([["first", "second"], *table])
    header, *rows = read(text.getvalue().encode(), size, frozenset({"first", "second"}))
    assert header_of(header) == ["first", "second"]
    assert [row.cells for row in rows] == [cells for cells in table if any(cells)]
    assert not any(row.fault for row in rows)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_read_the_same_whatever_the_pieces(content: bytes, size: int) -> None:
    def outcome(pieces: int) -> object:
        try:
            return read(content, pieces)
        except FileFaultError as failure:
            return failure.faults

    assert outcome(size) == outcome(1 << 20)


@given(st.integers(0, 9), st.integers(0, 9))
def test_an_unpaired_quote_spoils_its_own_row_alone(broken: int, quoted: int) -> None:
    lines = [f"{n},plain" for n in range(10)]
    lines[quoted] = f'{quoted},"a ""quoted"" one"'
    lines[broken] = f'{broken},"open'
    rows = read(("h,i\n" + "\n".join(lines)).encode())[1:]
    assert [row.number for row in rows] == list(range(2, 12))
    assert [row.number - 2 for row in rows if row.fault] == [broken]


def test_rows_are_counted_as_a_spreadsheet_counts_them() -> None:
    rows = read(b'a,b\n"x\ny",1\n\n,\n2,3\n')
    assert [(row.number, row.cells) for row in rows] == [
        (1, ["a", "b"]),
        (2, ["x\ny", "1"]),
        (5, ["2", "3"]),
    ]


def test_many_unpaired_quotes_end_the_file() -> None:
    with pytest.raises(FileFaultError, match="unpaired"):
        read(b"a,b\n" + b'1,"x\n' * 1001)


def test_memory_does_not_grow_with_the_file() -> None:
    piece = b"".join(b'%d,"some text",2026-01-01\n' % n for n in range(3000))
    reader = TableReader(lambda _header: ",")
    tracemalloc.start()
    for _ in range(60):
        for _row in reader.feed(piece):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
