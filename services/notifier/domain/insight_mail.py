"""What a seller's mail says. HTML and text parts are filled from this one thing (rules, section 4).

Nothing personal, and no figure, stands in the subject or in the first hundred characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.notifier.domain import suggestion
from services.notifier.domain.insight_statement import Insights, Manager, Peers
from services.notifier.domain.language import Language
from services.notifier.domain.statement import Statement
from services.notifier.domain.wording import one_line

MOST_ACCOUNTS: Final = 10
LONGEST_NAME: Final = 120
LONGEST_CELL: Final = 200
WEEKLY: Final = "weekly"


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
    of: str
    """What its rows are about: the heading of the first column."""
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


def insight_mail(
    statement: Statement, language: Language, *, name: str, links: Links
) -> InsightMail:
    """The mail of a seller's statement. The statement must carry insights."""
    found = statement.insights
    if found is None:
        raise ValueError("a statement without insights makes no mail")
    say = language.say
    weekly = statement.cadence == WEEKLY
    named = "" if "@" in name else one_line(name, LONGEST_NAME)
    period = language.period(statement.period)
    cards = _Cards(found, links, language).all(weekly=weekly)
    plan = one_line(statement.plan_name, LONGEST_NAME) or say("a_seller_plan")
    return InsightMail(
        subject=say("insights_subject"),
        privacy=say("insights_privacy"),
        title=say("insights_title"),
        greeting=say("hello_name", name=named) if named else say("hello"),
        period=period,
        summary_heading=say("summary"),
        summary=_summary(found, period, language, has_cards=bool(cards)),
        cards=cards,
        why=say("insights_why_weekly" if weekly else "insights_why_monthly", plan=plan),
        links=links,
    )


def _summary(found: Insights, period: str, language: Language, *, has_cards: bool) -> list[str]:
    whole = found.collaboration
    if not whole.seconds and not has_cards:
        return [language.say("nothing", period=period)]
    shares = language.say(
        "shares",
        period=period,
        external=whole.external.percent,
        external_change=language.change(whole.external.change_percent),
        internal=whole.internal.percent,
        internal_change=language.change(whole.internal.change_percent),
    )
    lines = [shares]
    if found.peers is not None:
        lines.append(_peers(found.peers, period, language))
    if not has_cards:
        lines.append(language.say("nothing_more"))
    return lines


def _peers(peers: Peers, period: str, language: Language) -> str:
    """The split of people in similar roles; one that is older than the mail says of when it is."""
    of = language.period(peers.period)
    shares = {"external": peers.external_percent, "internal": peers.internal_percent}
    if of == period:
        return language.say("peers", **shares)
    return language.say("peers_of", period=of, **shares)


@dataclass(frozen=True, slots=True)
class _Cards:
    """The cards of a person's insights, in a language."""

    found: Insights
    links: Links
    language: Language

    def all(self, *, weekly: bool) -> list[Card]:
        """Those for which there is something to show, in their order."""
        cards = [
            self.customers(),
            self.depth(),
            self.networks(),
            self.manager(self.found.manager_interactions, weekly=weekly),
        ]
        return [card for card in cards if card is not None]

    def customers(self) -> Card | None:
        accounts = self.found.time_with_customers[:MOST_ACCOUNTS]
        if not accounts:
            return None
        say = self.language.say
        most = accounts[0].seconds
        rows = [
            Row(
                _cell(one.name),
                (
                    self.language.short_money(one.annual_revenue, one.currency),
                    self.language.hours(one.seconds),
                    self.language.change(one.change_percent),
                ),
                _bar(one.seconds, most),
            )
            for one in accounts
        ]
        return Card(
            say("customers"),
            say("customers_text"),
            say("account"),
            (say("revenue"), say("hours"), say("change")),
            rows,
            _advice(suggestion.about_customers(self.found.time_with_customers, self.language)),
            say("explore"),
            self.links.explore,
        )

    def depth(self) -> Card | None:
        accounts = self.found.depth_of_engagement.accounts[:MOST_ACCOUNTS]
        if not accounts:
            return None
        say = self.language.say
        return Card(
            say("depth"),
            say("depth_text"),
            say("account"),
            (say("people"),),
            [Row(_cell(one.name), (self.language.figure(str(one.people)),)) for one in accounts],
            _advice(suggestion.about_depth(accounts, self.language)),
            say("explore"),
            self.links.explore,
        )

    def networks(self) -> Card | None:
        groups = self.found.internal_networks.groups[:MOST_ACCOUNTS]
        if not groups:
            return None
        say, hours, most = self.language.say, self.language.hours, groups[0].seconds
        rows = [Row(_cell(g.group), (hours(g.seconds),), _bar(g.seconds, most)) for g in groups]
        return Card(
            say("networks"),
            say("networks_text"),
            say("group"),
            (say("hours"),),
            rows,
            _advice(suggestion.about_networks(groups, self.language)),
            say("explore"),
            self.links.explore,
        )

    def manager(self, found: Manager, *, weekly: bool) -> Card | None:
        if not found.accounts and not found.one_to_one.seconds:
            return None
        say, percent = self.language.say, self.language.percent
        rows = [
            Row(
                _cell(one.name),
                tuple(
                    percent(str(share.percent))
                    for share in (one.alone, one.with_manager, one.with_leadership)
                ),
            )
            for one in found.accounts[:MOST_ACCOUNTS]
        ]
        return Card(
            say("leadership" if weekly else "manager"),
            say("manager_text", hours=self.language.hours(found.one_to_one.seconds)),
            say("account"),
            (say("alone"), say("with_manager"), say("with_leadership")),
            rows,
            _advice(suggestion.about_manager(found, self.language)),
            say("manage_meetings"),
            self.links.calendar,
        )


def _cell(text: str) -> str:
    return one_line(text, LONGEST_CELL)


def _advice(text: str) -> str:
    return one_line(text, 2 * LONGEST_CELL)


def _bar(part: int, most: int) -> int:
    return max(1, round(100 * part / most)) if most and part else 0
