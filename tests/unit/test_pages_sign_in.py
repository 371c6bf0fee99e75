"""Signing in with the development issuer, on real ports: there, back, and out again."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local import issuer, personas
from deploy.local.home import Home
from deploy.local.issuer_server import build, settings_for
from tests.backends.serving import served
from tests.backends.signing_in import choose, csrf_token
from tests.browser.gallery.app import gallery_app, gallery_settings

ADMINISTRATOR = personas.SUPPLIER[0].code
MANAGER = personas.SUPPLIER[1].code


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    found = Home(tmp_path_factory.mktemp("home"))
    found.make()
    users = [{"email": "ada@p1.example", "name": "Ada", "role": "admin"}]
    personas.remember(found, [{"partner_id": "p1", "name": "Acme & Söhne", "users": users}])
    return found


@pytest.fixture(scope="module")
def provider(home: Home) -> Iterator[str]:
    settings = settings_for(home, {"MILEPOST_ENVIRONMENT": "local"})
    with served(build(home, settings)) as url:
        yield url


@pytest.fixture(scope="module")
def site(home: Home, provider: str) -> Iterator[str]:
    shared = issuer.page_secrets(home)
    issuer.public_keys(home)
    settings = gallery_settings(
        oidc_discovery=f"{provider}/.well-known/openid-configuration",
        oidc_client_id=issuer.CLIENT,
        oidc_client_secret=shared["client_secret"],
        session_key=shared["session_key"],
        oidc_jwks=str(home.issuer / "jwks.json"),
    )
    with served(gallery_app(settings)) as url:
        yield url


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    headers = {"Accept": "text/html"}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        yield client


def offered(browser: httpx.Client, url: str) -> httpx.Response:
    """Visit a page and arrive at the issuer's."""
    page = browser.get(url, follow_redirects=True)
    assert page.url.path == "/authorize", page.text
    return page


def test_a_visit_goes_to_the_sign_in_and_back(browser: httpx.Client, site: str) -> None:
    page = offered(browser, f"{site}/only-administrators?tab=a%20b")
    assert "Robin Hale" in page.text
    back = choose(browser, page, ADMINISTRATOR)
    callback = browser.get(back)
    assert callback.headers["location"] == "/only-administrators?tab=a%20b"
    arrived = browser.get(f"{site}/only-administrators")
    assert arrived.status_code == 200
    assert "Robin Hale" in arrived.text


def test_people_of_partners_are_offered_with_their_partner(
    browser: httpx.Client, site: str
) -> None:
    page = offered(browser, f"{site}/auth/sign-in?next=/portal")
    assert "Acme &amp; Söhne" in page.text
    who = "role=partner_admin&name=Ada&email=ada%40p1.example&partner=p1"
    arrived = browser.get(choose(browser, page, who), follow_redirects=True)
    assert arrived.url.path == "/portal"
    assert "Partner admin" in arrived.text
    assert browser.get(f"{site}/only-administrators").status_code == 403


def test_an_answer_counts_once_and_in_its_own_browser(browser: httpx.Client, site: str) -> None:
    back = choose(browser, offered(browser, f"{site}/only-administrators"), ADMINISTRATOR)
    stolen = httpx.get(back, headers={"Accept": "text/html"}, trust_env=False)
    assert stolen.status_code == 400
    assert "begun in another browser" in stolen.text
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code in (400, 401)


def test_a_code_of_another_sign_in_is_refused(browser: httpx.Client, site: str) -> None:
    first = choose(browser, offered(browser, f"{site}/only-administrators"), ADMINISTRATOR)
    second = choose(browser, offered(browser, f"{site}/only-administrators"), MANAGER)
    code = parse_qs(urlsplit(first).query)["code"][0]
    mixed = re.sub(r"code=[^&]+", f"code={code}", second)
    refused = browser.get(mixed)
    assert refused.status_code == 401
    assert "The sign-in did not work" in refused.text


def test_two_tabs_sign_in_side_by_side(browser: httpx.Client, site: str) -> None:
    one = offered(browser, f"{site}/only-administrators?tab=1")
    two = offered(browser, f"{site}/only-administrators?tab=2")
    for page, tab in ((one, "1"), (two, "2")):
        back = choose(browser, page, ADMINISTRATOR)
        answer = browser.get(back)
        assert answer.headers["location"] == f"/only-administrators?tab={tab}"


def test_an_answer_of_another_issuer_is_refused(browser: httpx.Client, site: str) -> None:
    back = choose(browser, offered(browser, f"{site}/only-administrators"), ADMINISTRATOR)
    bent = back.replace("iss=milepost-local", "iss=evil")
    assert browser.get(bent).status_code == 401


def test_signing_out_ends_the_session(browser: httpx.Client, site: str) -> None:
    back = choose(browser, offered(browser, f"{site}/only-administrators"), ADMINISTRATOR)
    page = browser.get(back, follow_redirects=True)
    assert browser.post(f"{site}/auth/sign-out").status_code == 403
    out = browser.post(f"{site}/auth/sign-out", data={"csrf_token": csrf_token(page.text)})
    ended = browser.get(out.headers["location"], follow_redirects=True)
    assert "You are signed out" in ended.text
    assert browser.get(f"{site}/only-administrators").status_code == 303


def test_a_script_is_told_instead_of_sent_away(site: str) -> None:
    answer = httpx.get(
        f"{site}/only-administrators", headers={"Accept": "application/json"}, trust_env=False
    )
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_the_provider_signing_in_says_so() -> None:
    with served(gallery_app()) as url:
        answer = httpx.get(
            f"{url}/auth/sign-in", headers={"Accept": "text/html"}, trust_env=False, timeout=20
        )
    assert answer.status_code == 503
    assert "Signing in does not work right now" in answer.text


# --- the issuer itself ---------------------------------------------------------------------------


def test_the_issuer_starts_in_the_local_environment_only(home: Home) -> None:
    for environment in ({}, {"MILEPOST_ENVIRONMENT": "production"}):
        with pytest.raises(ValueError, match="MILEPOST_ENVIRONMENT=local only"):
            settings_for(home, environment)


def test_the_issuer_listens_on_the_loopback(home: Home) -> None:
    settings = settings_for(home, {"MILEPOST_ENVIRONMENT": "local"})
    assert settings.host == "127.0.0.1"


def test_the_discovery_document_leads_to_keys_that_verify(provider: str, home: Home) -> None:
    with httpx.Client(trust_env=False) as client:
        document = client.get(f"{provider}/.well-known/openid-configuration").json()
        keys = KeySet.import_key_set(client.get(document["jwks_uri"]).json())
    told = issuer.issue(home, issuer.Holder(("administrator",)))
    assert jwt.decode(told, keys, algorithms=["ES256"]).claims["iss"] == document["issuer"]


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://evil.example/auth/callback"},
        {"redirect_uri": "http://evil.example/auth/callback"},
        {"redirect_uri": "http://127.0.0.1@evil.example/"},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
    ],
)
def test_the_issuer_sends_nobody_elsewhere(provider: str, change: dict[str, str]) -> None:
    asked = {
        "client_id": issuer.CLIENT,
        "redirect_uri": "http://127.0.0.1:1/auth/callback",
        "response_type": "code",
        "code_challenge": "abc",
        "code_challenge_method": "S256",
        "state": "s",
    }
    answer = httpx.get(f"{provider}/authorize", params=asked | change, trust_env=False)
    assert answer.status_code == 400
    sent = httpx.post(
        f"{provider}/authorize", data=asked | change | {"who": ADMINISTRATOR}, trust_env=False
    )
    assert sent.status_code == 400


@pytest.mark.parametrize(
    ("credentials", "status"), [(("milepost-pages", "wrong"), 401), (("other", "x"), 401)]
)
def test_the_token_endpoint_knows_its_client(
    provider: str, credentials: tuple[str, str], status: int
) -> None:
    answer = httpx.post(
        f"{provider}/token",
        data={"grant_type": "authorization_code", "code": "x"},
        auth=credentials,
        trust_env=False,
    )
    assert answer.status_code == status


def test_a_code_that_nobody_gave_is_refused(provider: str, home: Home) -> None:
    credentials = (issuer.CLIENT, issuer.page_secrets(home)["client_secret"])
    for code in ("", "guess"):
        answer = httpx.post(
            f"{provider}/token",
            data={"grant_type": "authorization_code", "code": code},
            auth=credentials,
            trust_env=False,
        )
        assert answer.json() == {"error": "invalid_grant"}


def test_somebody_else_can_be_named(provider: str) -> None:
    asked = {
        "client_id": issuer.CLIENT,
        "redirect_uri": "http://127.0.0.1:1/auth/callback",
        "code_challenge": "abc",
        "state": "s",
        "role": "partner_member",
        "email": "new@p9.example",
    }
    refused = httpx.post(f"{provider}/authorize", data=asked, trust_env=False)
    assert refused.status_code == 422
    assert "needs the partner" in refused.text
    named = httpx.post(f"{provider}/authorize", data=asked | {"partner": "p9"}, trust_env=False)
    assert named.headers["location"].startswith("http://127.0.0.1:1/auth/callback?code=")


def test_page_secrets_stay_the_same_and_private(home: Home) -> None:
    assert issuer.page_secrets(home) == issuer.page_secrets(home)
    assert Path(home.issuer / "pages.json").stat().st_mode & 0o077 == 0
