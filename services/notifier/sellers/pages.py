"""Leaving a seller plan from a mail, without a login: looking changes nothing, a button does."""

from typing import Literal

import httpx
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from services.notifier.domain.delivery import SELLER_INSIGHTS
from services.notifier.domain.language import Language
from services.notifier.mail.rendering import page_template
from services.notifier.pages import PAGE_HEADERS, Wanted, find_link, language_for
from services.notifier.sellers import store
from services.notifier.service_calls import ServiceCalls
from services.notifier.store import Link
from shared.postgres.pool import Pool
from shared.web.problems import Problem

Step = Literal["leave", "opt-out"]


def participation_router(pool: Pool, calls: ServiceCalls, plans_url: str) -> APIRouter:
    """The links "leave" and "opt out" of sellers' mails."""
    router = APIRouter(prefix="/v1/participation", tags=["unsubscribe"])

    @router.get("/{token}/{step}", response_class=HTMLResponse)
    async def show(token: str, step: Step, accept_language: Wanted = "") -> Response:
        """A page with one button. Link scanners and previews that come here change nothing."""
        link = await _link(pool, token)
        return _page(step, language_for(link, accept_language), done=False)

    @router.post("/{token}/{step}")
    async def act(token: str, step: Step, accept_language: Wanted = "") -> Response:
        """Leave or opt out, at the plans service; again is no error there."""
        link = await _link(pool, token)
        for participant in await store.find_participants(pool, link.recipient):
            await _send(calls, f"{plans_url}/v1/participants/{participant}/{step}")
        return _page(step, language_for(link, accept_language), done=True)

    return router


async def _link(pool: Pool, token: str) -> Link:
    """The seller's link of a token. Raises a 404 problem."""
    link = await find_link(pool, token)
    if link.stream != SELLER_INSIGHTS:
        raise Problem(404, "No such link", "It is not one of a seller's mails.")
    return link


async def _send(calls: ServiceCalls, url: str) -> None:
    try:
        answer = await calls.post(url)
    except httpx.HTTPError as failure:
        raise Problem(503, "This cannot be done at the moment; try again soon") from failure
    if answer.status_code == httpx.codes.CONFLICT:
        raise Problem(
            409,
            "You have left the plan already",
            "Your address was deleted then, so that nobody can be opted out by this link any more. "
            "Your own page at Milepost can do it.",
        )
    if answer.is_error and answer.status_code != httpx.codes.NOT_FOUND:
        raise Problem(503, "This cannot be done at the moment; try again soon")


def _page(step: Step, language: Language, *, done: bool) -> Response:
    template = page_template("participation.html", language.code)
    content = template.render(step=step.replace("-", "_"), is_done=done)
    return HTMLResponse(content, headers=PAGE_HEADERS)
