"""Headers that keep pages from being misused."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Final = {"X-Content-Type-Options": "nosniff"}
ON_PAGES: Final = {
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


def content_policy(
    *, form_targets: tuple[str, ...] = (), frame_ancestors: tuple[str, ...] = ("'none'",)
) -> str:
    """A content security policy: everything from here, nothing inline.

    Browsers check `form-action` along redirects too, so `form_targets` names the origins that the
    answer to a form may lead to. `frame_ancestors` are the origins that may embed the page.
    """
    rules = {
        "default-src": "'self'",
        "img-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": " ".join(("'self'", *form_targets)),
        "frame-ancestors": " ".join(frame_ancestors),
    }
    return "; ".join(f"{rule} {sources}" for rule, sources in rules.items())


def page_headers(policy: str) -> dict[str, str]:
    """The headers of a page with a content security policy."""
    return ALWAYS | ON_PAGES | {"Content-Security-Policy": policy}


class SecurityHeaders:
    """Sets what an answer does not set itself: on everything, and more on HTML."""

    def __init__(self, app: ASGIApp, *, policy: str) -> None:
        self._app = app
        self._on_pages = page_headers(policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                _set_missing(headers, ALWAYS)
                if headers.get("content-type", "").startswith("text/html"):
                    _set_missing(headers, self._on_pages)
            await send(message)

        await self._app(scope, receive, guarded)


def _set_missing(headers: MutableHeaders, wanted: Mapping[str, str]) -> None:
    for name, value in wanted.items():
        headers.setdefault(name, value)
