"""Leaving a seller plan from a mail, without a login: looking changes nothing, a button does."""

from typing import Any, Final, Literal

import httpx
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from services.notifier.domain.delivery import SELLER_INSIGHTS
from services.notifier.mail.rendering import page_template
from services.notifier.pages import PAGE_HEADERS
from services.notifier.sellers import store
from services.notifier.service_calls import ServiceCalls
from services.notifier.store import find_link
from shared.kernel.ids import parse_id
from shared.postgres.pool import Pool
from shared.web.problems import Problem

Step = Literal["leave", "opt-out"]
WORDS: Final[dict[Step, dict[str, str]]] = {
    "leave": {
        "title": "Leave the plan?",
        "text": "You get no more of these emails, and what is held about you as a participant is "
        "deleted.",
        "button": "Leave the plan",
        "done": "You have left the plan",
    },
    "opt-out": {
        "title": "Opt out?",
        "text": "You leave the plan, what is held about you as a participant is deleted, and no "
        "plan can take you in again.",
        "button": "Opt out",
        "done": "You have opted out",
    },
}


def participation_router(pool: Pool, calls: ServiceCalls, plans_url: str) -> APIRouter:
    """The links "leave" and "opt out" of sellers' mails."""
    router = APIRouter(prefix="/v1/participation", tags=["unsubscribe"])

    @router.get("/{token}/{step}", response_class=HTMLResponse)
    async def show(token: str, step: Step) -> Response:
        """A page with one button. Link scanners and previews that come here change nothing."""
        await _participants(pool, token)
        return _page(step, done=False)

    @router.post("/{token}/{step}")
    async def act(token: str, step: Step) -> Response:
        """Leave or opt out, at the plans service; again is no error there."""
        for participant in await _participants(pool, token):
            await _send(calls, f"{plans_url}/v1/participants/{participant}/{step}")
        return _page(step, done=True)

    return router


async def _participants(pool: Pool, token: str) -> list[str]:
    known = parse_id(token)
    link = await store_link(pool, known) if known else None
    if link is None:
        raise Problem(404, "No such link", "It is not one of ours, or you have left already.")
    return await store.find_participants(pool, link)


async def store_link(pool: Pool, token: str) -> str | None:
    """The seller that a link belongs to."""
    link = await find_link(pool, token)
    return link.recipient if link and link.stream == SELLER_INSIGHTS else None


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


def _page(step: Step, *, done: bool) -> Response:
    values: dict[str, Any] = {**WORDS[step], "is_done": done}
    return HTMLResponse(page_template("participation.html").render(**values), headers=PAGE_HEADERS)
