"""Stopping mails from a link in one: by a mail program's one click, or by a person."""

from typing import Annotated, Final

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from services.notifier import handlers, store
from services.notifier.domain.delivery import PARTNER_PROGRESS, SELLER_INSIGHTS
from services.notifier.mail.rendering import page_template
from services.notifier.sender import count
from services.notifier.store import Link
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.postgres.pool import Pool
from shared.web.app import JsonResponse
from shared.web.problems import Problem

STREAM_WORDS: Final = {
    PARTNER_PROGRESS: "monthly success plan progress mails",
    SELLER_INSIGHTS: "seller insights mails",
}
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
    async def show(token: str) -> Response:
        """A page with one button. Link scanners and previews that come here change nothing."""
        return _page(await find_link(pool, token), token)

    @router.post("/{token}")
    async def unsubscribe(token: str, accept: Annotated[str, Header()] = "") -> Response:
        """Stop the mails of this link's stream to its recipient; again is no error."""
        link = await find_link(pool, token)
        async with pool.acquire() as connection, connection.transaction():
            told = await handlers.stop_mails(connection, link, clock.now())
        count(told)
        if "text/html" in accept:
            return _page(await find_link(pool, token), token)
        return JsonResponse({"unsubscribed": True, "stream": link.stream}, headers=PAGE_HEADERS)

    return router


async def find_link(pool: Pool, token: str) -> Link:
    """The stream and recipient of a link's token. Raises a 404 problem."""
    known = parse_id(token)
    link = await store.find_link(pool, known) if known else None
    if link is None:
        raise Problem(404, "No such link", "The link is not one of ours, or is not whole.")
    return link


def words_of(stream: str) -> str:
    """What a stream is called on pages."""
    return STREAM_WORDS.get(stream, "mails")


def _page(link: Link, token: str) -> Response:
    content = page_template("unsubscribe.html").render(
        mails=words_of(link.stream),
        preferences=f"/v1/preferences/{token}",
        recipient=link.recipient,
        stopped=link.since is not None,
    )
    return HTMLResponse(content, headers=PAGE_HEADERS)
