"""What a seller's mail says. HTML and text parts are filled from this one thing (rules, section 4).

Nothing personal, and no figure, stands in the subject or in the first hundred characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

from services.notifier.domain import suggestion
from services.notifier.domain.insight_statement import Insights, Manager, Peers
from services.notifier.domain.statement import Statement
from services.notifier.domain.wording import MONTHS, day, figure, one_line

SUBJECT: Final = "Your seller insights"
PRIVACY: Final = (
    "For your eyes only. Nobody but you can see what this email says: not your manager, not an "
    "administrator, not your team."
)
SUMMARY: Final = "Summary"
MOST_ACCOUNTS: Final = 10
LONGEST_NAME: Final = 120
LONGEST_CELL: Final = 200
NOT_AVAILABLE: Final = "NA"
WEEKLY: Final = "weekly"
SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
THOUSAND: Final = Decimal(1000)
STEPS: Final = tuple((THOUSAND**power, unit) for power, unit in enumerate(("", "K", "M", "B", "T")))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a card: its name and its cells, in the order of the card's columns."""

    name: str
    cells: Sequence[str]
    bar: int | None = None
    """How much of a bar is filled, 0 to 100; None where there is none."""


@dataclass(frozen=True, slots=True)
class Card:
    """One of the four cards."""

    heading: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Row]
    suggestion: str
    button: str
    url: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where a mail's links lead."""

    privacy: str
    questions: str
    explore: str
    calendar: str
    leave: str
    unsubscribe: str


@dataclass(frozen=True, slots=True)
class InsightMail:
    """All that the templates of the seller's mail may use."""

    subject: str
    privacy: str
    title: str
    greeting: str
    period: str
    summary_heading: str
    summary: Sequence[str]
    cards: Sequence[Card]
    why: str
    links: Links


def insight_mail(statement: Statement, *, name: str, links: Links) -> InsightMail:
    """The mail of a seller's statement. The statement must carry insights."""
    found = statement.insights
    if found is None:
        raise ValueError("a statement without insights makes no mail")
    weekly = statement.cadence == WEEKLY
    named = "" if "@" in name else one_line(name, LONGEST_NAME)
    period = spoken_period(statement.period)
    cards = _cards(found, links, weekly=weekly)
    return InsightMail(
        subject=SUBJECT,
        privacy=PRIVACY,
        title="Seller insights",
        greeting=f"Hello {named}," if named else "Hello,",
        period=period,
        summary_heading=SUMMARY,
        summary=_summary(found, period, has_cards=bool(cards)),
        cards=cards,
        why=_why(statement, weekly=weekly),
        links=links,
    )


def spoken_period(period: str) -> str:
    """March 2026, or the days of a week."""
    if len(period) == len("2026-03"):
        year, month = period.split("-")
        return f"{MONTHS[int(month) - 1]} {year}"
    sunday = date.fromisoformat(period)
    return f"the week from {day(sunday)} to {day(sunday + timedelta(days=6))}"


def _why(statement: Statement, *, weekly: bool) -> str:
    plan = one_line(statement.plan_name, LONGEST_NAME) or "a seller success plan"
    often = "week" if weekly else "month"
    return (
        f"You get this email once a {often} because you take part in {plan}. It is meant to help "
        "you see how you spend your time with customers and colleagues."
    )


def _summary(found: Insights, period: str, *, has_cards: bool) -> list[str]:
    whole = found.collaboration
    if not whole.seconds and not has_cards:
        return [f"There was no collaboration to show for {period}."]
    shares = (
        f"In {period}, {whole.external.percent}% of your collaboration was external "
        f"(change: {change(whole.external.change_percent)}) and {whole.internal.percent}% was "
        f"internal (change: {change(whole.internal.change_percent)})."
    )
    lines = [shares]
    if found.peers is not None:
        lines.append(_peers(found.peers, period))
    if not has_cards:
        lines.append("Beyond these shares there was no collaboration to show.")
    return lines


def _peers(peers: Peers, period: str) -> str:
    """The split of people in similar roles; one that is older than the mail says of when it is."""
    of = spoken_period(peers.period)
    whose = "People in similar roles" if of == period else f"People in similar roles in {of}"
    return f"{whose}: {peers.external_percent}% external, {peers.internal_percent}% internal."


def _cards(found: Insights, links: Links, *, weekly: bool) -> list[Card]:
    """The cards for which there is something to show, in their order."""
    cards = [
        _customers(found, links),
        _depth(found, links),
        _networks(found, links),
        _manager(found.manager_interactions, links, weekly=weekly),
    ]
    return [card for card in cards if card is not None]


def _customers(found: Insights, links: Links) -> Card | None:
    accounts = found.time_with_customers[:MOST_ACCOUNTS]
    if not accounts:
        return None
    most = accounts[0].seconds
    rows = [
        Row(
            _cell(one.name),
            (
                short_money(one.annual_revenue, one.currency),
                hours(one.seconds),
                change(one.change_percent),
            ),
            _bar(one.seconds, most),
        )
        for one in accounts
    ]
    return Card(
        "Time with customers",
        "Your hours with each customer, and how they changed.",
        ("Revenue", "Hours", "Change %"),
        rows,
        _cell(suggestion.about_customers(found.time_with_customers), 2 * LONGEST_CELL),
        "Explore",
        links.explore,
    )


def _depth(found: Insights, links: Links) -> Card | None:
    accounts = found.depth_of_engagement.accounts[:MOST_ACCOUNTS]
    if not accounts:
        return None
    return Card(
        "Depth of engagement",
        "People of each account with whom you had a meaningful interaction in the 28 days that "
        "end with this period.",
        ("People you engaged with",),
        [Row(_cell(one.name), (figure(str(one.people)),)) for one in accounts],
        _cell(suggestion.about_depth(accounts), 2 * LONGEST_CELL),
        "Explore",
        links.explore,
    )


def _networks(found: Insights, links: Links) -> Card | None:
    groups = found.internal_networks.groups[:MOST_ACCOUNTS]
    if not groups:
        return None
    most = groups[0].seconds
    return Card(
        "Leverage internal networks",
        "Your hours with internal groups.",
        ("Hours",),
        [Row(_cell(one.group), (hours(one.seconds),), _bar(one.seconds, most)) for one in groups],
        _cell(suggestion.about_networks(groups), 2 * LONGEST_CELL),
        "Explore",
        links.explore,
    )


def _manager(found: Manager, links: Links, *, weekly: bool) -> Card | None:
    if not found.accounts and not found.one_to_one.seconds:
        return None
    rows = [
        Row(
            _cell(one.name),
            tuple(
                f"{share.percent}%" for share in (one.alone, one.with_manager, one.with_leadership)
            ),
        )
        for one in found.accounts[:MOST_ACCOUNTS]
    ]
    return Card(
        "Connect with leadership" if weekly else "Manager interactions",
        f"One-to-one with your manager: {hours(found.one_to_one.seconds)} hours. Your meeting "
        "hours with each customer, by who of your own came along.",
        ("Alone", "With manager", "With leadership"),
        rows,
        _cell(suggestion.about_manager(found), 2 * LONGEST_CELL),
        "Manage meetings",
        links.calendar,
    )


def _cell(text: str, longest: int = LONGEST_CELL) -> str:
    return one_line(text, longest)


def _bar(part: int, most: int) -> int:
    return max(1, round(100 * part / most)) if most and part else 0


def change(percent: int | None) -> str:
    """A change in whole percent, `NA` where there was nothing before."""
    if percent is None:
        return NOT_AVAILABLE
    return f"+{percent}%" if percent > 0 else f"{percent}%"


def hours(seconds: int) -> str:
    """Hours with one decimal, half up."""
    exact = (Decimal(seconds) / 3600).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return figure(f"{exact:f}")


def short_money(value: str | None, currency: str) -> str:
    """An amount in short form: $829, $946K, $1.5M, $12M; nothing where it is not known."""
    if value is None:
        return ""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return ""
    symbol = SYMBOLS.get(currency, f"{currency} ")
    place = max((n for n, (step, _) in enumerate(STEPS) if abs(amount) >= step), default=0)
    shown = _rounded(abs(amount) / STEPS[place][0])
    if shown >= THOUSAND and place + 1 < len(STEPS):
        place, shown = place + 1, Decimal(1)
    return f"{'-' if amount < 0 else ''}{symbol}{shown:f}{STEPS[place][1]}"


def _rounded(scaled: Decimal) -> Decimal:
    """One decimal below ten where it says something, else whole."""
    one = scaled.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if one >= 10 or one == one.to_integral_value():  # noqa: PLR2004 - $12M, $1M
        return scaled.quantize(Decimal(1), ROUND_HALF_UP)
    return one
