"""A year of sales of the project's own, for machines without the dataset. Everybody is invented."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from deploy.demo.sales import Opportunity, Sales, Seller, Stage
from deploy.local.chance import between, pick, share, weighted

ORIGIN: Final = "invented-year"
YEAR_STARTS: Final = date(2021, 3, 1)
DAYS_SOLD: Final = 306  # ten months: what is still open then stays open
DAYS_BEFORE: Final = 130  # the pipeline that the year begins with
OPPORTUNITIES: Final = 8_800
PROSPECTING_SHARE: Final = 0.06
SHARE_WITHOUT_ACCOUNT: Final = 0.4  # of those that are still open
GROUPS: Final = {
    "Americas": ("Ines Calloway", "Tobias Renner"),
    "Europe": ("Maren Holt", "Luca Ferrante"),
    "Asia Pacific": ("Aiko Tanabe", "Devika Rao"),
}
FIRST_WORDS: Final = "Alder Beacon Cobalt Dune Ember Fjord Granite Harbour Indigo Juniper".split()
SECOND_WORDS: Final = ("Systems", "Networks", "Data Partners")
ACCOUNT_FIRST: Final = (
    "Amber Birch Cedar Delta Elm Falcon Garnet Heron Iris Jade Kestrel Linden Maple Nova Opal"
    " Pine Quartz"
).split()
ACCOUNT_SECOND: Final = ("Foods", "Logistics", "Health", "Energy", "Retail")


class Product(NamedTuple):
    name: str
    series: str
    price: int
    weight: float


CATALOGUE: Final = (
    Product("Relay Mini", "Relay", 60, 19),
    Product("Relay Basic", "Relay", 540, 21),
    Product("Relay Plus", "Relay", 1_150, 16),
    Product("Summit Pro", "Summit", 3_400, 16),
    Product("Summit Advanced", "Summit", 4_700, 17),
    Product("Summit Max", "Summit", 5_600, 10.5),
    Product("Vault 900", "Vault", 26_000, 0.5),
)


def invent() -> Sales:
    """The year, the same one whenever and wherever it is asked for."""
    sellers = tuple(_sellers())
    strengths = [(seller, 0.4 + 2.6 * share("strength", seller.name) ** 3) for seller in sellers]
    deals = tuple(_opportunity(n, weighted(strengths, "who", n)) for n in range(OPPORTUNITIES))
    return Sales(ORIGIN, YEAR_STARTS, sellers, deals)


def _sellers() -> Iterator[Seller]:
    for (group, managers), second in zip(GROUPS.items(), SECOND_WORDS, strict=True):
        for n, first in enumerate(FIRST_WORDS):
            yield Seller(f"{first} {second}", group, managers[n % len(managers)])


def _opportunity(n: int, seller: Seller) -> Opportunity:
    product = weighted([(product, product.weight) for product in CATALOGUE], "what", n)
    stage, engaged_on, closed_on = _course(n, seller)
    is_open = stage in {Stage.PROSPECTING, Stage.ENGAGING}
    return Opportunity(
        opportunity_id=f"INV{n:05}",
        seller=seller.name,
        product=product.name,
        series=product.series,
        account=None if is_open and share("account?", n) < SHARE_WITHOUT_ACCOUNT else _account(n),
        stage=stage,
        engaged_on=engaged_on,
        closed_on=closed_on,
        value=_price(n, product) if stage is Stage.WON else None,
    )


def _course(n: int, seller: Seller) -> tuple[Stage, date | None, date | None]:
    """How an opportunity goes: engaged on a day, decided days later or still open at the end."""
    if share("prospecting", n) < PROSPECTING_SHARE:
        return Stage.PROSPECTING, None, None
    engaged = between(-DAYS_BEFORE, DAYS_SOLD - 2, "engaged", n)
    closed = engaged + between(3, 125, "course", n)
    engaged_on = YEAR_STARTS + timedelta(days=engaged)
    if not 0 <= closed < DAYS_SOLD:
        return Stage.ENGAGING, engaged_on, None
    chance_to_win = 0.55 + 0.16 * share("skill", seller.name)
    stage = Stage.WON if share("won", n) < chance_to_win else Stage.LOST
    return stage, engaged_on, YEAR_STARTS + timedelta(days=closed)


def _price(n: int, product: Product) -> Decimal:
    return Decimal(max(product.price * between(78, 118, "price", n) // 100, 1))


def _account(n: int) -> str:
    first = pick(ACCOUNT_FIRST, "account first", n)
    return f"{first} {pick(ACCOUNT_SECOND, 'account second', n)}"
