"""The seller's page over invented insights, for tests and for eyes: nobody's, and of nobody."""

import copy
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from services.progress.pages.seller import leaving_pages, question_pages, seller_pages
from shared.kernel.clock import FixedClock
from shared.web.app import create_app
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.session import sessions_of
from tests.browser.gallery.app import NOW, gallery_settings, nothing_to_start

PROGRESS = Path(__file__).parents[3] / "services" / "progress"
PERSON = "ann@supplier.example"
KINDS = ("email", "meeting", "call", "chat")


def _t(seconds: int) -> dict[str, Any]:
    return {"seconds": seconds, "hours": f"{seconds / 3600:.2f}"}


def _account(number: int, seconds: int, **more: Any) -> dict[str, Any]:
    revenue = [None, "829", "946000", "1500000"][number % 4]
    return {
        "account_id": f"a{number}",
        "name": f"Account of a long name, number {number}",
        "annual_revenue": revenue,
        "currency": "USD",
        **_t(seconds),
        **more,
    }


def _method(definition: str) -> dict[str, Any]:
    return {
        "definition": definition,
        "window": "1 to 31 July 2026",
        "source": "Collaboration, organizational and CRM data",
        "complete_to": "2026-08-19T09:29:00Z",
    }


def invented(period: str) -> dict[str, Any]:
    """An answer in the shape of `GET /me/insights`."""
    shares = {
        "alone": _t(3000) | {"percent": 40},
        "with_manager": _t(3000) | {"percent": 40},
        "with_leadership": _t(1500) | {"percent": 20},
    }
    return {
        "person": PERSON,
        "period": period,
        "starts": "2026-07-01T00:00:00Z",
        "ends": "2026-08-01T00:00:00Z",
        "time_zone": "Europe/Berlin",
        "complete_to": "2026-08-19T09:29:00Z",
        "collaboration": {
            **_t(150_000),
            "kinds": {
                k: _t(n * 10_000) for n, k in enumerate(("email", "meeting", "call", "chat"))
            },
            "external": _t(100_000) | {"percent": 67, "change_percent": 12},
            "internal": _t(50_000) | {"percent": 33, "change_percent": None},
        },
        "peers": {"period": period, "external_percent": 55, "internal_percent": 45},
        "time_with_customers": [
            _account(n, 40_000 // (n + 1), change_percent=[None, 25, -40][n % 3]) for n in range(12)
        ],
        "depth_of_engagement": {
            "starts": "2026-07-04T00:00:00Z",
            "ends": "2026-08-01T00:00:00Z",
            "accounts": [_account(n, 0, people=9 - n) for n in range(6)],
        },
        "internal_networks": {
            "attribute": "organization",
            "groups": [{"group": g, **_t(n)} for g, n in (("Engineering", 20_000), ("Legal", 900))],
        },
        "manager_interactions": {
            "one_to_one": _t(1242) | {"hours": "0.35"},
            "accounts": [_account(n, 7500, **shares) for n in range(3)],
        },
        "methods": {
            name: _method("Seconds of every activity, once where two overlap.")
            for name in (
                "collaboration",
                "time_with_customers",
                "depth_of_engagement",
                "internal_networks",
                "manager_interactions",
            )
        },
    }


def empty(period: str) -> dict[str, Any]:
    """The same of somebody for whom nothing is recorded."""
    found = copy.deepcopy(invented(period))
    none = _t(0) | {"percent": 0, "change_percent": None}
    found["collaboration"] |= {**_t(0), "external": none, "internal": none}
    found["time_with_customers"] = []
    found["depth_of_engagement"]["accounts"] = []
    found["internal_networks"]["groups"] = []
    found["manager_interactions"] = {"one_to_one": _t(0), "accounts": []}
    return found | {"peers": None}


class Invented:
    """What one person may read; anybody else is unknown."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def today(self) -> date:
        return NOW.date()

    async def insights(self, person: str, period: str) -> dict[str, Any]:
        self._known(person, "insights")
        if period == "nonsense":
            raise Problem.at("/period", "must be a month or a week's Sunday")
        return empty(period) if period == "2026-01" else invented(period)

    async def network(self, person: str) -> dict[str, Any]:
        self._known(person, "network")
        people = [
            {"address": f"p{n}@customer.example", "name": None, "account": f"Account {n}"}
            | {"group": None, **_t(9000 - n * 100)}
            for n in range(30)
        ]
        own = {"address": "boss@supplier.example", "name": "Bo Ss", "account": None}
        people.append(own | {"group": "Sales", **_t(60)})
        return {"starts": "2026-07-22", "ends": "2026-08-19", "people": people}

    async def reads(self, person: str, cursor: str | None, limit: int) -> dict[str, Any]:
        self._known(person, "reads")
        items = [
            {"at": "2026-08-02T08:00:01Z", "kind": "email", "period": "2026-07", "by": "Milepost"},
            {"at": "2026-08-19T09:00:00Z", "kind": "insights", "period": "2026-07", "by": "you"},
        ]
        return {"items": [] if cursor else items[:limit], "next": None}

    async def export(self, person: str) -> dict[str, Any]:
        self._known(person, "export")
        return {"person": person, "participations": []}

    def _known(self, person: str, what: str) -> None:
        self.asked.append((person, what))
        if person != PERSON:
            raise Problem(404, "There is no such page")


def seller_app(own: Invented | None = None, plans_url: str = "http://127.0.0.1:9") -> FastAPI:
    """The seller's page alone; `/enter/ROLE?email=…` signs in without a provider."""
    settings = gallery_settings()
    app = create_app("gallery", settings, lifespan=nothing_to_start)
    pages = Pages(
        settings,
        FixedClock(NOW),
        site="portal",
        templates=[PROGRESS / "templates"],
        static=[PROGRESS / "static"],
    )
    pages.install(app)
    router = APIRouter(include_in_schema=False)

    @router.get("/enter/{role}")
    async def enter(request: Request, role: str) -> Response:
        response = RedirectResponse("/seller", 303)
        email = request.query_params.get("email", PERSON)
        claims = {"sub": email, "roles": [role], "name": "Ann Ample", "email": email}
        sessions_of(request).begin(response, claims)
        return response

    app.include_router(router)
    app.include_router(seller_pages(pages, own or Invented()))
    app.include_router(leaving_pages(pages, plans_url))
    app.include_router(question_pages(pages))
    return app
