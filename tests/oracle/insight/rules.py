"""The numbers of the rules, and how figures are rounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")
PUBLIC_DOMAINS = frozenset({"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com"})


@dataclass(frozen=True)
class Rules:
    """Settings of an organization; the defaults are those of the rules."""

    zone: ZoneInfo = UTC
    domains: frozenset[str] | None = None
    public_domains: frozenset[str] = PUBLIC_DOMAINS
    group_attribute: str = "organization"
    email_sent: int = 300
    email_received: int = 150
    chat_own: int = 22
    chat_others: int = 8
    too_many_people: int = 250
    too_long: timedelta = timedelta(hours=8)
    meaningful_people: int = 8
    meaningful_messages: int = 3
    depth_days: int = 28


def half_up(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    whole = int(abs(exact) + Fraction(1, 2))
    return whole if exact >= 0 else -whole


def hours(seconds: Fraction) -> str:
    """Seconds as hours with two decimals."""
    hundredths = half_up(seconds * 100 / 3600)
    return f"{hundredths // 100}.{hundredths % 100:02}"


def change(now: Fraction, before: Fraction) -> int | None:
    """Change in whole percent; None where there was nothing before."""
    return half_up(100 * (now - before) / before) if before else None


def pair(first: Fraction, second: Fraction) -> tuple[int, int]:
    """Two shares that add up to 100: the second is the rest. Nothing at all has no shares."""
    if not first + second:
        return 0, 0
    percent = half_up(100 * first / (first + second))
    return percent, 100 - percent


def three(parts: Sequence[Fraction]) -> list[int]:
    """Shares that add up to 100, by largest remainder; of equal ones the first gets more."""
    total = sum(parts, Fraction(0))
    if not total:
        return [0 for _ in parts]
    exact = [100 * part / total for part in parts]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_remainder[: 100 - sum(whole)]:
        whole[at] += 1
    return whole
