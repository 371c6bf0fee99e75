"""Pages: escaped, guarded by headers, problems as pages for people and as JSON for programs."""

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from tests.browser.gallery.app import gallery_app, gallery_settings

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = ("/gallery", "/partners", "/portal", "/portal-pages")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nobody reads the log here, and to draw a traceback takes seconds."""
    with capture_logs():
        yield


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(gallery_app(), headers=HTML, raise_server_exceptions=False) as made:
        made.get("/enter/administrator")
        yield made


def test_the_gallery_is_for_the_local_environment_only() -> None:
    elsewhere: dict[str, Any] = {
        "environment": "production",
        "oidc_jwks": "https://idp.test/k",
        "oidc_discovery": "https://idp.test/d",
    }
    with pytest.raises(ValueError, match="local environment only"):
        gallery_app(gallery_settings(**elsewhere))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_whole_and_has_nothing_inline(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert len(text) < 60_000
    assert text.count("<main") == text.count("</main>") == 1
    assert len(re.findall(r"<h1[ >]", text)) == 1
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert re.search(r'<html lang="en" dir="ltr" data-locale="en-GB"', text)


@pytest.mark.parametrize("path", [*PAGES, "/missing", "/broken", "/conflict"])
def test_every_page_is_guarded_by_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_static_files_are_kept_for_ever_under_their_hash(client: TestClient) -> None:
    page = client.get("/gallery").text
    found = set(re.findall(r'/static/[^"#]+', page))
    assert len(found) >= 4
    for url in found:
        answer = client.get(url)
        assert answer.status_code == 200
        assert re.search(r"\.[0-9a-f]{10}\.\w+$", url)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].split(";")[0] in (
            "text/css",
            "text/javascript",
            "image/svg+xml",
        )
    assert client.get("/static/milepost.css").status_code == 404


def test_static_files_are_compressed_for_those_who_can_read_it(client: TestClient) -> None:
    url = re.findall(r'/static/milepost[^"]+css', client.get("/gallery").text)[0]
    assert client.get(url).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get(url, headers={"Accept-Encoding": "br"}).headers


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/missing", 404, "There is no such page"),
        ("/conflict", 409, "Somebody changed this strategy meanwhile"),
        ("/broken", 500, "Something broke on our side"),
    ],
)
def test_people_get_a_page_and_programs_a_problem(
    client: TestClient, path: str, status: int, words: str
) -> None:
    shown = client.get(path)
    assert shown.status_code == status
    assert words in html.unescape(shown.text)
    assert "a crash on purpose" not in shown.text
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", "junk;q=x"):
        told = client.get(path, headers={"Accept": accept})
        assert told.status_code == status
        assert told.headers["content-type"] == "application/problem+json"
        assert told.json()["status"] == status


def test_a_role_that_may_not_is_told_and_offered_another_way() -> None:
    with TestClient(gallery_app(), headers=HTML) as client:
        client.get("/enter/channel_manager")
        refused = client.get("/only-administrators")
    assert refused.status_code == 403
    assert "Sign in as somebody else" in refused.text


def test_a_wrong_entry_is_answered_beside_its_field_and_stays(client: TestClient) -> None:
    page = client.get("/portal-pages").text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    sent = {"csrf_token": token, "name": "taken", "partner_groups[]": ["gold", "dach"]}
    answer = client.post("/portal-pages", data=sent)
    assert answer.status_code == 422
    assert 'aria-describedby="f-name-wrong f-name-hint" aria-invalid="true"' in answer.text
    assert "2 things are not right yet" in answer.text
    assert 'href="#f-name"' in answer.text
    assert 'value="taken"' in answer.text
    assert answer.text.count(" checked") == 2


def test_a_word_outlives_the_redirect_once(client: TestClient) -> None:
    token = re.findall(r'name="csrf_token" value="([^"]+)"', client.get("/portal-pages").text)[0]
    sent = {"csrf_token": token, "name": "fine"}
    told = client.post("/portal-pages", data=sent, follow_redirects=True)
    assert "Strategy saved" in told.text
    assert "Strategy saved" not in client.get("/portal-pages").text


@pytest.mark.parametrize(
    "hostile", ['"><script>alert(1)</script>', "{{ 7*7 }}", "'--><svg/onload=x>"]
)
def test_hostile_words_stay_words(client: TestClient, hostile: str) -> None:
    page = client.get("/partners", params={"q": hostile}).text
    shown = re.findall(r'name="q" value="([^"]*)"', page)[0]
    assert html.unescape(shown) == hostile
    assert "<script>alert" not in page
    assert "<svg/onload" not in page


def test_the_theme_is_the_browsers_and_needs_no_script() -> None:
    with TestClient(gallery_app(), headers=HTML) as client:
        assert "data-theme=" not in client.get("/gallery").text.partition(">")[2].partition(">")[0]
        chosen = client.post("/preferences/theme", data={"theme": "dark", "next": "/gallery"})
        assert '<html lang="en" dir="ltr" data-locale="en-GB" data-theme="dark">' in chosen.text
        away = client.post(
            "/preferences/theme",
            data={"theme": "system", "next": "//evil.example"},
            follow_redirects=False,
        )
        assert away.headers["location"] == "/"
        assert 'data-theme="dark"' not in client.get("/gallery").text
        client.cookies.set("milepost_theme", '"><script>')
        assert "<script>" not in client.get("/gallery").text


def test_figures_follow_the_browsers_region(client: TestClient) -> None:
    page = client.get("/portal", headers={"Accept-Language": "de-DE"}).text
    assert "520.200,50" in page
    assert "520,200.50" in client.get("/portal", headers={"Accept-Language": "en-US"}).text


def test_nothing_of_the_pages_stands_in_the_apis_description(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path.startswith(("/auth", "/static", "/preferences"))]


def test_the_navigation_offers_what_the_role_opens(client: TestClient) -> None:
    with TestClient(gallery_app(), headers=HTML) as other:
        other.get("/enter/partner_member")
        own = other.get("/portal").text
    assert "Strategies" not in own
    assert 'href="/portal" aria-current="page"' in own
    assert "Strategies" in client.get("/partners").text
