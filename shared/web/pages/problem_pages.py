"""Errors as pages for people, and as problem details for programs."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from shared.web.problems import Problem
from shared.web.session import SAFE_METHODS, SignInNeeded
from shared.web.sign_in import SIGN_IN

Handler = Callable[[Request, Any], Awaitable[Response]]
Render = Callable[..., Response]
JSON: Final = ("application/json", "application/problem+json")
NOT_FOUND: Final = 404
WORDS: Final = {
    400: "That did not work",
    401: "Please sign in",
    403: "This is not for you to see",
    404: "There is no such page",
    405: "That cannot be done here",
    409: "Somebody was faster",
    413: "That is too large",
    422: "Something is not right yet",
    429: "Too much at once",
    500: "Something broke on our side",
    503: "Not available right now",
}
ADVICE: Final = {
    403: "Your role does not open this page. Sign in as somebody else, or ask an administrator.",
    404: "It may have been deleted, or the address is not quite right.",
    409: "What you changed has been changed meanwhile. Open it again to see how it stands now.",
    500: "It is not your fault, and it has been noted. Try again in a moment.",
    503: "Try again in a moment.",
}


def prefers_html(request: Request) -> bool:
    """Whether a page is the better answer: HTML is named, and not after JSON."""
    qualities = _qualities(request.headers.get("accept", ""))
    html = qualities.get("text/html", 0.0)
    json = max(
        qualities.get(name, 0.0) for name in ("application/json", "application/problem+json")
    )
    return html > 0 and html >= json


def _qualities(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            found[name.lower()] = float(quality)
        except ValueError:
            continue
    return found


def install_problem_pages(app: FastAPI, render: Render) -> None:
    """Show errors as pages to those who prefer HTML; everybody else gets what they got before."""
    for kind in (Problem, HTTPException, RequestValidationError, Exception):
        plain: Handler = app.exception_handlers[kind]  # type: ignore[assignment]
        app.exception_handler(kind)(_shown(plain, render))


def _shown(plain: Handler, render: Render) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, SignInNeeded) and _is_a_visit(request):
            return _to_sign_in(request)
        response = await plain(request, error)
        response.headers.append("Vary", "Accept")
        if not prefers_html(request):
            return response
        return _page(render, request, error, response)

    return answer


def _is_a_visit(request: Request) -> bool:
    """Whether a person follows a link, rather than a script asking for data."""
    if request.method not in SAFE_METHODS or request.headers.get("sec-fetch-mode") == "cors":
        return False
    accept = request.headers.get("accept", "")
    return prefers_html(request) or "json" not in accept


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    url = f"{SIGN_IN}?next={quote(wanted, safe='')}"
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


def _page(render: Render, request: Request, error: Exception, plain: Response) -> Response:
    status = plain.status_code
    told = error if isinstance(error, Problem) else None
    advice = told.detail if told and told.detail and status != NOT_FOUND else ADVICE.get(status, "")
    kept = {
        name: value
        for name, value in plain.headers.items()
        if name not in ("content-length", "content-type")
    }
    return render(
        request,
        "problem.html",
        status=status,
        headers=kept,
        problem_status=status,
        title=told.title if told and _says_more(told) else WORDS.get(status, "That did not work"),
        advice=advice,
        errors=told.errors if told else [],
    )


def _says_more(problem: Problem) -> bool:
    """Whether a problem's own title says more than its status does."""
    return problem.status not in (NOT_FOUND, 500) and problem.title != Problem(problem.status).title
