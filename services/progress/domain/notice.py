"""The statement of a due tick: who is told, and what, both as of the due time."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import orjson

from services.progress.domain.sheet import Figures, KnownPlan, Moment, sheet_of
from services.progress.domain.told import Tick
from shared.events.envelope import stamp


class Rendered(NamedTuple):
    """A statement as it is kept, and whether it names anybody to be told."""

    body: bytes
    went_out: bool


class User(msgspec.Struct):
    email: str
    role: str
    name: str | None = None
    locale: str | None = None


class Partner(msgspec.Struct):
    """What a partner's record says about who gets its mails."""

    users: list[User] = []
    active: bool = True


def read_partner(body: str) -> Partner:
    """A partner from its record's body, which was examined when it was accepted."""
    return msgspec.json.decode(body, type=Partner)


def statement_of(
    tick: Tick,
    known: KnownPlan | None,
    partner: Partner | None,
    figures: Figures,
    corrections: Sequence[Mapping[str, Any]],
    moment: Moment,
) -> Rendered:
    """The statement as JSON: the same bytes for the same facts."""
    recipients, reason = _recipients(known, partner)
    body = orjson.dumps(
        {
            "tick_id": str(tick.tick_id),
            "plan_id": str(tick.plan_id),
            "period": tick.period,
            "due_at": stamp(tick.due_at),
            "strategy_name": known.strategy.name if known else "",
            "recipients": recipients,
            "reason": reason,
            "progress": sheet_of(known, figures, moment, tick.due_at) if known else None,
            "corrections": corrections,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    return Rendered(body, bool(recipients))


def _recipients(
    known: KnownPlan | None, partner: Partner | None
) -> tuple[list[Mapping[str, Any]], str | None]:
    if known is None:
        return [], "no_plan"
    if partner is None:
        return [], "unknown_partner"
    if not partner.active:
        return [], "inactive_partner"
    admins: dict[str, User] = {}
    for user in partner.users:
        if user.role == "admin":
            admins.setdefault(user.email.lower(), user)
    if not admins:
        return [], "no_recipients"
    return [recipient(user.email, user.name, user.locale) for user in admins.values()], None


def recipient(email: str, name: str | None, locale: str | None) -> Mapping[str, Any]:
    """Somebody a statement goes to; the language is left out where none is known."""
    told = {"email": email, "name": name}
    return told if locale is None else {**told, "locale": locale}


def assemble(statements: Mapping[UUID, bytes], wanted: list[UUID]) -> bytes:
    """The answer for ticks, from statements that are never taken apart again."""
    return b'{"statements":[' + b",".join(statements[one] for one in wanted) + b"]}"
