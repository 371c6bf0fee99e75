"""The stack's mailbox, as a folder of `.eml` files."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import NamedTuple

from shared.kernel.period import Due


class Mail(NamedTuple):
    """What the demo wants to know of a mail."""

    file: Path
    plan_id: str
    period: str
    subject: str


def read(folder: Path, plan_ids: Iterable[str]) -> list[Mail]:
    """The progress mails of some plans, in the order in which they came in."""
    wanted = set(plan_ids)
    mails = (_read(file) for file in sorted(folder.glob("*.eml")))
    return [mail for mail in mails if mail.plan_id in wanted]


def _read(file: Path) -> Mail:
    with file.open("rb") as content:
        parsed = BytesParser(EmailMessage, policy=policy.default).parse(content, headersonly=True)
    plan, period = (str(parsed.get(f"X-Milepost-{name}", "")) for name in ("Plan", "Period"))
    return Mail(file, plan, period, str(parsed.get("Subject", "")))


def expected(
    dues: Iterable[Due], until: datetime, plans: Iterable[tuple[datetime, int]]
) -> Counter[str]:
    """Period → how many mails, given each plan's making and the number of its admins.

    Dues from before a plan existed are not made up for (success plan rule 8).
    """
    counts: Counter[str] = Counter()
    known = list(dues)
    for created_at, number in plans:
        for due in known:
            if created_at < due.at <= until:
                counts[due.period] += number
    return counts
