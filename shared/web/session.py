"""Sessions of the pages: who is signed in, in a sealed cookie that all services can read.

The cookie holds what the identity provider said about the person, encrypted and authenticated with
`MILEPOST_SESSION_KEY`; nothing is kept on the server, since services share no tables. Services on
one host (and later behind one origin) with the same key share the session.

Every unsafe method needs the session's CSRF token besides: in the header `X-CSRF-Token`, or at
pages in the form field `csrf_token`. Requests with a bearer token carry no cookie's authority and
are exempt.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fastapi import FastAPI, Request
from pydantic import SecretStr, field_validator
from starlette.responses import Response

from shared.kernel.clock import Clock, SystemClock
from shared.runtime.settings import ServiceSettings
from shared.web.auth import Principal, Role, principal_of
from shared.web.problems import Problem
from shared.web.sealing import Sealer

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SHORTEST_KEY: Final = 32
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class SignInSettings(ServiceSettings):
    """What a service is told to sign people in and to know them again.

    Without `session_key` the service knows no sessions: its pages say so, and its API takes bearer
    tokens only.
    """

    oidc_client_id: str = "milepost"
    oidc_client_secret: SecretStr | None = None
    oidc_discovery: str = ""
    """Where the issuer's discovery document is; by default where OIDC Discovery says."""
    session_key: SecretStr | None = None
    """At least 32 characters; several, with spaces between, while a key is being replaced."""
    session_hours: float = 8.0

    @field_validator("session_key")
    @classmethod
    def _hard_to_guess(cls, key: SecretStr | None) -> SecretStr | None:
        if key is None or not key.get_secret_value().strip():
            return None
        if any(len(part) < SHORTEST_KEY for part in key.get_secret_value().split()):
            raise ValueError(f"a session key has at least {SHORTEST_KEY} characters")
        return key

    def contradictions(self) -> Iterator[str]:
        yield from super().contradictions()
        if self.environment != "local" and not self.discovery_url.startswith("https://"):
            yield "MILEPOST_OIDC_DISCOVERY must be an https address"

    @property
    def discovery_url(self) -> str:
        """The address of the issuer's discovery document."""
        where = "/.well-known/openid-configuration"
        return self.oidc_discovery or self.oidc_issuer.rstrip("/") + where

    @property
    def session_keys(self) -> list[str]:
        """The keys, the one that seals first; none when the service knows no sessions."""
        return self.session_key.get_secret_value().split() if self.session_key else []


@dataclass(frozen=True)
class Session:
    """One person signed in with one browser, until it ends."""

    principal: Principal
    name: str
    ends: int
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def content(self) -> dict[str, Any]:
        """What the cookie holds."""
        who = self.principal
        told = {"sub": who.subject, "roles": sorted(who.roles), "name": self.name, "exp": self.ends}
        bound = {"partner_id": who.partner_id, "email": who.email, "csrf": self.csrf}
        return told | {key: value for key, value in bound.items() if value is not None}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The session that a cookie holds."""
        who = principal_of(content)
        return cls(who, content["name"], content["exp"], content["csrf"])

    def allows(self, token: object) -> bool:
        """Whether a CSRF token is this session's."""
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.csrf.encode())


class Sessions:
    """Begins sessions, finds them again and ends them."""

    def __init__(self, settings: SignInSettings, clock: Clock | None = None) -> None:
        # Sessions go by real time, as the standing tokens of the local stack do: playing a year
        # in a minute signs nobody out.
        self._clock = clock or SystemClock()
        self._seconds = int(settings.session_hours * 3600)
        self.secure = settings.environment != "local"
        # The purpose names the cookie's shape: what was sealed in another shape does not open.
        self.sealer = Sealer(settings.session_keys, "session/1")
        # Cookies know no ports: two stacks on one host need names of their own.
        self.cookie = self.cookie_named(f"session_{self.sealer.fingerprint}")

    def cookie_named(self, name: str) -> str:
        """A cookie's full name; `__Host-` binds it to this host where there is TLS."""
        return f"{'__Host-' if self.secure else ''}milepost_{name}"

    def now(self) -> int:
        """Real time in seconds, by which sessions end."""
        return int(self._clock.now().timestamp())

    def begin(self, response: Response, claims: Mapping[str, Any]) -> Session:
        """Sign a person in: what verified claims say about them goes into the cookie."""
        principal = principal_of(claims)
        name = str(claims.get("name") or principal.email or principal.subject)
        session = Session(principal, name, self.now() + self._seconds)
        sealed = self.sealer.seal(session.content())
        self.set_cookie(response, self.cookie, sealed, self._seconds)
        return session

    def end(self, response: Response) -> None:
        """Sign the person out."""
        self.set_cookie(response, self.cookie, "", 0)

    def set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        """A cookie that scripts cannot read and that foreign pages cannot send along."""
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def find(self, request: Request) -> Session | None:
        """The session that a request belongs to, while it lasts."""
        if not hasattr(request.state, "session"):
            request.state.session = self._opened(request.cookies.get(self.cookie))
        found: Session | None = request.state.session
        return found

    def _opened(self, sealed: str | None) -> Session | None:
        content = self.sealer.open(sealed)
        if content is None or self.now() >= content["exp"]:
            return None
        return Session.of(content)

    def caller(self, request: Request) -> Principal | None:
        """Who calls the API from a page. Raises 403 for an unsafe call without the CSRF token."""
        session = self.find(request)
        if session is None:
            return None
        if request.method not in SAFE_METHODS:
            _refuse_unless(session.allows(request.headers.get(CSRF_HEADER)))
        return session.principal

    async def visitor(self, request: Request) -> Session | None:
        """Who visits a page or sends its form. Raises 403 for a form without the CSRF token."""
        session = self.find(request)
        if session is not None and request.method not in SAFE_METHODS:
            _refuse_unless(session.allows(await _sent_token(request)))
        return session

    def onward(self, request: Request) -> dict[str, str]:
        """Headers with which another service knows the same person: for calls on their behalf."""
        session = self.find(request)
        if session is None:
            return {}
        sealed = request.cookies[self.cookie]
        return {"Cookie": f"{self.cookie}={sealed}", CSRF_HEADER: session.csrf}


async def _sent_token(request: Request) -> object:
    token = request.headers.get(CSRF_HEADER)
    if token is None and request.headers.get("content-type", "").startswith(_FORMS):
        return (await request.form()).get(CSRF_FIELD)
    return token


def _refuse_unless(allowed: object) -> None:
    if not allowed:
        raise Problem(
            403,
            "This form cannot be taken",
            "It does not come from a page of your session. Open the page again and repeat it.",
        )


class SignInNeeded(Problem):
    """Nobody is signed in here. A visit of a page becomes a way to the sign-in and back."""

    def __init__(self) -> None:
        super().__init__(401, "Please sign in", "Your session has ended, or none has begun.")


def install_sessions(app: FastAPI, settings: SignInSettings) -> Sessions | None:
    """Let a service know the pages' sessions, at its API too; None without a session key.

    `shared.web.auth.require` then takes a session instead of a bearer token.
    """
    sessions = Sessions(settings) if settings.session_keys else None
    app.state.sessions = sessions
    return sessions


def sessions_of(request: Request) -> Sessions:
    """The sessions of the application. Raises a 503 problem where none are set up."""
    sessions: Sessions | None = getattr(request.app.state, "sessions", None)
    if sessions is None:
        raise Problem(503, "Nobody can sign in here", "MILEPOST_SESSION_KEY is not set.")
    return sessions


def require_page(*roles: Role) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency of pages: the principal, who must have one of the roles (none: any).

    Without a session a visit goes to the sign-in and comes back afterwards; anything else is a 401.
    Raises 403 for a person without the roles, and for a form without the CSRF token.
    """

    async def visit(request: Request) -> Principal:
        session = await sessions_of(request).visitor(request)
        if session is None:
            raise SignInNeeded
        if roles and not session.principal.has(*roles):
            raise Problem(403, "This page is not for your role")
        return session.principal

    return visit
