"""Which mails somebody wants: a page reached from any of them, without a login, and reversible."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from services.notifier import handlers, store
from services.notifier.domain.language import LANGUAGES, Language
from services.notifier.journal import count
from services.notifier.mail.rendering import page_template
from services.notifier.pages import PAGE_HEADERS, Wanted, find_link, language_for
from services.notifier.store import Link
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool
from shared.web.problems import Problem

SEE_OTHER: Final = 303


def preferences_router(pool: Pool, clock: Clock) -> APIRouter:
    """The page of a link's recipient: every stream that writes to it, on or off."""
    router = APIRouter(prefix="/v1/preferences", tags=["unsubscribe"])

    @router.get("/{token}", response_class=HTMLResponse)
    async def show(token: str, accept_language: Wanted = "") -> Response:
        """What somebody gets, and in which language. Looking changes nothing."""
        link = await find_link(pool, token)
        streams = await store.list_streams(pool, link.recipient)
        language = language_for(link, accept_language)
        content = page_template("preferences.html", language.code).render(
            recipient=link.recipient,
            streams=[_shown(one, language) for one in streams],
            languages=list(LANGUAGES.values()),
            chosen=language.code,
        )
        return HTMLResponse(content, headers=PAGE_HEADERS)

    @router.post("/{token}")
    async def choose(
        token: str,
        stream: Annotated[str, Form()] = "",
        mail: Annotated[str, Form()] = "",
        language: Annotated[str, Form()] = "",
    ) -> Response:
        """Stop a stream (`mail=off`), begin it again (`mail=on`), or choose a language."""
        link = await find_link(pool, token)
        if language:
            if language not in LANGUAGES:
                raise Problem.at("/language", f"must be one of {', '.join(LANGUAGES)}")
            await store.choose_language(pool, link.recipient, language)
            return RedirectResponse(f"/v1/preferences/{token}", SEE_OTHER)
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


def _shown(link: Link, language: Language) -> dict[str, Any]:
    return {"stream": link.stream, "words": language.say(link.stream), "stopped": link.since}
