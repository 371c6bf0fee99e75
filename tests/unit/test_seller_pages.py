"""The seller's page: the person's own and nobody else's, whatever the role."""

import re
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from services.notifier.domain.language import LANGUAGES
from services.progress.pages.seller import choices
from shared.web.pages.formatting import Formats
from tests.browser.gallery.seller import PERSON, Invented, seller_app

HTML = {"Accept": "text/html"}
OWN_PAGES = ("/seller", "/seller/network", "/seller/reads", "/seller/export", "/seller/leave")
OTHERS = ("administrator", "channel_manager", "analyst", "limited_analyst", "partner_admin")


@pytest.fixture
def own() -> Invented:
    return Invented()


@pytest.fixture
def client(own: Invented) -> Iterator[TestClient]:
    with capture_logs(), TestClient(seller_app(own), headers=HTML) as made:
        yield made


@pytest.mark.parametrize("role", OTHERS)
def test_no_other_role_has_a_page_here(client: TestClient, own: Invented, role: str) -> None:
    client.get(f"/enter/{role}", follow_redirects=False)
    for path in OWN_PAGES:
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "Account of a long name" not in answer.text
    assert own.asked == []


def test_a_seller_sees_nothing_of_another(client: TestClient, own: Invented) -> None:
    client.get("/enter/seller?email=eve@supplier.example", follow_redirects=False)
    for path in OWN_PAGES[:4]:
        assert client.get(path, params={"person": PERSON, "email": PERSON}).status_code == 404
    assert {person for person, _ in own.asked} == {"eve@supplier.example"}


def test_nobody_sees_anything_without_signing_in(client: TestClient, own: Invented) -> None:
    for path in OWN_PAGES:
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code in (302, 303, 401)
    assert own.asked == []


def test_the_cards_of_the_last_month_that_is_over(client: TestClient) -> None:
    client.get("/enter/seller", follow_redirects=False)
    page = client.get("/seller").text
    assert '<option value="2026-07" selected>' in page
    for text in (
        "For your eyes only",
        "Time with customers",
        "Depth of engagement",
        "Leverage internal networks",
        "Manager interactions",
        "55% : 45%",
        "+12%",
        "NA",
        "Europe/Berlin",
        "How this is counted",
    ):
        assert text in page
    assert page.index("Account of a long name, number 0") < page.index("number 11")
    assert client.get("/seller").headers["cache-control"] == "no-store"


def test_page_and_mail_tell_the_same_hours() -> None:
    page = Formats(Locale("en", "GB"), ZoneInfo("UTC"))
    for seconds in (0, 179, 180, 900, 1242, 1260, 1259, 2700, 35_999):
        assert page.hours(seconds) == LANGUAGES["en"].hours(seconds), seconds


def test_hours_on_the_page_are_rounded_once(client: TestClient) -> None:
    client.get("/enter/seller", follow_redirects=False)
    # 1,242 seconds are 0.345 hours: with two places 0.35, and of those 0.4.
    assert "0.3 hours in one-to-one meetings" in client.get("/seller").text


def test_a_period_without_anything_says_so(client: TestClient) -> None:
    client.get("/enter/seller", follow_redirects=False)
    page = client.get("/seller?period=2026-01").text
    assert "There was no collaboration to show" in page
    assert "Time with customers" not in page
    assert client.get("/seller?period=nonsense").status_code == 422


def test_everything_held_comes_as_a_file(client: TestClient) -> None:
    client.get("/enter/seller", follow_redirects=False)
    answer = client.get("/seller/export")
    assert answer.json()["person"] == PERSON
    assert "attachment" in answer.headers["content-disposition"]


def test_the_questions_are_there_for_everybody(client: TestClient) -> None:
    page = client.get("/questions").text
    assert len(re.findall(r"<h2", page)) >= 8
    for anchor in ("eyes", "why", "data", "who", "other", "leave"):
        assert f'id="{anchor}"' in page


@pytest.mark.parametrize("path", ["/seller/leave", "/seller/opt-out"])
def test_leaving_needs_a_form_of_the_session(client: TestClient, path: str) -> None:
    client.get("/enter/seller", follow_redirects=False)
    assert client.post(path).status_code == 403


def test_periods_to_choose_from() -> None:
    offered = choices(date(2026, 3, 1))
    assert [one.period for one in offered if one.is_month][:3] == ["2026-03", "2026-02", "2026-01"]
    weeks = [one for one in offered if not one.is_month]
    assert weeks[0].period == "2026-03-01"
    assert weeks[1].period == "2026-02-22"
    assert weeks[0].last == date(2026, 3, 7)
    assert choices(date(2026, 3, 7))[13].period == "2026-03-01"
