"""A delivery: its identity, its states, and what an attempt's outcome makes of it."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final, assert_never

from services.notifier.domain.backoff import Backoff
from shared.kernel.ids import named_id

PARTNER_PROGRESS: Final = "partner_progress"
"""The stream of monthly progress mails to partners."""
SELLER_INSIGHTS: Final = "seller_insights"
"""The stream of sellers' own insights: private, so that nothing of it is kept."""


class State(StrEnum):
    """Where a delivery stands; README.md draws the transitions."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


_ANSWER: Final = re.compile(r"(?:^|: )([2345]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?)\b")
"""How the words of an outcome begin where the mail server answered: its codes."""
ENDINGS: Final = frozenset({State.ACCEPTED, State.FAILED, State.SUPPRESSED})


class UnknownPolicy(StrEnum):
    """What becomes of a mail that may or may not have arrived, where no archive can say."""

    HOLD = "hold"
    RESEND = "resend"


def delivery_id(stream: str, plan_id: str, period: str, recipient: str) -> str:
    """The one id of what is due to a recipient: a second tick or run names the same delivery."""
    return named_id("delivery", stream, plan_id, period, recipient)


def message_id(delivery: str, domain: str) -> str:
    """The Message-ID of a delivery, the same on every try."""
    return f"<{delivery}@{domain}>"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The mail server took the message over."""

    queue_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail server, or a check before it, refused the message for good."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The message was certainly not taken over; a later try may succeed."""

    reason: str
    about_pace: bool = False
    """Whether the recipient's domain asks for slower mails, and not this one's mailbox."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The whole message may have gone out and no answer came (RFC 1047's gap)."""

    reason: str


Outcome = Accepted | Refused | Deferred | Uncertain


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to write down about an attempt: the next state, and after how long to try again."""

    state: State
    queue_id: str | None = None
    error: str | None = None
    retry_after: timedelta = timedelta()
    about_pace: bool = False


def settle(outcome: Outcome, *, delivery: str, attempt: int, backoff: Backoff) -> Settlement:
    """What an attempt's outcome makes of its delivery."""
    match outcome:
        case Accepted(queue_id):
            return Settlement(State.ACCEPTED, queue_id=queue_id)
        case Refused(reason):
            return Settlement(State.FAILED, error=reason)
        case Uncertain(reason):
            return Settlement(State.UNKNOWN, error=reason)
        case Deferred(reason, about_pace) if backoff.is_spent(attempt):
            return Settlement(State.FAILED, error=f"given up: {reason}", about_pace=about_pace)
        case Deferred(reason, about_pace):
            pause = backoff.spread(attempt, delivery)
            return Settlement(State.PLANNED, None, reason, pause, about_pace)
        case _:
            assert_never(outcome)


def impersonal(settlement: Settlement) -> Settlement:
    """The settlement without the mail server's words, which may quote whom it is about.

    What is left is the codes of its answer, or what we say ourselves.
    """
    error = settlement.error
    return replace(settlement, error=None if error is None else without_words(error))


def without_words(error: str) -> str:
    """Why a mail did not go out, without what the mail server said beside its codes."""
    answer = _ANSWER.search(error)
    return f"the mail server answered {answer[1]}" if answer else error.partition(": ")[0]


@dataclass(frozen=True, slots=True)
class Doubt:
    """An unknown delivery as its resolution sees it: how long ago, and what the archive says."""

    age: timedelta
    archived: bool | None
    """None: there is no archive, or it cannot be read."""


def resolve(
    doubt: Doubt, *, policy: UnknownPolicy, settle_time: timedelta, wait: timedelta
) -> State | None:
    """What becomes of a delivery in doubt: accepted, planned (send again) or None (wait).

    An archive's yes counts at once, its no after `settle_time`, in which a slow server may still
    be filing the mail. Without an archive the policy decides after `wait`.
    """
    if doubt.archived:
        return State.ACCEPTED
    if doubt.archived is False:
        return State.PLANNED if doubt.age >= settle_time else None
    if policy is UnknownPolicy.RESEND and doubt.age >= wait:
        return State.PLANNED
    return None
