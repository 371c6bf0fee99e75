"""What the pages read: the API's own answers, for a visitor instead of a program."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from services.progress.api.doors import Desk, known_plan, may_see
from services.progress.domain.goal import Scope
from services.progress.domain.sheet import KnownPlan, Moment, head_of, scope_of, sheet_of
from services.progress.handlers import ask
from services.progress.handlers.take import FOREVER
from services.progress.store import pages as store
from services.progress.store import plans, portal_pages
from shared.kernel.ids import parse_id
from shared.postgres.pool import Connection
from shared.web.auth import Principal
from shared.web.paging import decode_cursor, encode_cursor
from shared.web.problems import Problem

MOST_PLANS: Final = 50
MOST_RECORDS: Final = 100
"""More would make a page of over 100 kB; the others are on the pages that follow."""
LONGEST_RECORD: Final = 500
MOST_STEPS: Final = 10_000


@dataclass(frozen=True)
class AsOf:
    """The day that a visitor asked to see, from `?at=YYYY-MM-DD`; none means today."""

    moment: Moment
    chosen: date | None

    @property
    def day(self) -> date:
        return self.moment.day


def as_of(desk: Desk, request: Request) -> AsOf:
    """Which day a page is to show. What is no day, or lies ahead, means today."""
    now = desk.clock.now()
    try:
        chosen = date.fromisoformat(request.query_params.get("at", ""))
        at = datetime.combine(chosen, time(23, 59, 59), desk.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return AsOf(Moment(now, None, now, desk.zone), None)
    if at >= now:
        return AsOf(Moment(now, None, now, desk.zone), None)
    return AsOf(Moment(at, None, now, desk.zone), chosen)


@dataclass(frozen=True)
class PlanView:
    """A plan's progress and what stands around it on a page."""

    known: KnownPlan
    sheet: dict[str, Any]
    partner_name: str
    others: list[dict[str, Any]]
    """The partner's plans that the visitor may see, this one among them."""

    @property
    def quarter_starts(self) -> list[date]:
        return self.known.strategy.quarter_starts


async def read_plan(desk: Desk, plan_id: str, who: Principal, shown: AsOf) -> PlanView:
    """A plan for its page. Raises a 404 problem as the API does."""
    complete_to = await desk.completeness.complete_to()
    async with desk.reading() as connection:
        known = await known_plan(connection, plan_id, who, shown.moment)
        found = await ask.find_figures(connection, [known], shown.moment)
        partner_id = known.plan.partner_id
        name = await store.name_partner(connection, partner_id) or partner_id
        ids = await plans.list_plans_of_partner(connection, partner_id)
        every = await ask.find_known(connection, ids[:MOST_PLANS], shown.moment)
    seen = [every[one] for one in ids if one in every and may_see(who, every[one], shown.moment)]
    return PlanView(
        known,
        sheet_of(known, found, shown.moment, complete_to),
        name,
        [head_of(one, shown.day) for one in seen],
    )


async def read_partner(
    desk: Desk, partner_id: str, who: Principal, shown: AsOf
) -> tuple[str, list[dict[str, Any]]]:
    """A partner's name and its plans with their progress. Raises a 404 problem."""
    complete_to = await desk.completeness.complete_to()
    if "\x00" in partner_id:
        raise Problem(404, "No such partner")
    async with desk.reading() as connection:
        name = await store.name_partner(connection, partner_id)
        ids = await plans.list_plans_of_partner(connection, partner_id)
        if name is None and not ids:
            raise Problem(404, "No such partner")
        known = await ask.find_known(connection, ids[:MOST_PLANS], shown.moment)
        seen = [known[i] for i in ids if i in known and may_see(who, known[i], shown.moment)]
        found = await ask.find_figures(connection, seen, shown.moment)
    sheets = [sheet_of(one, found, shown.moment, complete_to) for one in seen]
    return name or partner_id, sheets


async def read_current(desk: Desk, who: Principal, shown: AsOf) -> PlanView | None:
    """A partner's plan that is under way, or its latest one; None where it has none to see."""
    if who.partner_id is None:
        return None
    try:
        _, sheets = await read_partner(desk, who.partner_id, who, shown)
    except Problem:
        return None
    under_way = (sheet for sheet in sheets if sheet["status"] == "in_progress")
    found = next(under_way, sheets[0] if sheets else None)
    return await read_plan(desk, found["plan_id"], who, shown) if found else None


async def read_menu(desk: Desk) -> list[dict[str, Any]]:
    """The supplier's own pages, for the portal's navigation."""
    async with desk.reading() as connection:
        return await portal_pages.list_navigation(connection)


@dataclass(frozen=True)
class Asked:
    """A record that somebody asked about by its name, and what the goal says to it."""

    record: str
    verdict: dict[str, Any] | None
    """None for what is no record of the partner's."""


@dataclass(frozen=True)
class GoalView:
    """One goal of a plan: its figures, what makes them up, and records' verdicts."""

    plan: PlanView
    goal: dict[str, Any]
    steps: list[tuple[str, str]]
    records: list[dict[str, Any]]
    older: str | None
    """The cursor of the records after these."""
    paged: bool
    """Whether these are not the latest ones."""
    asked: Asked | None


async def read_goal(
    desk: Desk, plan_id: str, goal_id: str, who: Principal, shown: AsOf, request: Request
) -> GoalView:
    """Why a goal stands where it stands; `?record=` is asked about, `?cursor=` pages its records.

    Raises a 404 problem, and a 422 problem for what is no cursor.
    """
    after = _after(request.query_params.get("cursor"))
    view = await read_plan(desk, plan_id, who, shown)
    wanted = parse_id(goal_id) or ""
    goal = view.known.goal(wanted)
    if goal is None:
        raise Problem(404, "No such goal")
    scope = scope_of([view.known])
    own = Scope(scope.plans, [one for one in scope.goals if one.goal_id == UUID(wanted)])
    async with desk.reading() as connection:
        counted = await ask.list_contributions(
            connection, view.known, goal, shown.moment, after=None, limit=MOST_STEPS
        )
        records = await store.list_records(
            connection, own, FOREVER, shown.day, after=after, limit=MOST_RECORDS + 1
        )
        record = request.query_params.get("record", "")
        asked = await _judge(connection, view.known, wanted, shown, record)
    every = [one for group in view.sheet["goal_groups"] for one in group["goals"]]
    return GoalView(
        view,
        next(one for one in every if one["goal_id"] == wanted),
        [(one["day"], one["amount"]) for one in counted],
        records[:MOST_RECORDS],
        _cursor(records[MOST_RECORDS - 1]) if len(records) > MOST_RECORDS else None,
        after != (None, None),
        asked,
    )


def _cursor(record: dict[str, Any]) -> str:
    return encode_cursor([(record["day"] or date.min).isoformat(), record["record_id"]])


def _after(cursor: str | None) -> tuple[date | None, str | None]:
    if not cursor:
        return None, None
    day, record_id = decode_cursor(cursor, 2)
    try:
        return date.fromisoformat(day), str(record_id).replace("\x00", "")
    except (TypeError, ValueError):
        raise Problem.at("/cursor", "is no cursor of this list") from None


async def _judge(
    connection: Connection, known: KnownPlan, goal_id: str, shown: AsOf, record: str
) -> Asked | None:
    record = record.replace("\x00", "").strip()[:LONGEST_RECORD]
    if not record:
        return None
    verdicts = await ask.judge(connection, known, record, shown.moment) or []
    mine = (one for one in verdicts if one["goal_id"] == goal_id)
    return Asked(record, next(mine, None))
