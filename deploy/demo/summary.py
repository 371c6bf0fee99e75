"""What is seen at the end: the partners' standing, the mailbox, and where to look next."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.demo import strategies
from deploy.demo.doors import Doors
from deploy.demo.mailbox import Mail
from deploy.demo.standing import Figure, Standing
from deploy.local.home import CHECKOUT

COLOURS: Final = {"ahead": "green", "on pace": "cyan", "behind": "yellow"}
OTHER_GOALS: Final = (
    strategies.DEALS,
    strategies.ACCOUNTS,
    strategies.CAMPAIGN_LEADS,
    strategies.OWN_LEADS,
    strategies.CERTIFIED,
    strategies.INSTALLED,
)


def show_standings(console: Console, found: list[Standing]) -> None:
    """Progress by partner: won against target and pace, the other goals as value / target."""
    table = Table(
        title="Progress by partner", caption="other goals: value / target", header_style="bold"
    )
    for column in ("Partner", "Region", "CAM"):
        table.add_column(column, no_wrap=True)
    for column in ("Won USD", "Target", "%"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("Pace", no_wrap=True)
    for goal in OTHER_GOALS:
        table.add_column(goal, justify="right")
    for standing in found:
        table.add_row(*_row(standing))
    table.add_section()
    table.add_row(*_totals(found))
    console.print(table)


def _row(standing: Standing) -> list[str]:
    seller = standing.plan.seller
    won = standing.figures.get(strategies.WON)
    others = [_pair(standing.figures.get(goal)) for goal in OTHER_GOALS]
    named = [seller.name, seller.group, seller.manager]
    if won is None:
        return [*named, "–", "–", "–", "–", *others]
    word = f"[{COLOURS.get(won.word, 'dim')}]{won.word}[/]"
    return [*named, _money(won.value), _money(won.target), won.percent or "–", word, *others]


def _pair(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    target = "–" if figure.target is None else f"{figure.target:,.0f}"
    return f"{figure.value:,.0f} / {target}"


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.0f}"


def _totals(found: list[Standing]) -> list[str]:
    shown = (standing.figures.get(strategies.WON) for standing in found)
    won = [figure for figure in shown if figure is not None]
    value, target = _sum(f.value for f in won), _sum(f.target or Decimal(0) for f in won)
    words = Counter(figure.word for figure in won)
    pace = ", ".join(f"{words[word]} {word}" for word in COLOURS if words[word])
    percent = f"{value * 100 / target:.1f}" if target else "–"
    return [f"{len(found)} partners", pace, "", _money(value), _money(target), percent]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def show_mails(console: Console, mails: list[Mail], expected: Counter[str]) -> None:
    """Mails by the month they fell due in, against one per admin of every plan."""
    table = Table(title="Mails in the mailbox, by due month", header_style="bold")
    found = Counter(mail.period for mail in mails)
    for period in sorted({*found, *expected}):
        table.add_column(period, justify="right")
    table.add_row(*(str(found[period]) for period in sorted({*found, *expected})))
    console.print(table)
    partners = len({mail.plan_id for mail in mails})
    console.print(
        f"  {len(mails):,} mails to the admins of {partners} partners, "
        f"{sum(expected.values()):,} expected",
        markup=False,
    )


def show_where_to_look(console: Console, doors: Doors, best: Standing, mails: list[Mail]) -> None:
    """Addresses, commands to copy, tokens, the mailbox and a mail to open."""
    plan_id, urls = best.plan.plan_id, doors.described
    own = [mail for mail in mails if mail.plan_id == plan_id]
    console.rule("Where to look", align="left")
    lines = [
        f"the plan of {best.plan.seller.name}, to paste into a shell here:",
        f"  T=$({_python()} -m deploy.local token --role channel_manager)",
        f'  curl -s -H "Authorization: Bearer $T" {urls["progress"]}/v1/plans/{plan_id}/progress',
        f'  curl -s -H "Authorization: Bearer $T" {urls["plans"]}/v1/plans/{plan_id}',
        f'  curl -s -H "Authorization: Bearer $T" "{urls["plans"]}/v1/strategies?sort=name"',
        f'  curl -s -H "Authorization: Bearer $T" {urls["progress"]}/v1/watermark',
        f"interactive API pages: {urls['plans']}/docs · {urls['progress']}/docs",
        f"tokens of every role:  {_short(doors.home.stack_file)}",
        f"mailbox:               {_short(doors.home.mail)}",
    ]
    if own:
        lines.append(f"a mail to open:        {_short(own[-1].file)}  ({own[-1].subject})")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _python() -> str:
    return ".venv/bin/python" if (CHECKOUT / ".venv/bin/python").exists() else "python"


def _short(path: Path) -> str:
    """A path as one types it in the checkout."""
    return str(path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path)
