"""Light, dark or as the system says: kept in a cookie, so that the first paint is right."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse

from shared.web.sign_in import safe_next

COOKIE: Final = "milepost_theme"
THEMES: Final = ("light", "dark")
"""Anything else follows the system."""
YEAR_S: Final = 365 * 24 * 3600


def chosen_theme(request: Request) -> str:
    """What the visitor chose; empty for the system's own."""
    wanted = request.cookies.get(COOKIE, "")
    return wanted if wanted in THEMES else ""


def theme_router(*, secure: bool) -> APIRouter:
    """The switch for browsers without JavaScript. It belongs to the browser, not to the session."""
    router = APIRouter(prefix="/preferences", include_in_schema=False)

    @router.post("/theme")
    async def choose(
        theme: Annotated[str, Form()] = "",
        back: Annotated[str, Form(alias="next")] = "/",
    ) -> RedirectResponse:
        """Keep the choice and go back."""
        response = RedirectResponse(safe_next(back), 303)
        if theme in THEMES:
            response.set_cookie(COOKIE, theme, max_age=YEAR_S, secure=secure, samesite="lax")
        else:
            response.delete_cookie(COOKIE, secure=secure, samesite="lax")
        return response

    return router
