"""Decimals: splitting targets, percentages, plain notation and currencies. No float anywhere."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

COUNT_STEP: Final = Decimal(1)
CENT: Final = Decimal("0.01")
TENTH: Final = Decimal("0.1")

# ISO 4217 active codes, funds and metals left out: what a deal can be priced in.
CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
    GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR
    KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
    MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS
    UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


def unit_of(goal_type: str, currency: str | None) -> str:
    """The unit of a goal's figures: `count`, `number`, or the goal's currency code."""
    if goal_type == "closed_won_total_deals_amount":
        return currency or "number"
    return "number" if goal_type == "custom_partner_field" else "count"


def step_of(unit: str) -> Decimal:
    """The smallest difference between two figures of a unit."""
    return COUNT_STEP if unit == "count" else CENT


def split_evenly(total: Decimal, step: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Four parts that add up to a total; the earlier get the larger share (10 → 3, 3, 2, 2)."""
    whole, rest = divmod(int(total / step), 4)
    first, second, third, fourth = ((whole + (part < rest)) * step for part in range(4))
    return first, second, third, fourth


def percent(value: Decimal, target: Decimal | None) -> str | None:
    """Value of target in percent, half up to one place; None without a target or with one of 0."""
    if not target:
        return None
    return str((value * 100 / target).quantize(TENTH, ROUND_HALF_UP))


def plain(value: Decimal, unit: str) -> str:
    """A figure in plain notation: counts whole, money and numbers with two decimals."""
    return f"{value.quantize(step_of(unit), ROUND_HALF_UP):f}"
