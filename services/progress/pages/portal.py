"""The partners' portal: their plans, where they stand, and registering a lead."""

from typing import Annotated, Any, Final

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.progress.api.doors import Desk
from services.progress.pages.reading import PlanView, as_of, read_goal, read_partner, read_plan
from shared.web.auth import Principal
from shared.web.pages.forms import Form, nested
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.session import require_page, sessions_of

LEAD_LABELS: Final = {"name": "Name", "email": "Email", "captured_on": "Day"}
TIMEOUT_S: Final = 10.0
Partner = Annotated[Principal, Depends(require_page("partner_admin", "partner_member"))]


def portal_pages(desk: Desk, pages: Pages) -> APIRouter:
    """A partner's own plans, to read."""
    router = APIRouter(include_in_schema=False)

    @router.get("/portal")
    async def portal(request: Request, who: Partner) -> Response:
        """The way in: the plan that is under way, or the latest one."""
        found = await _current_plan(desk, request, who)
        if found is None:
            return pages.render(request, "portal_empty.html")
        return RedirectResponse(f"/portal/plans/{found}", 303)

    @router.get("/portal/plans/{plan_id}")
    async def plan(request: Request, plan_id: str, who: Partner) -> Response:
        """One plan, by year or by quarter."""
        view = await read_plan(desk, plan_id, who, as_of(desk, request))
        return _show(pages, request, view, Form(labels=LEAD_LABELS))

    @router.get("/portal/plans/{plan_id}/figures")
    async def figures(request: Request, plan_id: str, who: Partner) -> Response:
        """The goals alone: what a page that is open brings up to date."""
        view = await read_plan(desk, plan_id, who, as_of(desk, request))
        part = "parts/figures.html"
        text = pages.text(request, part, view=view, quarterly=_quarterly(request), base="/portal")
        return Response(text, media_type="text/html", headers={"Cache-Control": "no-store"})

    @router.get("/portal/plans/{plan_id}/goals/{goal_id}")
    async def goal(request: Request, plan_id: str, goal_id: str, who: Partner) -> Response:
        """What makes up a figure."""
        shown = as_of(desk, request)
        found = await read_goal(desk, plan_id, goal_id, who, shown)
        return pages.render(request, "portal_goal.html", found=found, view=found.plan, shown=shown)

    return router


def lead_pages(desk: Desk, pages: Pages, ingest_url: str) -> APIRouter:
    """Registering leads on a plan; `ingest_url` is where they go."""
    router = APIRouter(include_in_schema=False)

    @router.post("/portal/plans/{plan_id}/leads")
    async def register_lead(request: Request, plan_id: str, who: Partner) -> Response:
        """Register a lead; the goal that counts it moves as soon as it has been heard."""
        view = await read_plan(desk, plan_id, who, as_of(desk, request))
        values = nested(await request.form())
        body = {name: values.get(name) or None for name in LEAD_LABELS}
        try:
            await _register(request, ingest_url, body)
        except Problem as problem:
            form = Form.refused(values, problem)
            form.labels = LEAD_LABELS
            return _show(pages, request, view, form, 422 if problem.errors else problem.status)
        told = f"{body['name']} is registered as a lead"
        return pages.redirect(f"/portal/plans/{view.sheet['plan_id']}#lead-registered", told)

    return router


def _quarterly(request: Request) -> bool:
    return request.query_params.get("view") == "quarters"


def _show(
    pages: Pages, request: Request, view: PlanView, form: Form, status: int = 200
) -> Response:
    quarterly = _quarterly(request)
    return pages.render(
        request, "portal_plan.html", status=status, view=view, quarterly=quarterly, form=form
    )


async def _current_plan(desk: Desk, request: Request, who: Principal) -> str | None:
    if who.partner_id is None:
        return None
    try:
        _, sheets = await read_partner(desk, who.partner_id, who, as_of(desk, request))
    except Problem:
        return None
    under_way = (sheet for sheet in sheets if sheet["status"] == "in_progress")
    found = next(under_way, sheets[0] if sheets else None)
    return found["plan_id"] if found else None


async def _register(request: Request, ingest_url: str, body: dict[str, Any]) -> None:
    """Hand a lead to ingest in the visitor's name. Raises ingest's own problem."""
    headers = sessions_of(request).onward(request)
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(f"{ingest_url}/v1/leads", json=body, headers=headers)
    except httpx.HTTPError as failure:
        raise Problem(503, "Leads cannot be registered at the moment; try again soon") from failure
    if answer.is_success:
        return
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    raise Problem(
        answer.status_code, told.get("title"), told.get("detail"), errors=told.get("errors", [])
    )
