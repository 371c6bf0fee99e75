"""The demo's data: the dataset and its quirks, the invented year, chance, dates that move."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo import dataset, invented
from deploy.demo.moving import PlanYear, fresh_start
from deploy.demo.sales import Sales, Stage
from deploy.local.chance import between, share, weighted
from shared.kernel.period import year_end

CHECKOUT = Path(__file__).resolve().parents[2]
HEADER = (
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value,"
    "engage_quarter,close_quarter\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset of the right shape with one seller, and another who sells nothing."""
    (tmp_path / "products.csv").write_text("product,series,sales_price\nGTX Pro,GTX,4821\n")
    (tmp_path / "sales_teams.csv").write_text(
        "sales_agent,manager,regional_office\nMei-Mei Johns,Melvin Marxen,Central\n"
        "Moses Frase,Dustin Brinkmann,Central\n"
    )
    (tmp_path / "sales_pipeline.csv").write_text(
        HEADER + "A1,Moses Frase,GTXPro,Cancity,Won,20-10-16,01-03-17,1054,Q4 2016,Q1 2017\n"
        "A2,Moses Frase,GTXPro,,Prospecting,,,,,\n"
    )
    return tmp_path


def _totals(monkeypatch: pytest.MonkeyPatch, deals: int, total: int) -> None:
    monkeypatch.setattr(dataset, "WON_DEALS", deals)
    monkeypatch.setattr(dataset, "WON_TOTAL", Decimal(total))


def test_the_quirks_of_the_dataset_are_survived(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _totals(monkeypatch, 1, 1054)
    sales = dataset.load(folder)
    won, prospect = sales.opportunities
    assert [seller.name for seller in sales.sellers] == ["Moses Frase"]
    assert (won.product, won.series, won.engaged_on) == ("GTX Pro", "GTX", date(2016, 10, 20))
    assert (prospect.stage, prospect.account, prospect.engaged_on) == (
        Stage.PROSPECTING,
        None,
        None,
    )


def test_a_dataset_with_other_totals_is_refused_by_file_and_figures(folder: Path) -> None:
    with pytest.raises(dataset.DatasetError) as refused:
        dataset.load(folder)
    assert str(folder / "sales_pipeline.csv") in str(refused.value)
    assert "1 won deals over 1,054 USD" in str(refused.value)
    assert "4,238 over 10,005,534 USD" in str(refused.value)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("A1,Moses Frase,GTXPro,X,Won,31-02-17,01-03-17,10,,", "line 2: day is out of range"),
        ("A1,Moses Frase,GTXPro,X,Won,01-02-17,01-03-17,ten,,", "line 2: "),
        ("A1,Moses Frase,Abacus,X,Won,01-02-17,01-03-17,10,,", "line 2: no column or product"),
        ("A1,Moses Frase,GTXPro,X,Dreaming,,,,,", "line 2: 'Dreaming' is not a valid Stage"),
    ],
)
def test_a_broken_row_is_named(folder: Path, line: str, complaint: str) -> None:
    (folder / "sales_pipeline.csv").write_text(HEADER + line + "\n")
    with pytest.raises(dataset.DatasetError, match=complaint):
        dataset.load(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "products.csv").unlink()
    with pytest.raises(dataset.DatasetError, match=r"products\.csv: cannot be read"):
        dataset.load(folder)


def test_a_setting_names_the_folder_and_an_empty_one_means_none(folder: Path) -> None:
    assert dataset.find(CHECKOUT, {dataset.VARIABLE: str(folder)}) == folder
    assert dataset.find(folder, {}) is None
    assert dataset.find(CHECKOUT, {dataset.VARIABLE: ""}) is None
    with pytest.raises(dataset.DatasetError, match=dataset.VARIABLE):
        dataset.find(CHECKOUT, {dataset.VARIABLE: str(folder / "elsewhere")})


def test_the_real_dataset_comes_to_its_totals() -> None:
    found = dataset.find(CHECKOUT, {})
    if found is None:
        pytest.skip("the dataset is not beside this checkout")
    sales = dataset.load(found)
    assert (len(sales.sellers), len(sales.opportunities)) == (30, 8_800)
    assert sales.won_total == Decimal(10_005_534)


@pytest.fixture(scope="module")
def year() -> Sales:
    return invented.invent()


def test_the_invented_year_is_the_same_every_time_and_of_the_dataset_s_shape(year: Sales) -> None:
    assert invented.invent() == year
    assert (len(year.sellers), len(year.opportunities)) == (30, 8_800)
    assert len({seller.group for seller in year.sellers}) == 3
    assert len({found.seller for found in year.opportunities}) == 30
    assert 3_000 < sum(1 for _ in year.won()) < 5_000


def test_invented_deals_close_after_they_are_engaged_and_inside_the_ten_months(year: Sales) -> None:
    closed = [found for found in year.opportunities if found.closed_on]
    assert all(d.engaged_on and d.closed_on and d.engaged_on < d.closed_on for d in closed)
    days = [deal.closed_on for deal in closed if deal.closed_on]
    assert min(days) >= year.year_starts
    assert max(days) <= date(2021, 12, 31)
    assert all((found.value is not None) == (found.stage is Stage.WON) for found in closed)


def test_chance_depends_on_what_it_is_asked_about_alone() -> None:
    assert share("a", 1) == share("a", 1) != share("a", 2)
    assert {between(1, 3, n) for n in range(100)} == {1, 2, 3}
    assert {weighted([("x", 1), ("never", 0), ("y", 9)], n) for n in range(100)} == {"x", "y"}


@given(
    st.dates(date(2016, 10, 1), date(2018, 2, 28)), st.dates(date(2016, 10, 1), date(2018, 2, 28))
)
def test_moved_days_keep_their_order_and_their_month(one: date, other: date) -> None:
    year = PlanYear(starts=date(2026, 1, 1), data_starts=date(2017, 3, 1))
    assert (year.moved(one) <= year.moved(other)) or one > other
    in_the_year = date(2017, 3, 1) <= one < date(2018, 3, 1)
    assert (year.starts <= year.moved(one) < year_end(year.starts)) == in_the_year


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-25T19:00:00+00:00", "2026-01-01T06:00:00+01:00"),
        ("2026-10-31T23:30:00+00:00", "2026-01-01T06:00:00+01:00"),
        ("2026-03-15T00:00:00+00:00", "2025-05-01T06:00:00+02:00"),
    ],
)
def test_a_fresh_stack_starts_ten_to_eleven_months_ago_before_its_first_due(
    now: str, start: str
) -> None:
    moment = fresh_start(datetime.fromisoformat(now), ZoneInfo("Europe/Berlin"))
    assert moment == datetime.fromisoformat(start).astimezone(UTC)
