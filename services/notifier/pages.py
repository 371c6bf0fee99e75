"""Stopping mails from a link in one: by a mail program's one click, or by a person."""

from typing import Annotated, Final

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from services.notifier import handlers, store
from services.notifier.domain.language import Language, language_of, language_of_browser
from services.notifier.journal import count
from services.notifier.mail.rendering import page_template
from services.notifier.store import Link
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.postgres.pool import Pool
from shared.web.app import JsonResponse
from shared.web.problems import Problem

Wanted = Annotated[str, Header()]
"""A browser's `Accept-Language`."""
PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def unsubscribe_router(pool: Pool, clock: Clock) -> APIRouter:
    """The unsubscribe link: looking changes nothing, posting stops the mails (RFC 8058)."""
    router = APIRouter(prefix="/v1/unsubscribe", tags=["unsubscribe"])

    @router.get("/{token}", response_class=HTMLResponse)
    async def show(token: str, accept_language: Wanted = "") -> Response:
        """A page with one button. Link scanners and previews that come here change nothing."""
        return _page(await find_link(pool, token), token, accept_language)

    @router.post("/{token}")
    async def unsubscribe(
        token: str, accept: Annotated[str, Header()] = "", accept_language: Wanted = ""
    ) -> Response:
        """Stop the mails of this link's stream to its recipient; again is no error."""
        link = await find_link(pool, token)
        async with pool.acquire() as connection, connection.transaction():
            told = await handlers.stop_mails(connection, link, clock.now())
        count(told)
        if "text/html" in accept:
            return _page(await find_link(pool, token), token, accept_language)
        return JsonResponse({"unsubscribed": True, "stream": link.stream}, headers=PAGE_HEADERS)

    return router


async def find_link(pool: Pool, token: str) -> Link:
    """The stream and recipient of a link's token. Raises a 404 problem."""
    known = parse_id(token)
    link = await store.find_link(pool, known) if known else None
    if link is None:
        raise Problem(404, "No such link", "The link is not one of ours, or is not whole.")
    return link


def language_for(link: Link, accepted: str) -> Language:
    """The language of a page: the recipient's choice, else the browser's."""
    return language_of(link.locale) if link.locale else language_of_browser(accepted)


def _page(link: Link, token: str, accepted: str) -> Response:
    language = language_for(link, accepted)
    content = page_template("unsubscribe.html", language.code).render(
        mails=language.say(link.stream),
        preferences=f"/v1/preferences/{token}",
        recipient=link.recipient,
        stopped=link.since is not None,
    )
    return HTMLResponse(content, headers=PAGE_HEADERS)
