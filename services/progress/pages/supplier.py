"""The supplier's pages: partners' accounts, plans' progress, and why a figure is what it is."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.progress.api.doors import Desk
from services.progress.pages.reading import as_of, read_goal, read_partner, read_plan
from services.progress.pages.statements import read_statements
from services.progress.store import pages as store
from shared.web.auth import Principal
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.paging import decode_cursor, encode_cursor
from shared.web.problems import Problem
from shared.web.session import require_page

ROWS: Final = 50
PARTNER_COLUMNS: Final = [
    Column("name", "Partner"),
    Column("id", "Id", whole=True),
    Column("plans", "Success Plans", align="end"),
]
Supplier = Annotated[Principal, Depends(require_page("administrator", "channel_manager"))]


def supplier_pages(desk: Desk, pages: Pages) -> APIRouter:
    """Partner Explorer, a partner's account, and a plan's progress down to the record."""
    router = APIRouter(include_in_schema=False)

    @router.get("/partners")
    async def partners(request: Request, _who: Supplier) -> Response:
        """Every partner, by name."""
        listing = Listing(request, filters=("q",))
        after = decode_cursor(listing.cursor, 2) if listing.cursor else (None, None)
        if any(key is not None and not isinstance(key, str) for key in after):
            raise Problem.at("/cursor", "is no cursor of this list")
        search = listing.filters.get("q", "").replace("\x00", "")
        async with desk.reading() as connection:
            found = await store.list_partners(connection, search, after, ROWS + 1)
        last = found[ROWS - 1] if len(found) > ROWS else None
        return pages.render(
            request,
            "partners.html",
            listing=listing,
            columns=PARTNER_COLUMNS,
            partners=found[:ROWS],
            next=encode_cursor([last["name"], last["partner_id"]]) if last else None,
        )

    @router.get("/partners/{partner_id:path}")
    async def partner(request: Request, partner_id: str, who: Supplier) -> Response:
        """A partner's account: its Success Plans."""
        shown = as_of(desk, request)
        name, sheets = await read_partner(desk, partner_id, who, shown)
        return pages.render(
            request, "partner.html", partner_id=partner_id, name=name, sheets=sheets, shown=shown
        )

    @router.get("/progress/plans/{plan_id}")
    async def plan(request: Request, plan_id: str, who: Supplier) -> Response:
        """A plan's progress, by year or by quarter, as of any day."""
        shown = as_of(desk, request)
        view = await read_plan(desk, plan_id, who, shown)
        quarterly = request.query_params.get("view") == "quarters"
        return pages.render(
            request,
            "plan.html",
            view=view,
            shown=shown,
            quarterly=quarterly,
            statements=await read_statements(desk, view.known),
        )

    @router.get("/progress/plans/{plan_id}/goals/{goal_id}")
    async def goal(request: Request, plan_id: str, goal_id: str, who: Supplier) -> Response:
        """Why this number: every record of the goal's kind, counted or not and why."""
        shown = as_of(desk, request)
        found = await read_goal(desk, plan_id, goal_id, who, shown, request)
        return pages.render(request, "goal.html", found=found, view=found.plan, shown=shown)

    return router
