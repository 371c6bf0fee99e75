"""Access: OIDC bearer tokens (JWT) or a session of the pages, and who may pass which door."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

import httpx
import orjson
import structlog
from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.kernel.clock import Clock
from shared.runtime.settings import ServiceSettings
from shared.web.problems import Problem

Role = Literal[
    "administrator",
    "channel_manager",
    "analyst",
    "limited_analyst",
    "source",
    "service",
    "partner_admin",
    "partner_member",
    "seller",
]
ROLES: Final = frozenset(get_args(Role))
ALGORITHMS: Final = ["ES256", "RS256", "PS256", "EdDSA"]
KEYS_FRESH_S: Final = 300.0
KEYS_RETRY_S: Final = 10.0
REMEMBERED: Final = 2048
MAX_TOKEN: Final = 8192
SKEW_S: Final = 60.0
"""How far the issuer's clock and ours may be apart (RFC 7519, 4.1.4 and 4.1.5)."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Principal:
    """Who is asking: the token's subject, roles, and what a partner or person is bound to."""

    subject: str
    roles: frozenset[str]
    partner_id: str | None = None
    email: str | None = None

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


class Authenticator:
    """Checks bearer tokens: algorithm, signature, issuer, audience, and when they count.

    Keys come from an address (looked at again after some minutes, and for a key id that is not
    known, at a bounded pace) or, in the local stack, from a file.
    """

    def __init__(self, settings: ServiceSettings, clock: Clock) -> None:
        self._source = settings.oidc_jwks
        self._issuer = settings.oidc_issuer
        self._audience = settings.oidc_audience
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched = float("-inf")
        self._remembered: dict[str, tuple[float, Principal]] = {}

    async def authenticate(self, token: str) -> Principal:
        """The principal of a token. Raises a 401 problem saying what is wrong with it."""
        now = self._clock.now().timestamp()
        found = self._remembered.get(token)
        if found is not None and now < found[0]:
            return found[1]
        claims = await self._verified_claims(token)
        expires = self._check(claims, now, self._audience)
        principal = principal_of(claims)
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (expires, principal)
        return principal

    async def claims_of(self, token: str, *, audience: str) -> dict[str, Any]:
        """The claims of a token that is for another audience: an ID token is for its client.

        Raises a 401 problem saying what is wrong with it.
        """
        claims = await self._verified_claims(token)
        self._check(claims, self._clock.now().timestamp(), audience)
        return claims

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise _unauthorized("the token is too long")
        for may_refresh in (True, False):
            keys = await self._current_keys(refresh=not may_refresh)
            try:
                return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError, KeyError, TypeError) as failure:
                if not may_refresh or time.monotonic() - self._fetched < KEYS_RETRY_S:
                    raise _unauthorized("the token's signature cannot be verified") from failure
        raise AssertionError("unreachable")

    async def _current_keys(self, *, refresh: bool) -> KeySet:
        stale = time.monotonic() - self._fetched > KEYS_FRESH_S
        if self._keys is None or stale or refresh:
            try:
                self._keys = KeySet.import_key_set(await self._read_keys())
                self._fetched = time.monotonic()
                self._remembered.clear()
            except (OSError, ValueError, httpx.HTTPError, JoseError) as failure:
                _log.warning("keys_unavailable", source=self._source, error=repr(failure))
                if self._keys is None:
                    raise Problem(
                        503,
                        "The identity provider's keys cannot be read",
                        headers={"Retry-After": "5"},
                    ) from failure
        return self._keys

    async def _read_keys(self) -> Any:
        if self._source.startswith(("https://", "http://")):
            async with httpx.AsyncClient(timeout=5) as client:
                answer = await client.get(self._source)
                answer.raise_for_status()
                return answer.json()
        return orjson.loads(Path(self._source).read_bytes())  # noqa: ASYNC240 - a small local file

    def _check(self, claims: dict[str, Any], now: float, audience: str) -> float:
        """Until when the token may be used. Raises a 401 problem."""
        meant_for = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise _unauthorized("the token is from another issuer")
        if audience not in (meant_for if isinstance(meant_for, list) else [meant_for]):
            raise _unauthorized("the token is for another audience")
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or now >= expires + SKEW_S:
            raise _unauthorized("the token has expired")
        if not isinstance(begins, int | float) or now < begins - SKEW_S:
            raise _unauthorized("the token is not valid yet")
        return float(expires) + SKEW_S


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Whom verified claims are about. Raises a 401 problem when they do not make sense."""
    roles = claims.get("roles", [])
    if not isinstance(roles, list):
        raise _unauthorized("the token's roles are not a list")
    partner, email = claims.get("partner_id"), claims.get("email")
    return Principal(
        subject=str(claims.get("sub", "")),
        roles=frozenset(role for role in roles if role in ROLES),
        partner_id=partner if isinstance(partner, str) and partner else None,
        email=email.strip().lower() if isinstance(email, str) and email.strip() else None,
    )


def _unauthorized(detail: str) -> Problem:
    return Problem(
        401, "A valid bearer token is needed", detail, headers={"WWW-Authenticate": "Bearer"}
    )


class SessionReader(Protocol):
    """What `app.state.sessions` is, where a service takes the pages' sessions at its API too."""

    def caller(self, request: Request) -> Principal | None:
        """Who calls by a session cookie; None without one. Raises 403 without the CSRF token."""
        ...


def require(*roles: Role) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the principal, who must have one of the roles (none given: any).

    A bearer token counts; without one the session of the pages, where the service takes those.
    Raises 401 without a valid one of them, 403 with a valid one that lacks the roles.
    """

    async def check(request: Request) -> Principal:
        principal = await _caller(request)
        if roles and not principal.has(*roles):
            raise Problem(403, "Not allowed", f"this needs one of the roles {', '.join(roles)}")
        return principal

    return check


async def _caller(request: Request) -> Principal:
    authorization = request.headers.get("authorization")
    sessions: SessionReader | None = getattr(request.app.state, "sessions", None)
    if authorization is None and sessions is not None:
        signed_in = sessions.caller(request)
        if signed_in is not None:
            return signed_in
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("send Authorization: Bearer <token>")
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.authenticate(token.strip())
