"""The seller side of the demo: a simulated company, two seller plans, three months of mails."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from deploy.demo import mailbox
from deploy.demo.doors import DemoError, Doors, wait_until
from deploy.demo.told import Told
from deploy.local import issuer
from deploy.local.simulator import SOURCE, Company, Fact, as_csv
from shared.kernel.period import add_months, local_day

SELLERS: Final = 36
LISTED: Final = 18
"""So many of them are named in a list; the others are found by a filter."""
CUSTOMERS: Final = 24
MAILS: Final = 3
DUE_DAY: Final = 2
WEEK: Final = timedelta(weeks=1)
BY_LIST: Final = "Seller success plan: first teams"
BY_FILTER: Final = "Seller success plan: all other sellers"
UPLOADED: Final = "crm_contact"
"""What comes as a CSV file; everything else as events."""


@dataclass(frozen=True)
class Sold:
    """The seller side as it was played."""

    company: Company
    plans: dict[str, str]
    """Plan id → its name."""
    participants: int
    dues: list[datetime]


def last_due(end: datetime, zone: ZoneInfo, hour: int) -> date:
    """The latest 2nd of a month whose mails have fallen due by the end of the play."""
    day = local_day(end, zone).replace(day=DUE_DAY)
    due = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return day if due < end else add_months(day, -1)


def company_until(end: datetime, zone: ZoneInfo, hour: int) -> Company:
    """A company that collaborates through the months that the mails are about, and on."""
    first = add_months(last_due(end, zone, hour).replace(day=1), -MAILS)
    monday = first - timedelta(days=first.weekday())
    weeks = (local_day(end, zone) - monday) // WEEK + 1
    return Company(monday, weeks, SELLERS, CUSTOMERS)


def facts_of(company: Company) -> Iterator[Told]:
    """What the company's systems tell by events, each on its day."""
    for fact in [*company.directory(), *company.collaboration()]:
        if fact.record != UPLOADED:
            yield Told(fact.day, fact.record, SOURCE, fact.data)


class SellerPlay:
    """Makes the seller plans on a stack; again on the same stack it finds them."""

    def __init__(
        self, doors: Doors, company: Company, end: datetime, zone: ZoneInfo, hour: int
    ) -> None:
        self._doors = doors
        self._company = company
        self._zone = zone
        self._last = last_due(end, zone, hour)
        self._hour = hour

    def set_up(self) -> Sold:
        """Upload the contacts, make both plans and start them, before they begin."""
        self._upload([one for one in self._company.directory() if one.record == UPLOADED])
        listed = [self._company.seller(number) for number in range(LISTED)]
        first = self._plan(BY_LIST, content="\n".join(["Email", *listed]))
        sales = {"attribute": "Organization", "operator": "Equals", "values": ["Sales"]}
        rest = self._plan(BY_FILTER, filters=[sales])
        plans = {one["seller_plan_id"]: one["name"] for one in (first, rest)}
        people = first["participants"] + rest["participants"]
        dues = [self._due(-months) for months in reversed(range(MAILS))]
        starts = date.fromisoformat(first["start_date"])
        return Sold(self._company, plans, people, [due for due in dues if due.date() >= starts])

    def _due(self, months: int) -> datetime:
        day = add_months(self._last, months)
        return datetime(day.year, day.month, day.day, self._hour, tzinfo=self._zone)

    def _upload(self, contacts: list[Fact]) -> None:
        made = self._doors.upload(UPLOADED, as_csv(contacts))

        def ended() -> bool:
            found = self._doors.get("ingest", f"/v1/uploads/{made['upload_id']}")
            if found["state"] == "failed":
                raise DemoError(f"the upload of {UPLOADED} failed: {found}")
            return bool(found["state"] == "processed")

        wait_until(ended, f"the upload of {UPLOADED} is processed")

    def _plan(self, name: str, content: str = "", filters: Any = None) -> Any:
        for found in self._doors.pages("plans", "/v1/seller-plans", role="analyst"):
            if found["name"] == name:
                return found
        starts = add_months(self._last, 1 - MAILS)
        today = local_day(self._doors.now(), self._zone)
        body = {"name": name} | ({"start_date": str(starts)} if starts >= today else {})
        made = self._made(body)
        path = f"/v1/seller-plans/{made['seller_plan_id']}"

        def ready() -> bool:
            told = self._doors.choose(f"{path}/participants", content, filters)
            return bool(told["ready"])

        wait_until(ready, f"{name} has enough participants")
        return self._doors.post("plans", f"{path}/start", role="analyst")

    def _made(self, body: dict[str, str]) -> Any:
        """The plan, once plans has heard of people and customers."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return self._doors.post("plans", "/v1/seller-plans", body, role="analyst")
            except DemoError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)


def mails_of(doors: Doors, folder: Path, sold: Sold) -> list[mailbox.Mail]:
    """The sellers' mails, once as many are there as have fallen due."""
    wanted = sold.participants * sum(due <= doors.now() for due in sold.dues)

    def all_there() -> bool:
        return len(mailbox.read(folder, sold.plans)) >= wanted

    wait_until(all_there, f"{wanted} mails to sellers are there")
    return mailbox.read(folder, sold.plans)


def troubles_of(doors: Doors, sold: Sold, mails: list[mailbox.Mail]) -> list[str]:
    """Mails that are missing or too many, and a mail that says something else than the page."""
    passed = sum(due <= doors.now() for due in sold.dues)
    wanted = sold.participants * passed
    found = [] if len(mails) == wanted else [f"{len(mails)} seller mails, {wanted} were expected"]
    return found + ([] if not mails else _disagreement(doors, mails[-1]))


def _disagreement(doors: Doors, mail: mailbox.Mail) -> list[str]:
    with mail.file.open("rb") as content:
        parsed = BytesParser(EmailMessage, policy=policy.default).parse(content)
    text = str(parsed.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    said = re.search(r"(\d+)% of your collaboration was external", text)
    token = issuer.issue(doors.home, issuer.Holder(("seller",), email=str(parsed["To"])))
    answer = httpx.get(
        f"{doors.described['progress']}/v1/me/insights",
        params={"period": mail.period},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    ).json()
    shown = answer["collaboration"]["external"]["percent"]
    if said is None or int(said[1]) != shown:
        return [f"the mail to {parsed['To']} and the page differ: {said and said[1]}, {shown}"]
    return []


def personas(company: Company) -> list[dict[str, str]]:
    """Sellers to sign in as."""
    people = {one.data.get("person_id"): one.data for one in company.directory()}
    addresses = [company.seller(number) for number in range(SELLERS)]
    return [{"email": one, "name": people[one]["name"]} for one in addresses]


def summary(doors: Doors, sold: Sold, mails: list[mailbox.Mail]) -> list[str]:
    """What was played, and where to look."""
    months = Counter(mail.period for mail in mails)
    counted = ", ".join(f"{period} {months[period]}" for period in sorted(months))
    portal = doors.described["progress"]
    return [
        f"Sellers: {sold.participants} in {len(sold.plans)} seller plans; mails by month: "
        + (counted or "none yet"),
        f"  a seller's own page (sign in as one of the sellers):  {portal}/seller",
        f"  questions and answers:  {portal}/questions",
    ]
