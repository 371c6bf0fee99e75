"""`python -m deploy.demo`: play the sample year on the running stack and show what came of it.

`--clock` prints the moment at which the clock of a stack made for the demo starts.
"""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from deploy.demo import dataset, invented, mailbox, sellers
from deploy.demo.doors import DemoError, Doors, wait_until
from deploy.demo.mailbox import Mail
from deploy.demo.moving import fresh_start
from deploy.demo.organization import Organization
from deploy.demo.play import Play, Played
from deploy.demo.sales import Sales
from deploy.demo.standing import differences, standings
from deploy.demo.summary import show_mails, show_standings, show_where_to_look
from deploy.demo.teller import Teller, make_console
from deploy.local import personas
from deploy.local.console import answer, complain
from deploy.local.home import CHECKOUT, Home, LocalError
from shared.events.envelope import stamp
from shared.kernel.clock import SystemClock
from shared.kernel.period import local_day, monthly_dues

MOST_SHOWN: Final = 5


def main() -> None:
    """Play, show, and exit with 1 when something is not as it should be."""
    home = Home.from_environment()
    organization = Organization.of(home)
    if "--clock" in sys.argv[1:]:
        answer(stamp(fresh_start(SystemClock().now(), organization.zone)))
        return
    try:
        troubles = _demo(home, organization)
    except (DemoError, LocalError, dataset.DatasetError) as failure:
        troubles = [str(failure)]
    for trouble in troubles:
        complain(trouble)
    sys.exit(1 if troubles else 0)


def _demo(home: Home, organization: Organization) -> list[str]:
    """Play the year and show the tables; gives what is not as it should be."""
    teller = Teller(make_console())
    began = time.monotonic()
    sales = _sales(teller)
    with Doors(home) as doors:
        played = Play(doors, sales, organization).run(teller, SystemClock().now())
        personas.remember(home, _partners(played), sellers.personas(played.sold.company))
        doors.wait_until_complete(played.ended)
        expected = _expected_mails(played, organization)
        mails = _mails(doors, played, expected)
        troubles = _show(doors, teller, played, mails, expected)
        sold = sellers.mails_of(doors, _mailbox(doors), played.sold)
        for line in sellers.summary(doors, played.sold, sold):
            teller.say(line)
        troubles += sellers.troubles_of(doors, played.sold, sold)
    teller.say(f"played and shown in {time.monotonic() - began:.0f} s")
    return troubles


def _sales(teller: Teller) -> Sales:
    """The third-party dataset where it is there, else the invented year."""
    folder = dataset.find(CHECKOUT)
    sales = dataset.load(folder) if folder else invented.invent()
    origin = f"the dataset in {folder}" if folder else "an invented year (no dataset here)"
    won = sum(1 for _ in sales.won())
    teller.say(
        f"{origin}: {len(sales.sellers)} partners, {len(sales.opportunities):,} deals, "
        f"{won:,} of them won for {sales.won_total:,} USD"
    )
    return sales


def _partners(played: Played) -> list[dict[str, Any]]:
    """The partners' records as they were told last: whom the sign-in offers."""
    told = {one.data["partner_id"]: one.data for one in played.told if one.record == "partner"}
    return list(told.values())


def _expected_mails(played: Played, organization: Organization) -> Counter[str]:
    dues = monthly_dues(played.year.starts, organization.zone, organization.mail_hour)
    admins = {
        one.data["partner_id"]: sum(user["role"] == "admin" for user in one.data["users"])
        for one in played.told
        if one.record == "partner"
    }
    made = [(plan.created_at, admins[plan.partner_id]) for plan in played.plans]
    return mailbox.expected(dues, played.ended, made)


def _mails(doors: Doors, played: Played, expected: Counter[str]) -> list[Mail]:
    """Wait for the mails that are on their way, and read the mailbox."""
    folder = _mailbox(doors)
    plans = [plan.plan_id for plan in played.plans]
    wanted = sum(expected.values())
    try:
        wait_until(lambda: len(mailbox.read(folder, plans)) >= wanted, f"{wanted} mails are there")
    except DemoError as late:
        complain(str(late))
    return mailbox.read(folder, plans)


def _mailbox(doors: Doors) -> Path:
    folder = Path(doors.described["mail_dir"])
    return folder if folder.is_absolute() else CHECKOUT / folder


def _show(
    doors: Doors, teller: Teller, played: Played, mails: list[Mail], expected: Counter[str]
) -> list[str]:
    found = standings(doors, played, local_day(played.ended, played.zone))
    verified = doors.post("progress", "/v1/verify")
    show_standings(teller.console, found)
    show_mails(teller.console, mails, expected)
    teller.say(
        f"verify: {verified['plans']:,} plans, {verified['goals']:,} goals, "
        f"{verified['cells']:,} cells, {verified['differences']} differences"
    )
    other = list(differences(played, found))
    teller.say(f"figures that differ from what the data itself adds up to: {len(other)}")
    for line in other[:MOST_SHOWN]:
        teller.say(f"  {line}")
    show_where_to_look(teller.console, doors, found[0], mails)
    return _troubles(int(verified["differences"]), len(mails), sum(expected.values()))


def _troubles(differing: int, mails: int, expected: int) -> list[str]:
    troubles = []
    if differing:
        troubles.append(f"verify reports {differing} differences")
    if mails != expected:
        troubles.append(f"{mails} mails are in the mailbox, {expected} were expected")
    return troubles


if __name__ == "__main__":
    main()
