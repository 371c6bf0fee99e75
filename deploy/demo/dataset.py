"""The third-party dataset "CRM Sales Opportunities", read where it lies; never copied."""

import csv
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from deploy.demo.sales import Opportunity, Sales, Seller, Stage

VARIABLE: Final = "MILEPOST_DEMO_DATA"
BESIDE_THE_CHECKOUT: Final = Path("../shared/data/crm-sales-opportunities")
ORIGIN: Final = "crm-sales-opportunities"
YEAR_STARTS: Final = date(2017, 3, 1)  # the first deal is won on this day
WON_DEALS: Final = 4_238
WON_TOTAL: Final = Decimal(10_005_534)
PRODUCT_SPELLINGS: Final = {"GTXPro": "GTX Pro"}  # the pipeline spells what the catalogue does not
Row = Mapping[str, str]


class DatasetError(Exception):
    """The dataset is not what it should be; the message names the file and what is wrong."""


def find(checkout: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of the dataset, or None where there is none.

    `MILEPOST_DEMO_DATA` names it, relative to the checkout; set but empty it means none, so that
    the invented year is played. Raises DatasetError when it names a folder that is not there.
    """
    named = environment.get(VARIABLE)
    if named == "":
        return None
    folder = (checkout / (named or BESIDE_THE_CHECKOUT)).resolve()
    if folder.is_dir():
        return folder
    if named:
        raise DatasetError(f"{VARIABLE}={named}: there is no folder {folder}")
    return None


def load(folder: Path) -> Sales:
    """Read the dataset and hold it to its totals.

    Raises DatasetError naming the file, and the row where there is one.
    """
    series = {row["product"]: row["series"] for row in _rows(folder / "products.csv")}
    pipeline = folder / "sales_pipeline.csv"
    opportunities = tuple(
        _read(pipeline, line, row, series) for line, row in enumerate(_rows(pipeline), start=2)
    )
    selling = {found.seller for found in opportunities}
    sellers = tuple(
        seller for seller in _sellers(folder / "sales_teams.csv") if seller.name in selling
    )
    sales = Sales(ORIGIN, YEAR_STARTS, sellers, opportunities)
    _hold_to_totals(pipeline, sales)
    return sales


def _rows(file: Path) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield from csv.DictReader(lines)
    except (OSError, UnicodeDecodeError) as failure:
        raise DatasetError(f"{file}: cannot be read ({failure})") from failure


def _sellers(file: Path) -> Iterator[Seller]:
    for row in _rows(file):
        try:
            yield Seller(row["sales_agent"], row["regional_office"], row["manager"])
        except KeyError as missing:
            raise DatasetError(f"{file}: the column {missing.args[0]} is missing") from None


def _read(file: Path, line: int, row: Row, series: Mapping[str, str]) -> Opportunity:
    try:
        return _opportunity(row, series)
    except KeyError as missing:
        raise DatasetError(f"{file}, line {line}: no column or product {missing}") from None
    except (ValueError, InvalidOperation) as wrong:
        raise DatasetError(f"{file}, line {line}: {wrong}") from None


def _opportunity(row: Row, series: Mapping[str, str]) -> Opportunity:
    product = PRODUCT_SPELLINGS.get(row["product"], row["product"])
    stage = Stage(row["deal_stage"])
    return Opportunity(
        opportunity_id=row["opportunity_id"],
        seller=row["sales_agent"],
        product=product,
        series=series[product],
        account=row["account"] or None,
        stage=stage,
        engaged_on=_day(row["engage_date"]),
        closed_on=_day(row["close_date"]),
        value=Decimal(row["close_value"]) if stage is Stage.WON else None,
    )


def _day(text: str) -> date | None:
    """A day of the dataset (DD-MM-YY); early stages have none."""
    if not text:
        return None
    return datetime.strptime(text, "%d-%m-%y").replace(tzinfo=UTC).date()


def _hold_to_totals(file: Path, sales: Sales) -> None:
    deals, total = sum(1 for _ in sales.won()), sales.won_total
    if (deals, total) != (WON_DEALS, WON_TOTAL):
        raise DatasetError(
            f"{file}: {deals:,} won deals over {total:,} USD; "
            f"the dataset has {WON_DEALS:,} over {WON_TOTAL:,} USD"
        )
