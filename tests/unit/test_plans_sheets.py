"""The CSV of plans: cells read back, columns do not collide, broken files say what is wrong."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.plans.domain.refusal import InvalidError
from services.plans.domain.sheet import goal_columns, guarded, template_header, unguarded
from services.plans.domain.strategy import GoalDraft, GroupDraft, Strategy, StrategyDraft
from services.plans.domain.strategy import begin_strategy as begin
from services.plans.handlers import sheet_file
from services.plans.handlers.sheet_file import SheetFile
from shared.kernel.ids import new_id

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
NASTY = st.one_of(TEXT, st.text("'=+-@\t\r\n;,\"＝ x"))
HEADER = "Strategy Name,Strategy Id,Partner Name,Partner Id,Template Version"


def strategy(*names: tuple[str, str]) -> Strategy:
    groups = [GroupDraft(group, [GoalDraft("approved_accounts", goal)]) for group, goal in names]
    draft = StrategyDraft("S", date(2026, 1, 1), goal_groups=groups)
    return begin(draft, new_id, datetime(2026, 1, 1, tzinfo=UTC))


@given(NASTY)
def test_every_text_reads_back_and_none_is_run(text: str) -> None:
    cell = guarded(text)
    assert unguarded(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@given(st.lists(NASTY, min_size=1, max_size=5), st.sampled_from([",", ";", "\t"]))
def test_cells_survive_the_way_through_csv(texts: list[str], separator: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerow([guarded(text) for text in texts])
    [row] = csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=separator, strict=True)
    assert [unguarded(cell) for cell in row] == texts


def test_columns_that_collide_get_a_number() -> None:
    of = strategy(("A", "B_C"), ("A_B", "C"), ("A", "B_C (2)"), ("A", "B_C"))
    stems = [columns.names[0].removesuffix("_Target") for columns in goal_columns(of)]
    assert stems == ["A_B_C", "A_B_C (2)", "A_B_C (2) (2)", "A_B_C (3)"]
    assert template_header(of)[4:9] == [
        "A_B_C_Target",
        "A_B_C_Q1",
        "A_B_C_Q2",
        "A_B_C_Q3",
        "A_B_C_Q4",
    ]


@given(
    st.lists(st.tuples(st.sampled_from("ab_"), st.sampled_from(["a", "b (2)", "_"])), max_size=9)
)
def test_columns_are_all_different(names: list[tuple[str, str]]) -> None:
    columns = [name for one in goal_columns(strategy(*names)) for name in one.names]
    assert len(columns) == len(set(columns))


def opened(text: str) -> SheetFile:
    return SheetFile(io.BytesIO(text.encode()))


def test_columns_are_found_by_name_in_any_order() -> None:
    sheet = opened(
        "Partner Id;Error;Notes;Template Version;Strategy Name;Strategy Id;Partner Name\n"
        "p;wrong;n;1;S;s;P\n\n;;;;;;\n'=q;;;1;S;s\n"
    )
    assert sheet.separator == ";"
    assert sheet.header[:2] == ["Partner Id", "Notes"]
    rows = list(sheet.rows())
    assert [row.number for row in rows] == [2, 5]
    assert [sheet.partner_id(row) for row in rows] == ["p", "=q"]
    assert rows[0].cells == ["p", "n", "1", "S", "s", "P"]
    assert rows[1].cells == ["=q", "", "1", "S", "s", ""]
    assert list(sheet.rows()) == rows


def test_rows_are_counted_by_what_they_name() -> None:
    census = opened(f"{HEADER}\nS,s,P,p,1\nS,s,P,q,1\nS,t,P,p,2\nS,s,P,p,1\n").census()
    assert census.templates == {("s", "1"): 3, ("t", "2"): 1}
    assert census.rows_of == {"p": [2, 4, 5]}


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "no such column"),
        (b"\xff\xfeS\x00", "UTF-8"),
        (HEADER.encode() + b"\nZo\xeb,s,P,p,1", "UTF-8"),
        (HEADER.encode() + b'\nS,s,"P,p,1', "line 2"),
        ((HEADER + ",Partner Id\n").encode(), "twice"),
        (HEADER.encode() + b"," * 3000, "columns"),
        (HEADER.encode() + b"\n" + b"x" * 200_000, "field larger"),
        (HEADER.encode() + b"\nS,s,P,p,1" * 30, "more than 20 rows"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    raw: bytes, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_file, "MOST_ROWS", 20)
    with pytest.raises(InvalidError) as caught:
        SheetFile(io.BytesIO(raw)).census()
    assert word in caught.value.flaws[0].detail
