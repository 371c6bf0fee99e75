"""A throwaway application that shows every part of the pages, for tests and for eyes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from shared.kernel.clock import FixedClock
from shared.web.app import create_app
from shared.web.auth import Principal
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.pages.settings import PageSettings
from shared.web.problems import Problem
from shared.web.session import require_page, sessions_of

TEMPLATES = Path(__file__).parent / "templates"
NOW = datetime(2026, 8, 19, 9, 30, tzinfo=UTC)
QUARTER_STARTS = [date(2026, month, 1) for month in (1, 4, 7, 10)]
BOUNDS = ["2026-01-01", "2026-04-01", "2026-07-01", "2026-10-01", "2027-01-01"]
COLUMNS = [
    Column("partner", "Partner"),
    Column("strategy", "Strategy", sort="strategy_name"),
    Column("status", "Status"),
    Column("starts", "Start", sort="start_date", whole=True),
    Column("ends", "End", sort="end_date", whole=True),
    Column("created", "Created", sort="created", whole=True),
    Column("more", "Actions", hidden_label=True, align="end"),
]


def a_goal(name: str, unit: str, values: list[str], targets: list[str] | None) -> dict[str, Any]:
    """A goal as the progress API tells it."""

    def percent(value: float, target: float) -> str:
        return f"{value / target * 100:.1f}"

    quarters = []
    for number in range(4):
        target = targets[number] if targets else None
        quarters.append(
            {
                "quarter": number + 1,
                "starts": BOUNDS[number],
                "ends": BOUNDS[number + 1],
                "target": target,
                "value": values[number],
                "percent": percent(float(values[number]), float(target)) if target else None,
            }
        )
    places = 0 if unit == "count" else 2
    value = f"{sum(map(float, values)):.{places}f}"
    target = f"{sum(map(float, targets)):.{places}f}" if targets else None
    return {
        "goal_id": name.lower().replace(" ", "-"),
        "name": name,
        "unit": unit,
        "value": value,
        "target": target,
        "percent": percent(float(value), float(target)) if target else None,
        "quarters": quarters,
    }


GOALS = [
    a_goal(
        "Closed won deals",
        "USD",
        ["182500.00", "241300.50", "96400.00", "0.00"],
        ["180000.00", "220000.00", "220000.00", "260000.00"],
    ),
    a_goal("Approved registered deals", "count", ["14", "9", "4", "0"], ["10", "12", "12", "14"]),
    a_goal("Campaign leads", "count", ["120", "141", "88", "0"], ["75", "75", "75", "75"]),
    a_goal("Certified engineers", "count", ["3", "1", "0", "0"], ["2", "2", "2", "2"]),
    a_goal("Satisfaction score", "number", ["8.40", "0.30", "0.00", "0.00"], None),
]
STEPS = [
    ("2026-01-14", "42500"),
    ("2026-02-20", "80000"),
    ("2026-03-11", "60000"),
    ("2026-04-22", "121300.50"),
    ("2026-06-02", "120000"),
    ("2026-07-09", "36400"),
    ("2026-08-12", "60000"),
]
PLANS = [
    ("Aldergate Systems", "FY2026 North America", "in_progress", "2026-01-01", "New"),
    ("Blue Meridian Partners", "FY2026 North America", "in_progress", "2026-01-01", "Updated"),
    ("Cinder & Holt GmbH", "Growth accelerator, DACH region", "in_progress", "2026-02-15", ""),
    ("Dovetail Technologies", "FY2027 North America", "upcoming", "2027-01-01", ""),
    ("Evergreen IT", "FY2025 North America", "ended", "2025-01-01", ""),
]


def gallery_settings(**changes: Any) -> PageSettings:
    """Settings of the throwaway application, which never leaves this machine."""
    told: dict[str, Any] = {
        "environment": "local",
        "database_url": "postgresql://nobody@127.0.0.1/none",
        "oidc_issuer": "milepost-local",
        "oidc_jwks": "none",
        "oidc_discovery": "http://127.0.0.1:9/.well-known/openid-configuration",
        "session_key": "the-key-of-the-throwaway-application",
    }
    return PageSettings(**(told | changes))


def gallery_app(settings: PageSettings | None = None) -> FastAPI:
    """The application. Raises ValueError anywhere but in the local environment."""
    settings = settings or gallery_settings()
    if settings.environment != "local":
        raise ValueError("the gallery is for the local environment only")
    app = create_app("gallery", settings, lifespan=nothing_to_start)
    pages = Pages(settings, FixedClock(NOW), site="portal", templates=[TEMPLATES])
    pages.install(app)
    app.include_router(_looks(pages))
    app.include_router(_forms(pages))
    return app


@asynccontextmanager
async def nothing_to_start(_app: FastAPI) -> AsyncIterator[None]:
    """Of an application without parts."""
    await asyncio.sleep(0)
    yield


def _looks(pages: Pages) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/enter/{role}")
    async def enter(request: Request, role: str) -> Response:
        """Sign in without a provider."""
        response = RedirectResponse("/gallery", 303)
        claims = {"sub": role, "roles": [role], "name": "Robin Hale", "email": "r@supplier.example"}
        if role.startswith("partner"):
            claims["partner_id"] = "aldergate"
        sessions_of(request).begin(response, claims)
        return response

    @router.get("/gallery")
    async def gallery(request: Request) -> Response:
        return pages.render(request, "gallery.html", goals=GOALS, columns=COLUMNS, steps=STEPS)

    @router.get("/partners")
    async def listing(request: Request) -> Response:
        shown = Listing(
            request,
            sorts=["strategy_name", "start_date", "end_date", "created"],
            default_sort="-created",
            filters=["q", "status", "strategy"],
        )
        found = [] if shown.filters.get("q") == "nothing" else PLANS * 3
        return pages.render(request, "list.html", listing=shown, columns=COLUMNS, plans=found)

    @router.get("/portal")
    async def plan(request: Request) -> Response:
        groups = [("Sales", GOALS[:2]), ("Marketing", GOALS[2:3]), ("Training", GOALS[3:])]
        return pages.render(
            request, "plan.html", groups=groups, steps=STEPS, quarter_starts=QUARTER_STARTS
        )

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a crash on purpose")

    return router


def _forms(pages: Pages) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/portal-pages")
    async def form(request: Request) -> Response:
        return pages.render(request, "form.html", form=Form({"name": "FY2027 North America"}))

    @router.post("/portal-pages")
    async def refuse(
        request: Request, _who: Annotated[Principal, Depends(require_page("administrator"))]
    ) -> Response:
        values = nested(await request.form())
        if values.get("name") == "taken":
            errors = [{"pointer": "/name", "detail": "is taken"}]
            errors.append({"pointer": "/partner_groups/0", "detail": "no such group"})
            form = Form.refused(values, Problem(409, errors=errors))
            return pages.render(request, "form.html", status=422, form=form)
        return pages.redirect("/portal-pages", "Strategy saved")

    @router.get("/only-administrators")
    async def secret(
        request: Request, who: Annotated[Principal, Depends(require_page("administrator"))]
    ) -> Response:
        return pages.render(request, "form.html", form=Form({"name": who.subject}))

    @router.get("/conflict")
    async def conflict() -> None:
        raise Problem(409, "Somebody changed this strategy meanwhile", "Compare and save again.")

    return router
