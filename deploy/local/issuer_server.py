"""The development identity provider as a server: OpenID Connect's code flow, with a click each.

`python -m deploy.local.issuer_server PORT`. It listens on the loopback unless `MILEPOST_HOST` says
otherwise (in a container), sends people back to addresses of this machine only, and refuses to
start unless `MILEPOST_ENVIRONMENT=local`. Browsers find it at `MILEPOST_PUBLIC_URL` where that is
another address than the one that services ask.
"""

import hmac
import os
import secrets
import sys
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

from fastapi import APIRouter, FastAPI, Request
from pydantic import SecretStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from deploy.local import issuer, personas
from deploy.local.home import PREFIX, Home
from deploy.local.issuer import CLIENT, ISSUER, Holder
from shared.kernel.clock import SystemClock
from shared.web.app import create_app, run
from shared.web.pages.headers import content_policy
from shared.web.pages.rendering import Pages
from shared.web.pages.settings import PageSettings
from shared.web.problems import Problem

HERE: Final = Path(__file__).parent
HOST: Final = "127.0.0.1"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
CODE_SECONDS: Final = 60
MOST_CODES: Final = 1000
EXPIRES_IN: Final = 3600
_CARRIED: Final = ("client_id", "redirect_uri", "state", "nonce", "code_challenge", "scope")
_POLICY: Final = content_policy(form_targets=("http://127.0.0.1:*", "http://localhost:*"))


@dataclass(frozen=True)
class Grant:
    """A person who agreed, until the client fetches the tokens: once, and soon."""

    holder: Holder
    redirect_uri: str
    challenge: str
    nonce: str
    until: float = field(default_factory=lambda: time.monotonic() + CODE_SECONDS)


def build(home: Home, settings: PageSettings) -> FastAPI:
    """The provider of a stack. Raises ValueError anywhere but in the local environment."""
    if settings.environment != "local":
        raise ValueError("the development issuer runs with MILEPOST_ENVIRONMENT=local only")
    app = create_app("issuer", settings, lifespan=_nothing)
    pages = Pages(
        settings,
        SystemClock(),
        site="portal",
        templates=[HERE / "templates"],
        static=[HERE / "static"],
    )
    pages.install(app)
    grants: dict[str, Grant] = {}
    app.include_router(_description(home, settings.public_url))
    app.include_router(_people(home, pages, grants))
    app.include_router(_tokens(home, grants))
    return app


def _description(home: Home, public_url: str) -> APIRouter:
    router = APIRouter()

    @router.get("/.well-known/openid-configuration")
    async def discovery(request: Request) -> dict[str, Any]:
        """Where everything is (OpenID Connect Discovery 1.0)."""
        here = str(request.base_url).rstrip("/")
        seen = public_url.rstrip("/") or here
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{seen}/authorize",
            "token_endpoint": f"{here}/token",
            "jwks_uri": f"{here}/jwks.json",
            "end_session_endpoint": f"{seen}/sign-out",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid", "profile", "email"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
        }

    @router.get("/jwks.json")
    async def jwks() -> dict[str, object]:
        """The key that tokens are signed with."""
        return issuer.public_keys(home)

    @router.get("/sign-out")
    async def sign_out(client_id: str, post_logout_redirect_uri: str) -> Response:
        """Back to the client: there is no session here to end."""
        _check_client(client_id, post_logout_redirect_uri)
        return RedirectResponse(post_logout_redirect_uri, 303)

    return router


def _people(home: Home, pages: Pages, grants: dict[str, Grant]) -> APIRouter:
    router = APIRouter()

    @router.get("/authorize")
    async def offer(request: Request) -> Response:
        """The people to choose from."""
        return _offer(home, pages, request, _checked(request.query_params))

    @router.post("/authorize")
    async def agree(request: Request) -> Response:
        """Somebody was chosen: back to the client with a code."""
        fields = {name: str(value) for name, value in (await request.form()).items()}
        asked = _checked(fields)
        try:
            holder = personas.holder_of(fields)
        except ValueError as failure:
            return _offer(home, pages, request, asked, str(failure))
        return RedirectResponse(_granted(grants, holder, asked), 303)

    return router


def _offer(
    home: Home, pages: Pages, request: Request, asked: Mapping[str, str], wrong: str = ""
) -> Response:
    return pages.render(
        request,
        "authorize.html",
        status=422 if wrong else 200,
        headers={"Content-Security-Policy": _POLICY},
        asked=asked,
        supplier=personas.SUPPLIER,
        companies=personas.companies(home),
        sellers=personas.sellers(home),
        wrong=wrong,
    )


def _checked(fields: Mapping[str, str]) -> dict[str, str]:
    """What a client asked for. Raises a 400 problem when it may not, or did not say enough."""
    asked = {name: fields.get(name, "") for name in _CARRIED}
    _check_client(asked["client_id"], asked["redirect_uri"])
    if fields.get("response_type", "code") != "code" or not asked["code_challenge"]:
        raise Problem(400, None, "only the code flow with PKCE (S256) is offered")
    if fields.get("code_challenge_method", "S256") != "S256":
        raise Problem(400, None, "code_challenge_method must be S256")
    return asked


def _check_client(client_id: str, address: str) -> None:
    where = urlsplit(address)
    if client_id != CLIENT or where.scheme != "http" or where.hostname not in LOOPBACK:
        raise Problem(400, None, "this issuer serves pages of this machine only")


def _granted(grants: dict[str, Grant], holder: Holder, asked: Mapping[str, str]) -> str:
    """The way back to the client, with a fresh code."""
    if len(grants) >= MOST_CODES:
        grants.clear()
    code = secrets.token_urlsafe(24)
    grants[code] = Grant(holder, asked["redirect_uri"], asked["code_challenge"], asked["nonce"])
    query = urlencode({"code": code, "state": asked["state"], "iss": ISSUER})
    return f"{asked['redirect_uri']}{'&' if urlsplit(asked['redirect_uri']).query else '?'}{query}"


def _tokens(home: Home, grants: dict[str, Grant]) -> APIRouter:
    router = APIRouter()

    @router.post("/token")
    async def token(request: Request) -> Response:
        """Tokens for a code: once."""
        fields = {name: str(value) for name, value in (await request.form()).items()}
        if not _is_client(home, request, fields):
            return _refusal(401, "invalid_client")
        if fields.get("grant_type") != "authorization_code":
            return _refusal(400, "unsupported_grant_type")
        grant = grants.pop(fields.get("code", ""), None)
        if grant is None or not _is_for(grant, fields):
            return _refusal(400, "invalid_grant")
        return JSONResponse(_issued(home, grant), headers={"Cache-Control": "no-store"})

    return router


def _is_client(home: Home, request: Request, fields: Mapping[str, str]) -> bool:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = b64decode(credentials).decode().partition(":")
        except ValueError:
            return False
        client, secret = unquote(client), unquote(secret)
    else:
        client, secret = fields.get("client_id", ""), fields.get("client_secret", "")
    wanted = issuer.page_secrets(home)["client_secret"]
    return client == CLIENT and hmac.compare_digest(secret.encode(), wanted.encode())


def _is_for(grant: Grant, fields: Mapping[str, str]) -> bool:
    """Whether whoever brings a code is whoever asked for it (RFC 7636)."""
    digest = sha256(fields.get("code_verifier", "").encode()).digest()
    proven = urlsafe_b64encode(digest).decode().rstrip("=") == grant.challenge
    fresh = time.monotonic() < grant.until
    return proven and fresh and fields.get("redirect_uri") == grant.redirect_uri


def _issued(home: Home, grant: Grant) -> dict[str, Any]:
    told = grant.holder.claims(CLIENT) | {"iat": int(time.time())}
    if grant.nonce:
        told["nonce"] = grant.nonce
    return {
        "access_token": issuer.issue(home, grant.holder),
        "id_token": issuer.sign(home, told),
        "token_type": "Bearer",
        "expires_in": EXPIRES_IN,
        "scope": "openid profile email",
    }


def _refusal(status: int, error: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:  # noqa: PLR2004 - the status that asks for credentials
        headers["WWW-Authenticate"] = "Basic"
    return JSONResponse({"error": error}, status, headers)


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


def settings_for(home: Home, environment: Mapping[str, str], port: int = 0) -> PageSettings:
    """Settings of the provider. Raises ValueError unless the environment says that it is local."""
    if environment.get(f"{PREFIX}ENVIRONMENT") != "local":
        raise ValueError("the development issuer runs with MILEPOST_ENVIRONMENT=local only")
    return PageSettings(
        environment="local",
        host=environment.get(f"{PREFIX}HOST", HOST),
        public_url=environment.get(f"{PREFIX}PUBLIC_URL", ""),
        port=port,
        database_url=SecretStr(""),  # it has none
        oidc_issuer=ISSUER,
        oidc_jwks=str(home.issuer / "jwks.json"),
        session_key=None,
        clock_file=None,
    )


def main() -> None:
    """Serve until told to stop."""
    home = Home.from_environment()
    try:
        settings = settings_for(home, os.environ, int(sys.argv[1]))
    except (ValueError, IndexError) as failure:
        sys.exit(f"error: {failure}")
    run(build(home, settings), "issuer", settings)


if __name__ == "__main__":
    main()
