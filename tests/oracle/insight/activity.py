"""One collaboration: who was there, whether it counts, what of a person's time it takes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from tests.oracle.insight.rules import Rules
from tests.oracle.ledger import Data

ORGANIZER, ACCEPTED, TENTATIVE, NONE, DECLINED = range(1, 6)
RESPONSES = {"accepted": ACCEPTED, "tentative": TENTATIVE, "none": NONE, "declined": DECLINED}


@dataclass(frozen=True)
class Presence:
    """Somebody who was there."""

    likelihood: int
    is_sender: bool
    joined_at: datetime | None
    left_at: datetime | None
    messages: int


@dataclass(frozen=True)
class Activity:
    """A collaboration that counts."""

    activity_id: str
    kind: str
    starts: datetime
    ends: datetime
    chat_id: str | None
    there: dict[str, Presence]

    @property
    def messages(self) -> int:
        return sum(presence.messages for presence in self.there.values())

    def others(self, person: str) -> list[str]:
        return [address for address in self.there if address != person]

    def interval(self, person: str) -> tuple[datetime, datetime]:
        """A meeting as booked; a call from the person's joining to its leaving."""
        presence = self.there[person]
        if self.kind == "meeting":
            return self.starts, self.ends
        return presence.joined_at or self.starts, presence.left_at or self.ends


def read(data: Data, rules: Rules) -> Activity | None:
    """The activity that an interaction's data describes; None for one that is excluded."""
    there = _there(data["participants"])
    starts = moment(data["started_at"])
    ends = moment(data["ended_at"]) if data.get("ended_at") else starts
    if data.get("cancelled") or not 2 <= len(there) < rules.too_many_people:
        return None
    if data["kind"] in ("meeting", "call") and not timedelta(0) < ends - starts < rules.too_long:
        return None
    chat_id = data.get("chat_id")
    return Activity(data["interaction_id"], data["kind"], starts, ends, chat_id, there)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _there(participants: Iterable[Data]) -> dict[str, Presence]:
    """Everybody who organized it or did not decline, each address once."""
    listed: dict[str, list[Data]] = {}
    for one in participants:
        listed.setdefault(one["address"].strip().lower(), []).append(one)
    merged = {address: _merged(entries) for address, entries in listed.items()}
    return {address: one for address, one in merged.items() if one.likelihood != DECLINED}


def _merged(entries: list[Data]) -> Presence:
    """The strongest role and the best response of all that is said of an address."""
    roles = {one["role"] for one in entries}
    response = min(RESPONSES[one.get("response") or "none"] for one in entries)
    joined = [moment(one["joined_at"]) for one in entries if one.get("joined_at")]
    left = [moment(one["left_at"]) for one in entries if one.get("left_at")]
    written = [one["messages"] for one in entries if one.get("messages") is not None]
    is_sender = "sender" in roles
    return Presence(
        likelihood=ORGANIZER if "organizer" in roles else response,
        is_sender=is_sender,
        joined_at=min(joined, default=None),
        left_at=max(left, default=None),
        messages=sum(written) if written else int(is_sender),
    )


def seconds_of(person: str, activities: list[Activity], rules: Rules) -> dict[str, Fraction]:
    """The person's seconds in each of the activities it took part in, by activity id."""
    spent = _spoken(person, [one for one in activities if one.kind in ("meeting", "call")])
    spent |= _mailed(person, [one for one in activities if one.kind == "email"], rules)
    for chat in (one for one in activities if one.kind == "chat"):
        own = chat.there[person].messages
        others = chat.messages - own
        spent[chat.activity_id] = Fraction(own * rules.chat_own + others * rules.chat_others)
    return spent


def _spoken(person: str, activities: list[Activity]) -> dict[str, Fraction]:
    """Meetings and calls: each second goes to the one that was most likely attended."""
    spent = {one.activity_id: Fraction(0) for one in activities}
    bounds = sorted({bound for one in activities for bound in one.interval(person)})

    def preference(one: Activity) -> tuple[int, int, datetime, str]:
        starts, _ = one.interval(person)
        return one.there[person].likelihood, len(one.there), starts, one.activity_id

    for begin, end in pairwise(bounds):
        running = [
            one
            for one in activities
            if one.interval(person)[0] <= begin and end <= one.interval(person)[1]
        ]
        if running:
            spent[min(running, key=preference).activity_id] += _seconds(end - begin)
    return spent


def _mailed(person: str, emails: list[Activity], rules: Rules) -> dict[str, Fraction]:
    """Emails: so long for sending and reading, but no longer than until the next one."""
    spent = {}
    in_order = sorted(emails, key=lambda one: (one.starts, one.activity_id))
    for at, email in enumerate(in_order):
        sent = email.there[person].is_sender
        seconds = Fraction(rules.email_sent if sent else rules.email_received)
        if at + 1 < len(in_order):
            seconds = min(seconds, _seconds(in_order[at + 1].starts - email.starts))
        spent[email.activity_id] = seconds
    return spent


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)
