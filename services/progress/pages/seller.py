"""The seller's own page: the cards on demand, who it was, who looked, and the ways out.

Nobody but the person sees any of it; everybody may read the questions and answers.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final, Protocol

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from shared.kernel.period import add_months
from shared.web.auth import Principal
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.session import require_page, sessions_of

HOME: Final = "/seller"
MONTHS_BACK: Final = 12
WEEKS_BACK: Final = 12
READS: Final = 50
TIMEOUT_S: Final = 10.0
Seller = Annotated[Principal, Depends(require_page("seller"))]
ACCOUNTS: Final = [
    Column("account", "Account"),
    Column("revenue", "Revenue", align="end", whole=True),
    Column("hours", "Hours", align="end", whole=True),
    Column("change", "Change", align="end", whole=True),
]
DEPTH: Final = [Column("account", "Account"), Column("people", "People", align="end", whole=True)]
GROUPS: Final = [Column("group", "Group"), Column("hours", "Hours", align="end", whole=True)]
MEETINGS: Final = [
    Column("account", "Account"),
    Column("hours", "Meeting hours", align="end", whole=True),
    Column("alone", "Alone", align="end", whole=True),
    Column("manager", "With manager", align="end", whole=True),
    Column("leadership", "With leadership", align="end", whole=True),
]
NETWORK: Final = [
    Column("person", "Person"),
    Column("whose", "From"),
    Column("hours", "Hours", align="end", whole=True),
]
LOOKS: Final = [
    Column("at", "When", whole=True),
    Column("kind", "What was read"),
    Column("period", "Period", whole=True),
    Column("who", "By"),
]


class OwnInsights(Protocol):
    """What a person may read of itself; every call is recorded, and 404 where it takes no part."""

    async def today(self) -> date:
        """The organization's day."""

    async def insights(self, person: str, period: str) -> dict[str, Any]:
        """The contract's `GET /me/insights`. Raises a 404 or 422 problem."""

    async def network(self, person: str) -> dict[str, Any]:
        """`{"starts", "ends", "people": [{"address", "name", "group" or "account", T}]}`."""

    async def reads(self, person: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """The contract's `GET /me/reads`."""

    async def export(self, person: str) -> dict[str, Any]:
        """Everything that is held about the person."""


@dataclass(frozen=True)
class Choice:
    """A period to choose: a finished month or week, or the one under way."""

    period: str
    starts: date
    last: date
    is_month: bool


def choices(today: date) -> list[Choice]:
    """The periods that are offered, the latest first; months, then weeks from Sunday on."""
    first = today.replace(day=1)
    months = [add_months(first, -back) for back in range(MONTHS_BACK + 1)]
    sunday = today - timedelta(days=today.isoweekday() % 7)
    weeks = [sunday - timedelta(weeks=back) for back in range(WEEKS_BACK + 1)]
    return [
        *(Choice(f"{m:%Y-%m}", m, add_months(m, 1) - timedelta(days=1), True) for m in months),
        *(Choice(str(week), week, week + timedelta(days=6), False) for week in weeks),
    ]


def seller_pages(pages: Pages, own: OwnInsights) -> APIRouter:
    """The cards, the network behind them, and the record of reads."""
    router = APIRouter(include_in_schema=False)

    @router.get(HOME)
    async def cards(request: Request, who: Seller) -> Response:
        """The cards of a period; without one, of the last month that is over."""
        offered = choices(await own.today())
        period = request.query_params.get("period") or offered[1].period
        found = await own.insights(_person(who), period)
        return pages.render(
            request,
            "seller.html",
            found=found,
            period=period,
            offered=offered,
            accounts=ACCOUNTS,
            depth=DEPTH,
            groups=GROUPS,
            meetings=MEETINGS,
            is_empty=not found["collaboration"]["seconds"] and not has_cards(found),
        )

    @router.get(f"{HOME}/network")
    async def network(request: Request, who: Seller) -> Response:
        """With whom the time of the last 28 days was spent."""
        found = await own.network(_person(who))
        return pages.render(request, "seller_network.html", found=found, columns=NETWORK)

    @router.get(f"{HOME}/reads")
    async def reads(request: Request, who: Seller) -> Response:
        """Who has read the person's insight: the person itself, and the mails."""
        listing = Listing(request)
        found = await own.reads(_person(who), listing.cursor, READS)
        return pages.render(
            request,
            "seller_reads.html",
            listing=listing,
            columns=LOOKS,
            rows=found["items"],
            next=found["next"],
        )

    @router.get(f"{HOME}/export")
    async def export(who: Seller) -> Response:
        """Everything held about the person, as a file."""
        content = await own.export(_person(who))
        headers = {
            "Content-Disposition": 'attachment; filename="milepost-about-me.json"',
            "Cache-Control": "no-store",
        }
        return JSONResponse(content, headers=headers)

    return router


def leaving_pages(pages: Pages, plans_url: str) -> APIRouter:
    """Leaving the plan and opting out, in the person's own name at the plans service."""
    router = APIRouter(include_in_schema=False)

    @router.get(f"{HOME}/leave")
    async def ask(request: Request, _who: Seller) -> Response:
        """What leaving and opting out do, each with one button."""
        return pages.render(request, "seller_leave.html")

    @router.post(f"{HOME}/leave")
    async def leave(request: Request, _who: Seller) -> Response:
        """Leave every plan; what is held about the person as a participant goes."""
        await _send(request, f"{plans_url}/v1/me/leave")
        return pages.redirect("/questions", "You have left the plan; nothing about you is kept")

    @router.post(f"{HOME}/opt-out")
    async def opt_out(request: Request, _who: Seller) -> Response:
        """Leave, and never be taken into a plan again."""
        await _send(request, f"{plans_url}/v1/me/opt-out")
        return pages.redirect("/questions", "You have opted out; nothing about you is kept")

    return router


def question_pages(pages: Pages) -> APIRouter:
    """The questions and answers that every email links to; nobody needs to sign in."""
    router = APIRouter(include_in_schema=False)

    @router.get("/questions")
    async def questions(request: Request) -> Response:
        """Why this email, where the data comes from, who can see it."""
        return pages.render(request, "questions.html")

    return router


def has_cards(found: dict[str, Any]) -> bool:
    """Whether a period has anything to show beside its summary."""
    manager = found["manager_interactions"]
    return bool(
        found["time_with_customers"]
        or found["depth_of_engagement"]["accounts"]
        or found["internal_networks"]["groups"]
        or manager["accounts"]
        or manager["one_to_one"]["seconds"]
    )


def _person(who: Principal) -> str:
    if who.email is None:
        raise Problem(404, "There is no such page")
    return who.email.strip().lower()


async def _send(request: Request, url: str) -> None:
    """Post in the visitor's name. Raises the other service's own problem."""
    headers = sessions_of(request).onward(request)
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            answer = await client.post(url, headers=headers)
    except httpx.HTTPError as failure:
        raise Problem(503, "This cannot be done at the moment; try again soon") from failure
    if not answer.is_success:
        told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        raise Problem(answer.status_code, told.get("title"), told.get("detail"))
