"""Where the marks of charts stand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from shared.web.pages import charts

STARTS = ["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01"]
BOUNDS = [*STARTS, "2027-01-01"]


def quarters(values: list[str], targets: list[str | None]) -> list[dict[str, Any]]:
    return [
        {
            "quarter": number + 1,
            "starts": BOUNDS[number],
            "ends": BOUNDS[number + 1],
            "value": values[number],
            "target": targets[number],
        }
        for number in range(4)
    ]


def test_the_pace_grows_evenly_within_each_quarter() -> None:
    asked = quarters(["0"] * 4, ["90", "91", "92", "92"])
    assert charts.expected_by(asked, date(2025, 12, 31)) == 0
    assert charts.expected_by(asked, date(2026, 1, 1)) == 1
    assert charts.expected_by(asked, date(2026, 3, 31)) == 90
    assert charts.expected_by(asked, date(2026, 4, 1)) == 91
    assert charts.expected_by(asked, date(2028, 1, 1)) == 365
    assert charts.expected_by(quarters(["0"] * 4, [None] * 4), date(2026, 1, 1)) is None


@pytest.mark.parametrize(
    ("value", "target", "expected", "word"),
    [
        ("5", None, None, "none"),
        ("5", "0", None, "none"),
        ("10", "10", "20", "reached"),
        ("9", "100", "10", "on_track"),
        ("8.9", "100", "10", "behind"),
        ("99", "100", None, "behind"),
    ],
)
def test_a_standing_is_a_word(value: str, target: str | None, expected: Any, word: str) -> None:
    assert charts.standing(value, target, expected) == word


def test_shares_stay_in_the_picture() -> None:
    assert charts.share("50", "200") == 25
    assert charts.share("-5", "10") == 0
    assert charts.share("5", None) == 0
    assert charts.share("5", "0") == 0


def test_today_stands_on_the_years_line() -> None:
    line = charts.year_line("2026-01-01", "2027-01-01", STARTS, date(2026, 7, 2))
    assert line.state == "in_progress"
    assert line.today == pytest.approx(49.9, abs=0.1)
    assert [stretch.state for stretch in line.stretches] == ["past", "past", "current", "coming"]
    assert sum(stretch.width for stretch in line.stretches) == pytest.approx(100, abs=0.05)
    assert line.anchor == "middle"


def test_before_and_after_the_year_today_stands_at_its_ends() -> None:
    early = charts.year_line("2026-01-01", "2027-01-01", STARTS, date(2025, 6, 1))
    assert (early.state, early.today, early.anchor) == ("upcoming", 0, "start")
    late = charts.year_line("2026-01-01", "2027-01-01", STARTS, date(2027, 1, 1))
    assert (late.state, late.today, late.anchor) == ("ended", 100, "end")


def test_a_quarter_to_come_is_not_behind() -> None:
    told = quarters(["12", "3", "0", "0"], ["10", "10", "10", None])
    bars = charts.quarter_bars(told, date(2026, 8, 1))
    assert [bar.standing for bar in bars] == ["reached", "behind", "behind", "none"]
    bars = charts.quarter_bars(told, date(2026, 3, 1))
    assert [bar.standing for bar in bars] == ["reached", "none", "none", "none"]
    assert max(bar.value for bar in bars) < 100


def test_bars_without_any_figure_have_no_height() -> None:
    bars = charts.quarter_bars(quarters(["0"] * 4, [None] * 4))
    assert [(bar.value, bar.target) for bar in bars] == [(0, 0)] * 4


def test_a_course_sums_up_to_today() -> None:
    told = quarters(["0"] * 4, ["10"] * 4)
    steps = [("2026-02-01", "5"), ("2026-02-01", "5"), ("2025-01-01", "1"), ("2026-12-01", "90")]
    drawn = charts.course(steps, told, date(2026, 7, 2))
    assert drawn.top == Decimal(40) * Decimal("1.08")
    assert drawn.y == pytest.approx(100 - 11 / 43.2 * 100, abs=0.01)
    assert drawn.reached.startswith("M0,100")
    assert drawn.planned.endswith(f"L100.0,{drawn.target_y}")
