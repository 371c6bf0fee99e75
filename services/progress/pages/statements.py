"""What the monthly mails said of a plan, and what they would say by what is known since."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.progress.api.doors import Desk
from services.progress.domain.sheet import KnownPlan, Moment
from services.progress.handlers.correct import list_sent
from services.progress.pages.reading import AsOf, PlanView, read_menu, read_plan
from shared.kernel.ids import parse_id
from shared.web.auth import Principal
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.session import require_page

MOST_STATEMENTS: Final = 24
"""A plan year has thirteen dues at most."""
Supplier = Annotated[Principal, Depends(require_page("administrator", "channel_manager"))]
Partner = Annotated[Principal, Depends(require_page("partner_admin", "partner_member"))]


@dataclass(frozen=True)
class StatementView:
    """One statement of a plan, as it went out or by what is known since."""

    plan: PlanView
    sent: dict[str, Any]
    current: bool
    """Whether it is shown by what is known since."""
    day: date
    """The last day that counted."""


async def read_statements(desk: Desk, known: KnownPlan) -> list[dict[str, Any]]:
    """A plan's statements that went out, the latest first, each with its corrections."""
    now = desk.clock.now()
    async with desk.reading() as connection:
        return await list_sent(
            connection, known, Moment(now, None, now, desk.zone), after=None, limit=MOST_STATEMENTS
        )


async def _read(
    desk: Desk, plan_id: str, tick_id: str, who: Principal, *, current: bool
) -> StatementView:
    now = desk.clock.now()
    latest = await read_plan(desk, plan_id, who, AsOf(Moment(now, None, now, desk.zone), None))
    sent = await read_statements(desk, latest.known)
    wanted = parse_id(tick_id)
    found = next((one for one in sent if one["tick_id"] == wanted), None)
    if found is None:
        raise Problem(404, "No such statement")
    due_at = datetime.fromisoformat(found["due_at"])
    told = Moment(due_at, None if current else due_at, now, desk.zone)
    view = await read_plan(desk, plan_id, who, AsOf(told, told.day))
    return StatementView(view, found, current, told.day)


def statement_pages(desk: Desk, pages: Pages) -> APIRouter:
    """A plan's statements, for the supplier and for each partner its own."""
    router = APIRouter(include_in_schema=False)

    @router.get("/progress/plans/{plan_id}/statements/{tick_id}")
    async def statement(request: Request, plan_id: str, tick_id: str, who: Supplier) -> Response:
        """What a mail said; `?version=2` is what it would say by what is known since."""
        found = await _read(desk, plan_id, tick_id, who, current=_current(request))
        return pages.render(request, "statement.html", found=found, view=found.plan)

    @router.get("/portal/plans/{plan_id}/statements/{tick_id}")
    async def own(request: Request, plan_id: str, tick_id: str, who: Partner) -> Response:
        """The same of a partner's own plan."""
        found = await _read(desk, plan_id, tick_id, who, current=_current(request))
        return pages.render(
            request,
            "portal_statement.html",
            found=found,
            view=found.plan,
            menu=await read_menu(desk),
        )

    return router


def _current(request: Request) -> bool:
    return request.query_params.get("version") == "2"
