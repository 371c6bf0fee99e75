"""The identity provider, as a client of the authorization-code flow with PKCE sees it."""

import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx
import structlog

from shared.web.auth import Authenticator
from shared.web.problems import Problem
from shared.web.session import SignInSettings

SCOPE: Final = "openid profile email"
DOCUMENT_FRESH_S: Final = 600.0
TIMEOUT_S: Final = 10.0
_NEEDED: Final = ("issuer", "authorization_endpoint", "token_endpoint")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One way to the provider and back: what ties the answer to the question (RFC 7636, OIDC)."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")


class IdentityProvider:
    """Sends people to the provider, and learns from it who came back."""

    def __init__(
        self,
        settings: SignInSettings,
        authenticator: Authenticator,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._transport = transport
        self._document: dict[str, Any] = {}
        self._fetched = float("-inf")

    async def sign_in_url(self, attempt: Attempt, redirect_uri: str, *, other: bool) -> str:
        """Where a browser goes to sign in; `other` asks for another person than the last one."""
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        if other:
            query["prompt"] = "login"
        return _with_query((await self._described())["authorization_endpoint"], query)

    async def claims(self, code: str, attempt: Attempt, redirect_uri: str) -> dict[str, Any]:
        """What the provider says about the person who came back with a code.

        Raises a 401 problem when the code or the ID token is not good, 503 without the provider.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
        }
        answer = await self._ask_for_tokens(form)
        client = self._settings.oidc_client_id
        claims = await self._authenticator.claims_of(str(answer.get("id_token")), audience=client)
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("nonce") != attempt.nonce or (several and claims.get("azp") != client):
            raise Problem(401, "The sign-in did not work", "The ID token is not for this sign-in.")
        return claims

    def is_this(self, issuer: str | None) -> bool:
        """Whether an answer names this issuer, or none at all (RFC 9207)."""
        return issuer is None or issuer == self._settings.oidc_issuer

    async def sign_out_url(self, back: str) -> str | None:
        """Where the provider ends its own session; None when it does not offer that."""
        try:
            where = (await self._described()).get("end_session_endpoint")
        except Problem:
            return None
        if not isinstance(where, str):
            return None
        query = {"client_id": self._settings.oidc_client_id, "post_logout_redirect_uri": back}
        return _with_query(where, query)

    async def _ask_for_tokens(self, form: dict[str, str]) -> dict[str, Any]:
        secret = self._settings.oidc_client_secret
        client = self._settings.oidc_client_id
        endpoint = (await self._described())["token_endpoint"]
        # A client with a secret shows it; one without is known by its PKCE verifier alone.
        proof = httpx.BasicAuth(client, secret.get_secret_value()) if secret else httpx.Auth()
        try:
            async with self._client() as browser:
                data = form if secret else form | {"client_id": client}
                answer = await browser.post(endpoint, data=data, auth=proof)
        except httpx.HTTPError as failure:
            raise _away(failure) from failure
        if answer.is_server_error:
            raise _away(answer.status_code)
        if answer.is_error:
            _log.warning("code_refused", status=answer.status_code, answer=answer.text[:500])
            raise Problem(401, "The sign-in did not work", "The identity provider refused it.")
        tokens: dict[str, Any] = answer.json()
        return tokens

    async def _described(self) -> dict[str, Any]:
        if time.monotonic() - self._fetched > DOCUMENT_FRESH_S:
            try:
                async with self._client() as browser:
                    answer = await browser.get(self._settings.discovery_url)
                    document = answer.raise_for_status().json()
            except (httpx.HTTPError, ValueError) as failure:
                raise _away(failure) from failure
            self._document = self._checked(document)
            self._fetched = time.monotonic()
        return self._document

    def _checked(self, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict) or not all(
            isinstance(document.get(name), str) for name in _NEEDED
        ):
            raise _away("the discovery document lacks what it must have")
        if document["issuer"] != self._settings.oidc_issuer:
            raise _away(f"the discovery document is of another issuer, {document['issuer']}")
        return document

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=TIMEOUT_S, transport=self._transport)


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _away(why: object) -> Problem:
    _log.warning("identity_provider_away", error=repr(why))
    return Problem(
        503,
        "Signing in does not work right now",
        "The identity provider does not answer as it should. Try again in a moment.",
        headers={"Retry-After": "5"},
    )
