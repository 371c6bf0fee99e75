"""Which mails somebody wants: a page reached from any of them, without a login, and reversible."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from services.notifier import handlers, store
from services.notifier.mail.rendering import page_template
from services.notifier.pages import PAGE_HEADERS, find_link, words_of
from services.notifier.sender import count
from services.notifier.store import Link
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool
from shared.web.problems import Problem

SEE_OTHER: Final = 303


def preferences_router(pool: Pool, clock: Clock) -> APIRouter:
    """The page of a link's recipient: every stream that writes to it, on or off."""
    router = APIRouter(prefix="/v1/preferences", tags=["unsubscribe"])

    @router.get("/{token}", response_class=HTMLResponse)
    async def show(token: str) -> Response:
        """What somebody gets. Looking changes nothing."""
        link = await find_link(pool, token)
        streams = await store.list_streams(pool, link.recipient)
        content = page_template("preferences.html").render(
            recipient=link.recipient, streams=[_shown(one) for one in streams]
        )
        return HTMLResponse(content, headers=PAGE_HEADERS)

    @router.post("/{token}")
    async def choose(
        token: str, stream: Annotated[str, Form()], mail: Annotated[str, Form()]
    ) -> Response:
        """Stop a stream (`mail=off`) or begin it again (`mail=on`); again is no error."""
        link = await find_link(pool, token)
        streams = await store.list_streams(pool, link.recipient)
        chosen = next((one for one in streams if one.stream == stream), None)
        if chosen is None:
            raise Problem.at("/stream", "no such mails")
        if mail not in ("on", "off"):
            raise Problem.at("/mail", "must be on or off")
        async with pool.acquire() as connection, connection.transaction():
            if mail == "off":
                count(await handlers.stop_mails(connection, chosen, clock.now()))
            else:
                await store.begin_again(connection, chosen)
        return RedirectResponse(f"/v1/preferences/{token}", SEE_OTHER)

    return router


def _shown(link: Link) -> dict[str, Any]:
    return {"stream": link.stream, "words": words_of(link.stream), "stopped": link.since}
