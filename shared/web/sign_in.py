"""The doors of signing in and out: to the identity provider, back from it, and away."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse

from shared.web.oidc import Attempt, IdentityProvider
from shared.web.problems import Problem
from shared.web.sealing import Sealer
from shared.web.session import Sessions, SignInSettings, sessions_of

ATTEMPT_SECONDS: Final = 900
CALLBACK: Final = "/auth/callback"
SIGN_IN: Final = "/auth/sign-in"
SIGN_OUT: Final = "/auth/sign-out"
SIGNED_OUT: Final = "/auth/signed-out"
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")


def safe_next(wanted: str | None) -> str:
    """A place on this site to go on to; the start page for what might lead elsewhere."""
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    if _UNSAFE.search(wanted) or urlsplit(wanted).netloc or wanted.startswith("/auth/"):
        return "/"
    return wanted


class Attempts:
    """Sign-ins under way, each in a sealed cookie of its own, so that two tabs do not clash."""

    def __init__(self, sessions: Sessions, settings: SignInSettings) -> None:
        self._sessions = sessions
        self._sealer = Sealer(settings.session_keys, "sign-in")

    def remember(self, response: RedirectResponse, attempt: Attempt, wanted: str) -> None:
        """Keep an attempt, and where it goes on to, in the browser."""
        sealed = self._sealer.seal(
            {
                "state": attempt.state,
                "nonce": attempt.nonce,
                "verifier": attempt.verifier,
                "next": wanted,
                "exp": self._sessions.now() + ATTEMPT_SECONDS,
            }
        )
        self._sessions.set_cookie(response, self._cookie(attempt.state), sealed, ATTEMPT_SECONDS)

    def find(self, request: Request, state: str) -> tuple[Attempt, str]:
        """The attempt that an answer belongs to, and where it goes on to.

        Raises a 400 problem for an answer that this browser did not ask for, or came too late.
        """
        kept = self._sealer.open(request.cookies.get(self._cookie(state)))
        if kept is None or kept["state"] != state or self._sessions.now() >= kept["exp"]:
            raise Problem(
                400,
                "The sign-in did not work",
                "It took too long, or it was begun in another browser. Please sign in again.",
            )
        return Attempt(state, kept["nonce"], kept["verifier"]), kept["next"]

    def forget(self, response: RedirectResponse, state: str) -> None:
        """An attempt is good for one answer."""
        self._sessions.set_cookie(response, self._cookie(state), "", 0)

    def _cookie(self, state: str) -> str:
        tail = re.sub(r"[^A-Za-z0-9]", "", state)[:12]
        return self._sessions.cookie_named(f"sign_in_{tail}")


def sign_in_router(
    settings: SignInSettings, provider: IdentityProvider, attempts: Attempts
) -> APIRouter:
    """To the provider, back from it, and out again."""
    router = APIRouter(prefix="/auth", include_in_schema=False)

    @router.get("/sign-in")
    async def sign_in(
        request: Request,
        wanted: Annotated[str | None, Query(alias="next")] = None,
        *,
        other: bool = False,
    ) -> RedirectResponse:
        """On to the identity provider."""
        attempt = Attempt()
        url = await provider.sign_in_url(attempt, _own(settings, request, CALLBACK), other=other)
        response = _redirect(url)
        attempts.remember(response, attempt, safe_next(wanted))
        return response

    @router.get("/callback")
    async def callback(
        request: Request,
        state: str,
        code: str | None = None,
        error: str | None = None,
        issuer: Annotated[str | None, Query(alias="iss")] = None,
    ) -> RedirectResponse:
        """Back from the identity provider: the session begins."""
        attempt, wanted = attempts.find(request, state)
        if error is not None or code is None or not provider.is_this(issuer):
            raise Problem(401, "The sign-in did not work", _said(error))
        claims = await provider.claims(code, attempt, _own(settings, request, CALLBACK))
        response = _redirect(wanted)
        sessions_of(request).begin(response, claims)
        attempts.forget(response, state)
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> RedirectResponse:
        """The session ends here, and at the provider where it can."""
        sessions = sessions_of(request)
        await sessions.visitor(request)
        back = _own(settings, request, SIGNED_OUT)
        response = _redirect(await provider.sign_out_url(back) or back)
        sessions.end(response)
        return response

    return router


def _own(settings: SignInSettings, request: Request, path: str) -> str:
    """An address of this service, as browsers know it."""
    base = settings.public_url or str(request.base_url)
    return base.rstrip("/") + path


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


def _said(error: str | None) -> str:
    if error == "access_denied":
        return "The identity provider was told not to."
    return "The identity provider did not say who you are. Please sign in again."
