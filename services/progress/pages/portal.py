"""The partners' portal: their plans, where they stand, and registering a lead."""

from typing import Annotated, Any, Final

import httpx
from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from services.progress.api.doors import Desk
from services.progress.pages.custom import shown as shown_page
from services.progress.pages.reading import (
    PlanView,
    as_of,
    read_current,
    read_goal,
    read_menu,
    read_plan,
)
from services.progress.pages.statements import read_statements
from services.progress.store import portal_pages as store
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
        found = await read_current(desk, who, as_of(desk, request))
        if found is None:
            return pages.render(request, "portal_empty.html", menu=await read_menu(desk))
        return RedirectResponse(f"/portal/plans/{found.sheet['plan_id']}", 303)

    @router.get("/portal/plans/{plan_id}")
    async def plan(request: Request, plan_id: str, who: Partner) -> Response:
        """One plan, by year or by quarter."""
        view = await read_plan(desk, plan_id, who, as_of(desk, request))
        return await _show(desk, pages, request, view, Form(labels=LEAD_LABELS))

    @router.get("/portal/plans/{plan_id}/figures")
    async def figures(request: Request, plan_id: str, who: Partner) -> Response:
        """The goals alone: what a page that is open brings up to date."""
        shown = as_of(desk, request)
        view = await read_plan(desk, plan_id, who, shown)
        text = pages.text(
            request,
            "parts/figures.html",
            view=view,
            quarterly=_quarterly(request),
            base="/portal",
            day=shown.day,
        )
        return Response(text, media_type="text/html", headers={"Cache-Control": "no-store"})

    @router.get("/portal/plans/{plan_id}/goals/{goal_id}")
    async def goal(request: Request, plan_id: str, goal_id: str, who: Partner) -> Response:
        """What makes up a figure."""
        shown = as_of(desk, request)
        found = await read_goal(desk, plan_id, goal_id, who, shown, request)
        return pages.render(
            request,
            "portal_goal.html",
            found=found,
            view=found.plan,
            shown=shown,
            menu=await read_menu(desk),
        )

    @router.get("/portal/pages/{slug}")
    async def custom(request: Request, slug: str, who: Partner) -> Response:
        """A page that the supplier wrote, its widgets filled with the visitor's own plan."""
        async with desk.reading() as connection:
            found = await store.find_active(connection, slug.replace("\x00", ""))
        if found is None:
            raise Problem(404, "No such page")
        view = await read_current(desk, who, as_of(desk, request))
        return pages.render(
            request,
            "portal_custom.html",
            view=view,
            menu=await read_menu(desk),
            **shown_page(found),
        )

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
            status = 422 if problem.errors else problem.status
            return await _show(desk, pages, request, view, form, status)
        told = f"{body['name']} is registered as a lead"
        return pages.redirect(f"/portal/plans/{view.sheet['plan_id']}#lead-registered", told)

    return router


def _quarterly(request: Request) -> bool:
    return request.query_params.get("view") == "quarters"


async def _show(
    desk: Desk, pages: Pages, request: Request, view: PlanView, form: Form, status: int = 200
) -> Response:
    return pages.render(
        request,
        "portal_plan.html",
        status=status,
        view=view,
        quarterly=_quarterly(request),
        form=form,
        statements=await read_statements(desk, view.known),
        menu=await read_menu(desk),
    )


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
