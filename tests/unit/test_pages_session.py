"""Sessions: a sealed cookie that services share, and the CSRF token for what changes things."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.responses import Response

from shared.kernel.clock import FixedClock
from shared.web.auth import Principal, require
from shared.web.problems import install_problem_handlers
from shared.web.sealing import Sealer
from shared.web.session import CSRF_HEADER, Sessions, SignInSettings, require_page
from shared.web.sign_in import safe_next

KEY, OTHER = "first-key-" * 4, "other-key-" * 4
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = {
    "sub": "u1",
    "name": "Ada",
    "roles": ["partner_admin", "emperor"],
    "partner_id": "p1",
    "email": "Ada@P1.example",
}


def settings(**changes: Any) -> SignInSettings:
    told: dict[str, Any] = {
        "environment": "local",
        "database_url": "postgresql://none",
        "oidc_issuer": "milepost-local",
        "oidc_jwks": "none",
        "session_key": KEY,
    }
    return SignInSettings(**(told | changes))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def service(sessions: Sessions | None) -> FastAPI:
    """A service with a page, a form and an API."""
    app = FastAPI()
    app.state.sessions = sessions
    install_problem_handlers(app)

    @app.get("/enter")
    async def enter() -> Response:
        response = Response()
        assert sessions is not None
        sessions.begin(response, WHO)
        return response

    @app.get("/page")
    async def page(who: Annotated[Principal, Depends(require_page("partner_admin"))]) -> str:
        return who.partner_id or ""

    @app.get("/console")
    async def console(who: Annotated[Principal, Depends(require_page("administrator"))]) -> str:
        return who.subject

    @app.post("/page")
    async def send(
        request: Request, who: Annotated[Principal, Depends(require_page("partner_admin"))]
    ) -> str:
        return str((await request.form()).get("name"))

    @app.post("/v1/things")
    async def change(who: Annotated[Principal, Depends(require("partner_admin"))]) -> str:
        return who.email or ""

    @app.get("/v1/things")
    async def read(who: Annotated[Principal, Depends(require())]) -> list[str]:
        return sorted(who.roles)

    @app.get("/onward")
    async def onward(request: Request) -> dict[str, str]:
        assert sessions is not None
        return sessions.onward(request)

    return app


def visitor(clock: FixedClock, **changes: Any) -> TestClient:
    sessions = Sessions(settings(**changes), clock)
    scheme = "https" if sessions.secure else "http"
    client = TestClient(service(sessions), base_url=f"{scheme}://site.test")
    client.get("/enter")
    return client


def token(client: TestClient) -> str:
    return str(client.get("/onward").json()[CSRF_HEADER])


def test_a_session_says_who_it_is_and_nothing_else(clock: FixedClock) -> None:
    client = visitor(clock)
    assert client.get("/page").json() == "p1"
    assert client.get("/v1/things").json() == ["partner_admin"]
    assert client.get("/console").status_code == 403


def test_without_a_session_a_page_is_closed(clock: FixedClock) -> None:
    client = TestClient(service(Sessions(settings(), clock)))
    assert client.get("/page").status_code == 401
    assert client.post("/page").status_code == 401
    assert client.get("/v1/things").status_code == 401


def test_a_service_without_a_key_knows_no_sessions(clock: FixedClock) -> None:
    client = TestClient(service(None), cookies=dict(visitor(clock).cookies))
    assert client.get("/v1/things").status_code == 401
    assert client.get("/page").status_code == 503


def test_a_session_ends(clock: FixedClock) -> None:
    client = visitor(clock, session_hours=2)
    clock.advance(timedelta(hours=1, minutes=59))
    assert client.get("/page").status_code == 200
    clock.advance(timedelta(minutes=1))
    assert client.get("/page").status_code == 401


def test_the_cookie_is_sealed_and_out_of_reach_of_scripts(clock: FixedClock) -> None:
    sessions = Sessions(settings(), clock)
    set_cookie = TestClient(service(sessions)).get("/enter").headers["set-cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=lax" in set_cookie
    assert "Path=/" in set_cookie
    sealed_parts = set_cookie.partition(";")[0].partition("=")[2].split(".")
    assert all(b"@p1.example" not in urlsafe_b64decode(part + "==") for part in sealed_parts)
    name, sealed = next(iter(visitor(clock).cookies.items()))
    for position in range(40, len(sealed), 37):
        bent = (
            sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
        )
        assert sessions.sealer.open(bent) is None, name


def test_with_tls_the_cookie_belongs_to_this_host_alone(clock: FixedClock) -> None:
    secure = settings(
        environment="production", oidc_jwks="https://idp.test/k", oidc_issuer="https://idp.test"
    )
    client = TestClient(service(Sessions(secure, clock)), base_url="https://site.test")
    set_cookie = client.get("/enter").headers["set-cookie"]
    assert set_cookie.startswith("__Host-milepost_session_")
    assert "Secure" in set_cookie
    assert "Domain" not in set_cookie


def test_services_with_one_key_share_sessions_and_others_do_not(clock: FixedClock) -> None:
    cookies = dict(visitor(clock).cookies)
    assert TestClient(service(Sessions(settings(), clock)), cookies=cookies).get("/page").is_success
    foreign = TestClient(service(Sessions(settings(session_key=OTHER), clock)), cookies=cookies)
    assert foreign.get("/page").status_code == 401


def test_a_key_is_replaced_without_signing_anybody_out(clock: FixedClock) -> None:
    # The cookie is named after the key that seals, so the old name is handed over by hand.
    sealed = next(iter(visitor(clock, session_key=OTHER).cookies.values()))
    both = Sessions(settings(session_key=f"{KEY} {OTHER}"), clock)
    client = TestClient(service(both), cookies={both.cookie: sealed})
    assert client.get("/page").status_code == 200


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    sealed = Sealer([KEY], "session").seal({"a": 1})
    assert Sealer([KEY], "session").open(sealed) == {"a": 1}
    assert Sealer([KEY], "flash").open(sealed) is None
    assert Sealer([KEY], "session").open("x" * 10_000) is None
    for junk in (None, "", "a.b.c.d.e", sealed[:-4], sealed.replace(".", "", 1)):
        assert Sealer([KEY], "session").open(junk) is None


def test_a_form_needs_the_sessions_token(clock: FixedClock) -> None:
    client = visitor(clock)
    stolen = token(visitor(clock))
    assert client.post("/page", data={"name": "x"}).status_code == 403
    assert client.post("/page", data={"name": "x", "csrf_token": "guess"}).status_code == 403
    assert client.post("/page", data={"name": "x", "csrf_token": stolen}).status_code == 403
    assert client.post("/page", data={"name": "x", "csrf_token": ""}).status_code == 403
    taken = client.post("/page", data={"name": "x", "csrf_token": token(client)})
    assert taken.json() == "x"
    uploaded = client.post(
        "/page", data={"csrf_token": token(client), "name": "y"}, files={"file": b"1"}
    )
    assert uploaded.json() == "y"


def test_a_call_of_the_api_needs_it_in_the_header(clock: FixedClock) -> None:
    client = visitor(clock)
    assert client.post("/v1/things", json={}).status_code == 403
    assert client.post("/v1/things", data={"csrf_token": token(client)}).status_code == 403
    answer = client.post("/v1/things", json={}, headers={CSRF_HEADER: token(client)})
    assert answer.json() == "ada@p1.example"


def test_a_bearer_token_that_is_bad_is_not_saved_by_a_session(clock: FixedClock) -> None:
    client = visitor(clock)
    answer = client.get("/v1/things", headers={"Authorization": "Basic abc"})
    assert answer.status_code == 401


def test_a_service_can_ask_another_one_on_the_persons_behalf(clock: FixedClock) -> None:
    headers = visitor(clock).get("/onward").json()
    other = TestClient(service(Sessions(settings(), clock)))
    assert other.post("/v1/things", json={}, headers=headers).json() == "ada@p1.example"
    assert TestClient(service(Sessions(settings(), clock))).get("/onward").json() == {}


@pytest.mark.parametrize("key", ["short", f"{KEY} short"])
def test_a_key_that_can_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="at least 32 characters"):
        settings(session_key=key)


def test_outside_the_local_stack_the_provider_must_be_known_by_certificate() -> None:
    with pytest.raises(ValidationError, match="must be an https address"):
        settings(environment="production", oidc_jwks="https://idp.test/k", oidc_issuer="idp")


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/plans?status=ended&q=a%20b", "/plans?status=ended&q=a%20b"),
        ("/", "/"),
        (None, "/"),
        ("", "/"),
        ("plans", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/auth/sign-out", "/"),
    ],
)
def test_nobody_is_sent_elsewhere(wanted: str | None, goes: str) -> None:
    assert safe_next(wanted) == goes
