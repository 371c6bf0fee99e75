"""Periods: months and Sundays, and nothing else; and the split of peers."""

from datetime import date
from fractions import Fraction
from uuid import UUID, uuid5

import pytest

from services.progress.domain.insight.peers import Split, Withheld, rounded, split_of
from services.progress.domain.insight.period import Period

SPACE = UUID(int=1)


@pytest.mark.parametrize(
    ("text", "starts", "ends", "before"),
    [
        ("2026-03", date(2026, 3, 1), date(2026, 4, 1), "2026-02"),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1), "2026-11"),
        ("2026-01", date(2026, 1, 1), date(2026, 2, 1), "2025-12"),
        ("2026-03-01", date(2026, 3, 1), date(2026, 3, 8), "2026-02-22"),
        ("2025-12-28", date(2025, 12, 28), date(2026, 1, 4), "2025-12-21"),
    ],
)
def test_a_month_or_a_week(text: str, starts: date, ends: date, before: str) -> None:
    period = Period.parse(text)
    assert (period.starts, period.ends, str(period), str(period.before)) == (
        starts,
        ends,
        text,
        before,
    )
    assert (period.ends - period.depth_starts).days == 28


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-13",
        "2026-00",
        "2026-3",
        "2026-03-02",
        "2026-02-30",
        "20260301",
        "2026-W09",
        "0001-01",
        "9999-12",
        " 2026-03",
        "２０２６-03",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|month|day|year|isoformat"):
        Period.parse(text)


def cohort(*numbers: int) -> dict[UUID, tuple[Fraction, Fraction]]:
    return {uuid5(SPACE, str(n)): (Fraction(3600 * n), Fraction(7200)) for n in numbers}


def test_a_split_is_of_sums_and_adds_up() -> None:
    found = split_of(cohort(*range(1, 11)), minimum=10, last=None)
    assert isinstance(found, Split)
    assert (found.external_percent, found.internal_percent) == (73, 27)  # 55 h to 20 h


def test_too_few_with_any_collaboration_are_not_told() -> None:
    idle = {key: (Fraction(0), Fraction(0)) for key in cohort(11, 12, 13)}
    nine = cohort(*range(1, 10))
    assert split_of(nine | idle, minimum=10, last=None) is Withheld.TOO_FEW
    assert isinstance(split_of(nine | idle, minimum=9, last=None), Split)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (range(1, 21), True),
        (range(1, 20), False),
        (range(1, 22), False),
        (range(2, 22), False),
        (range(6, 26), True),
        (range(1, 31), True),
        (range(100, 120), True),
    ],
)
def test_two_splits_never_tell_a_few_peoples_difference(last: range, told: bool) -> None:
    found = split_of(cohort(*range(1, 21)), minimum=10, last=frozenset(cohort(*last)))
    assert isinstance(found, Split) is told
    assert told or found is Withheld.TOO_CLOSE


@pytest.mark.parametrize(
    ("value", "whole"),
    [(Fraction(1, 2), 1), (Fraction(49, 100), 0), (Fraction(5, 2), 3), (Fraction(7), 7)],
)
def test_halves_go_up(value: Fraction, whole: int) -> None:
    assert rounded(value) == whole
