"""Widgets in foreign pages: tokens for one partner, and the frames that show its plan.

A token is sealed with a key of its own, derived from the session key, and ends after minutes. It
opens the widgets of one partner and nothing else; who holds it needs no session.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.progress.api.doors import Desk
from services.progress.pages.reading import PlanView, as_of, read_current, read_plan
from services.progress.store import plans
from shared.events.envelope import stamp
from shared.kernel.clock import Clock, SystemClock
from shared.web.auth import Principal, require
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.sealing import Sealer

SCRIPT: Final = Path(__file__).parents[1] / "static" / "milepost-widget.js"
SCRIPT_HEADERS: Final = {
    "Cache-Control": "public, max-age=300",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
LIFE: Final = timedelta(minutes=15)
LONGEST_PARTNER: Final = 200
Issuer = Annotated[Principal, Depends(require("administrator", "channel_manager", "service"))]


class TokenWanted(BaseModel):
    partner_id: Annotated[str, Field(min_length=1, max_length=LONGEST_PARTNER)]


class EmbedTokens:
    """Makes the tokens of widgets and reads them.

    By real time, as sessions do: playing a year in a minute ends none of them.
    """

    def __init__(self, keys: list[str], clock: Clock | None = None) -> None:
        self._sealer = Sealer(keys, "embed/1") if keys else None
        self._clock = clock or SystemClock()

    def issue(self, partner_id: str) -> dict[str, str]:
        """A token for a partner's widgets, and when it ends. Raises 503 without a session key."""
        if self._sealer is None:
            raise Problem(503, "Widgets are not set up", "MILEPOST_SESSION_KEY is not set.")
        ends = self._clock.now() + LIFE
        token = self._sealer.seal({"partner_id": partner_id, "exp": int(ends.timestamp())})
        return {"token": token, "partner_id": partner_id, "expires_at": stamp(ends)}

    def open(self, token: str) -> Principal | None:
        """The partner of a token; None for one that has ended or was never given."""
        content = self._sealer.open(token) if self._sealer else None
        if content is None or content["exp"] <= self._clock.now().timestamp():
            return None
        return Principal("embed", frozenset({"partner_member"}), content["partner_id"])


def embed_tokens_router(desk: Desk, tokens: EmbedTokens) -> APIRouter:
    """Where the supplier's own site asks for tokens."""
    router = APIRouter(prefix="/v1", tags=["widgets"])

    @router.post("/embed-tokens", status_code=201)
    async def issue_token(wanted: TokenWanted, _who: Issuer) -> dict[str, str]:
        """A token that shows one partner's widgets in a foreign page for some minutes."""
        if "\x00" in wanted.partner_id:
            raise Problem(404, "No such partner")
        async with desk.reading() as connection:
            if not await plans.is_partner_heard_of(connection, wanted.partner_id):
                raise Problem(404, "No such partner")
        return tokens.issue(wanted.partner_id)

    return router


def widget_script_router() -> APIRouter:
    """The script that foreign pages load: its address never changes, unlike that of other files."""
    router = APIRouter(include_in_schema=False)
    content = SCRIPT.read_bytes()

    @router.get(f"/static/{SCRIPT.name}")
    async def widget_script() -> Response:
        """Makes a frame where the script stands."""
        return Response(content, media_type="text/javascript", headers=SCRIPT_HEADERS)

    return router


def embed_pages(
    desk: Desk, pages: Pages, tokens: EmbedTokens, origins: tuple[str, ...]
) -> APIRouter:
    """The frames; `origins` may show them."""
    router = APIRouter(prefix="/embed", include_in_schema=False)
    headers = {"Content-Security-Policy": pages.policy(origins or ("'none'",))}

    async def show(request: Request, *, quarterly: bool) -> Response:
        try:
            view = await _view(desk, request, tokens)
        except Problem as problem:
            return pages.render(
                request,
                "embed_refused.html",
                status=problem.status,
                headers=headers,
                title=problem.title,
                advice=problem.detail or "",
            )
        values: dict[str, Any] = {"view": view, "quarterly": quarterly}
        return pages.render(request, "embed_plan.html", headers=headers, **values)

    @router.get("/plan")
    async def plan(request: Request) -> Response:
        """The partner's plan with its year."""
        return await show(request, quarterly=False)

    @router.get("/quarters")
    async def quarters(request: Request) -> Response:
        """The partner's plan by quarter."""
        return await show(request, quarterly=True)

    return router


async def _view(desk: Desk, request: Request, tokens: EmbedTokens) -> PlanView | None:
    """The plan of a token's partner: the one asked for, else the current one, if there is any.

    Raises 401 without a token that holds, and 404 for a plan that the partner may not see.
    """
    who = tokens.open(request.query_params.get("token", ""))
    if who is None:
        raise Problem(
            401, "This view has ended", "Load the page anew to go on; its link has expired."
        )
    wanted = request.query_params.get("plan")
    if wanted is not None:
        return await read_plan(desk, wanted, who, as_of(desk, request))
    return await read_current(desk, who, as_of(desk, request))
