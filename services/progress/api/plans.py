"""The doors to plans' progress, and to why it is what it is."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic_core import PydanticCustomError

from services.progress.api.doors import (
    SUPPLIER,
    Desk,
    Limit,
    Reader,
    day_and_text,
    known_plan,
    may_see,
    text_of,
)
from services.progress.domain.sheet import KnownPlan, sheet_of
from services.progress.handlers import ask
from services.progress.handlers.correct import list_sent
from services.progress.store import plans
from shared.events.values import moment_of
from shared.kernel.ids import parse_id
from shared.web.auth import Principal
from shared.web.paging import DEFAULT_LIMIT, decode_cursor, page
from shared.web.problems import Problem

At = Annotated[str | None, Query(description="days up to and including this moment's count")]
KnownAt = Annotated[str | None, Query(description="what was accepted by this moment counts")]


def plans_router(desk: Desk) -> APIRouter:
    """What plans stand at, for the supplier and for each partner its own."""
    router = APIRouter(prefix="/v1", tags=["progress"])

    @router.get("/plans/{plan_id}/progress")
    async def show_progress(
        plan_id: str, who: Reader, at: At = None, known_at: KnownAt = None
    ) -> dict[str, Any]:
        """A plan's goals, their values against their targets, by quarter."""
        moment = desk.moment(at, known_at)
        complete_to = await desk.completeness.complete_to()
        async with desk.reading() as connection:
            known = await known_plan(connection, plan_id, who, moment)
            found = await ask.find_figures(connection, [known], moment)
        return sheet_of(known, found, moment, complete_to)

    @router.get("/partners/{partner_id}/plans")
    async def list_partner_plans(
        partner_id: str,
        who: Reader,
        at: At = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A partner's plans with their progress, the latest year first."""
        moment = desk.moment(at, None)
        after = day_and_text(cursor)
        _refuse_foreign(who, partner_id)
        complete_to = await desk.completeness.complete_to()
        async with desk.reading() as connection:
            ids = await plans.list_plans_of_partner(connection, partner_id)
            if not ids and not await plans.is_partner_heard_of(connection, partner_id):
                raise Problem(404, "No such partner")
            known = await ask.find_known(connection, ids, moment)
            shown = [known[one] for one in ids if one in known and may_see(who, known[one], moment)]
            shown = [one for one in shown if after is None or _comes_after(one, after)]
            found = await ask.find_figures(connection, shown[: limit + 1], moment)
        items = [sheet_of(one, found, moment, complete_to) for one in shown[: limit + 1]]
        return page(items, limit, lambda item: [item["start_date"], item["plan_id"]])

    return router


def _refuse_foreign(who: Principal, partner_id: str) -> None:
    if "\x00" in partner_id or not (who.has(*SUPPLIER) or who.partner_id == partner_id):
        raise Problem(404, "No such partner")


def _comes_after(known: KnownPlan, after: tuple[Any, str]) -> bool:
    start, plan_id = known.strategy.start_date, known.plan.plan_id
    return start < after[0] or (start == after[0] and plan_id > after[1])


def explanations_router(desk: Desk) -> APIRouter:
    """Why a figure is what it is, down to the record."""
    router = APIRouter(prefix="/v1", tags=["explanations"])

    @router.get("/plans/{plan_id}/goals/{goal_id}/contributions")
    async def list_contributions(
        plan_id: str,
        goal_id: str,
        who: Reader,
        at: At = None,
        known_at: KnownAt = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """What makes up a goal's value: their sum is the value."""
        moment = desk.moment(at, known_at)
        after = day_and_text(cursor)
        async with desk.reading() as connection:
            known = await known_plan(connection, plan_id, who, moment)
            goal = known.goal(parse_id(goal_id) or "")
            if goal is None:
                raise Problem(404, "No such goal")
            items = await ask.list_contributions(
                connection, known, goal, moment, after=after, limit=limit + 1
            )
        return page(items, limit, lambda item: [item["day"], item["record"]])

    @router.get("/plans/{plan_id}/verdicts")
    async def list_verdicts(
        plan_id: str,
        record: Annotated[str, Query(description="such as deal/d1", max_length=1000)],
        who: Reader,
        at: At = None,
        known_at: KnownAt = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """What each goal of a plan says to one record: it counts, or it does not and why."""
        moment = desk.moment(at, known_at)
        after = day_and_text(cursor)
        async with desk.reading() as connection:
            known = await known_plan(connection, plan_id, who, moment)
            items = None if "\x00" in record else await ask.judge(connection, known, record, moment)
        if items is None:
            raise Problem(404, "No such record of this partner")
        begin = _place_after(items, after[1]) if after else 0
        start = known.strategy.start_date.isoformat()
        return page(items[begin : begin + limit + 1], limit, lambda item: [start, item["goal_id"]])

    return router


def sent_router(desk: Desk) -> APIRouter:
    """What was told of a plan by mail, and what of it is otherwise by now."""
    router = APIRouter(prefix="/v1", tags=["progress"])

    @router.get("/plans/{plan_id}/statements")
    async def list_statements(
        plan_id: str, who: Reader, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> dict[str, Any]:
        """A plan's statements that went out, the latest first, each with its corrections.

        What one said: the plan's progress `at` and `known_at` its due time. What it says by now:
        the same `at`.
        """
        moment = desk.moment(None, None)
        after = _due_and_tick(cursor)
        async with desk.reading() as connection:
            known = await known_plan(connection, plan_id, who, moment)
            items = await list_sent(connection, known, moment, after=after, limit=limit + 1)
        return page(items, limit, lambda item: [item["due_at"], item["tick_id"]])

    return router


def _due_and_tick(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    due_at, tick_id = decode_cursor(cursor, 2)
    try:
        return moment_of(text_of(due_at)), UUID(text_of(tick_id))
    except (PydanticCustomError, ValueError):
        raise Problem.at("/cursor", "is no cursor of this list") from None


def _place_after(items: list[dict[str, Any]], goal_id: str) -> int:
    ids = [item["goal_id"] for item in items]
    return ids.index(goal_id) + 1 if goal_id in ids else len(ids)
