"""What is seen at the end: the partners' standing, the mailbox, and where to look next."""

import shlex
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from os import environ
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from deploy.demo import strategies
from deploy.demo.doors import Doors
from deploy.demo.mailbox import Mail
from deploy.demo.standing import Figure, Standing
from deploy.local.home import CHECKOUT, PREFIX
from shared.kernel.money import percent

COLOURS: Final = {"ahead": "green", "on pace": "cyan", "behind": "yellow"}
WIDTH_FOR_GOALS: Final = 126
WIDTH_FOR_MANAGERS: Final = 138
OTHER_GOALS: Final = {
    strategies.DEALS: "Deals",
    strategies.ACCOUNTS: "Accounts",
    strategies.CAMPAIGN_LEADS: "Campaign\nleads",
    strategies.OWN_LEADS: "Own\nleads",
    strategies.CERTIFIED: "Certified\npeople",
    strategies.INSTALLED: "Installed\nbase",
}
"""Goals beside the money, and what stands above their column."""
WITHOUT_ROOM: Final = {strategies.DEALS}
"""Those of them that a narrow terminal shows too."""
STYLE: Final[dict[str, Any]] = {
    "box": box.SIMPLE_HEAD,
    "collapse_padding": True,
    "pad_edge": False,
    "title_justify": "left",
    "caption_justify": "left",
}


def show_standings(console: Console, found: list[Standing]) -> None:
    """Progress by partner: won against target and pace, the other goals as value/target."""
    goals = [g for g in OTHER_GOALS if console.width >= WIDTH_FOR_GOALS or g in WITHOUT_ROOM]
    with_managers = console.width >= WIDTH_FOR_MANAGERS
    table = Table(title="Progress by partner", caption=_paces(found), **STYLE)
    for column in ("Partner", "Region", "CAM")[: 3 if with_managers else 2]:
        table.add_column(column, no_wrap=True)
    for column in ("Won USD", "Target", "%"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("Pace", no_wrap=True)
    for goal in goals:
        table.add_column(OTHER_GOALS[goal], justify="right", no_wrap=True)
    for standing in found:
        seller = standing.plan.seller
        named = [seller.name, seller.group, seller.manager][: 3 if with_managers else 2]
        table.add_row(
            *named, *_money(standing.figures.get(strategies.WON)), *_others(standing, goals)
        )
    table.add_section()
    table.add_row(*_totals(found, 2 if with_managers else 1))
    console.print(table)


def _money(won: Figure | None) -> list[str]:
    if won is None:
        return ["–"] * 4
    word = f"[{COLOURS.get(won.word, 'dim')}]{won.word}[/]"
    return [_whole(won.value), _whole(won.target), won.percent or "–", word]


def _others(standing: Standing, goals: Iterable[str]) -> list[str]:
    figures = (standing.figures.get(goal) for goal in goals)
    return [f"{_whole(f.value)}/{_whole(f.target)}" if f else "–" for f in figures]


def _whole(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.0f}"


def _won(found: list[Standing]) -> list[Figure]:
    figures = (standing.figures.get(strategies.WON) for standing in found)
    return [figure for figure in figures if figure is not None]


def _totals(found: list[Standing], blanks: int) -> list[str]:
    won = _won(found)
    value = sum((figure.value for figure in won), Decimal(0))
    target = sum((figure.target or Decimal(0) for figure in won), Decimal(0))
    share = percent(value, target) or "–"
    return [f"{len(found)} partners", *[""] * blanks, _whole(value), _whole(target), share]


def _paces(found: list[Standing]) -> str:
    """How many stand where against the pace of the year."""
    words = Counter(figure.word for figure in _won(found))
    counted = ", ".join(f"{words[word]} {word}" for word in COLOURS if words[word])
    return f"{counted} (won so far against what the quarters' targets ask for by now)"


def show_mails(console: Console, mails: list[Mail], expected: Counter[str]) -> None:
    """Mails by the month they fell due in, against one per admin of every plan."""
    found = Counter(mail.period for mail in mails)
    partners = len({mail.plan_id for mail in mails})
    console.print(
        f"Mails: {len(mails):,} to the admins of {partners} partners "
        f"({sum(expected.values()):,} expected); by due month:",
        style="italic",
        markup=False,
    )
    months = [f"{period} {found[period]}" for period in sorted({*found, *expected})]
    console.print("  " + ", ".join(months), markup=False)


def show_where_to_look(console: Console, doors: Doors, best: Standing, mails: list[Mail]) -> None:
    """Addresses, commands to copy, tokens, the mailbox and a mail to open."""
    plan_id, urls = best.plan.plan_id, doors.described
    own = [mail for mail in mails if mail.plan_id == plan_id]
    console.rule("Where to look", align="left")
    lines = [
        "in a browser (choose whom to sign in as: the supplier's people, or a partner's):",
        f"  every partner, its plans and why each figure:  {urls['progress']}/partners",
        f"  the plan of {best.plan.seller.name}:  {urls['progress']}/progress/plans/{plan_id}",
        f"  strategies and plans:  {urls['plans']}/plans",
        f"  what a partner sees:  {urls['progress']}/portal",
        f"  pages of your own for partners:  {urls['progress']}/portal-pages",
        f"the plan of {best.plan.seller.name}, to paste into a shell here:",
        f"  T=$({_python()} -m deploy.local token --role channel_manager)",
        f'  curl -s -H "Authorization: Bearer $T" {urls["progress"]}/v1/plans/{plan_id}/progress',
        f'  curl -s -H "Authorization: Bearer $T" {urls["plans"]}/v1/plans/{plan_id}',
        f'  curl -s -H "Authorization: Bearer $T" "{urls["plans"]}/v1/strategies?sort=name"',
        f'  curl -s -H "Authorization: Bearer $T" {urls["progress"]}/v1/watermark',
        f"the API's description:  {urls['plans']}/openapi.json · {urls['progress']}/openapi.json",
        f"tokens of every role:  {_short(doors.home.stack_file)}",
        f"mailbox:               {_short(doors.home.mail)}",
    ]
    if own:
        lines.append(f"a mail to open:        {_short(own[-1].file)}  ({own[-1].subject})")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _python() -> str:
    """How to run a command of this stack from the checkout."""
    python = ".venv/bin/python" if (CHECKOUT / ".venv/bin/python").exists() else "python"
    home = environ.get(f"{PREFIX}HOME")
    return f"{PREFIX}HOME={shlex.quote(home)} {python}" if home else python


def _short(path: Path) -> str:
    """A path as one types it in the checkout."""
    return str(path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path)
