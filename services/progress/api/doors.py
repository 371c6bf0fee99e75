"""What the doors share: who may see which plan, and reading moments and cursors."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic_core import PydanticCustomError

from services.progress.completeness import Completeness
from services.progress.domain.sheet import KnownPlan, Moment
from services.progress.handlers import ask
from shared.events.values import moment_of
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.postgres.pool import Connection, Pool
from shared.web.auth import Principal, require
from shared.web.paging import MAX_LIMIT, decode_cursor
from shared.web.problems import Problem

SUPPLIER: Final = ("administrator", "channel_manager")
PARTNER: Final = ("partner_admin", "partner_member")

Reader = Annotated[
    Principal,
    Depends(require("administrator", "channel_manager", "partner_admin", "partner_member")),
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LOST_PLUS: Final = re.compile(r" (?=\d\d:\d\d$)")
"""A plus before an offset that came unescaped, and so as a space."""


@dataclass(frozen=True)
class Desk:
    """What the doors work with."""

    pool: Pool
    clock: Clock
    zone: ZoneInfo
    completeness: Completeness

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection on which all that is read belongs together."""
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    def moment(self, at: str | None, known_at: str | None) -> Moment:
        """What a figure is asked for. Raises a 422 problem naming what is no moment."""
        now = self.clock.now()
        told_at = now if at is None else self._end_of_day(at) or read_moment("at", at)
        known = None if known_at is None else read_moment("known_at", known_at)
        return _in_zone(Moment(told_at, known, now, self.zone))

    def _end_of_day(self, text: str) -> datetime | None:
        """The last second of a day of the organization's; None for what is no plain day."""
        try:
            if _DAY.fullmatch(text) is None:
                return None
            end = datetime.combine(date.fromisoformat(text), time(23, 59, 59), self.zone)
            return end.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def _in_zone(moment: Moment) -> Moment:
    try:
        _ = moment.day
    except OverflowError:
        raise Problem.at("/at", "has no day in the organization's time zone") from None
    return moment


def read_moment(name: str, text: str) -> datetime:
    """A query parameter as an RFC 3339 time. Raises a 422 problem naming it."""
    try:
        return moment_of(_LOST_PLUS.sub("+", text))
    except PydanticCustomError as refusal:
        raise Problem.at(f"/{name}", refusal.message()) from None


async def known_plan(
    connection: Connection, plan_id: str, who: Principal, moment: Moment
) -> KnownPlan:
    """The plan of a path, as known at a moment. 404 unless it was there and `who` may see it."""
    found = parse_id(plan_id)
    known = await ask.find_known(connection, [UUID(found)], moment) if found else {}
    plan = known.get(UUID(found)) if found else None
    if plan is None or not may_see(who, plan, moment):
        raise Problem(404, "No such plan")
    return plan


def may_see(who: Principal, known: KnownPlan, moment: Moment) -> bool:
    """The supplier sees every plan; a partner its own, once they have begun."""
    if who.has(*SUPPLIER):
        return True
    own = who.partner_id is not None and who.partner_id == known.plan.partner_id
    return own and moment.today >= known.strategy.start_date


def day_and_text(cursor: str | None) -> tuple[date, str] | None:
    """The keys of a cursor that holds a day and a text. Raises a 422 problem."""
    if cursor is None:
        return None
    day, text = decode_cursor(cursor, 2)
    return day_of(day), text_of(text)


def day_of(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Problem.at("/cursor", "is no cursor of this list") from None


def text_of(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise Problem.at("/cursor", "is no cursor of this list")
    return value
