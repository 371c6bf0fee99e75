"""Signing in and out with a real browser, over two services that share the session."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deploy.local import issuer, personas
from deploy.local.home import Home
from deploy.local.issuer_server import build, settings_for
from tests.backends.serving import served
from tests.browser.conftest import faults, overflow, screenshot, sign_in, small_targets
from tests.browser.gallery.app import gallery_app, gallery_settings

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PARTNERS = [
    {
        "partner_id": f"p{number}",
        "name": name,
        "users": [
            {"email": f"ada@p{number}.example", "name": "Ada Quinn", "role": "admin"},
            {"email": f"ben@p{number}.example", "name": "Ben Osei", "role": "member"},
        ],
    }
    for number, name in enumerate(["Aldergate Systems", "Blue Meridian", "Cinder & Holt GmbH"])
]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two services with pages on two ports, and the issuer behind them."""
    home = Home(Path(tmp_path_factory.mktemp("home")))
    home.make()
    personas.remember(home, PARTNERS)
    issuer.public_keys(home)
    secrets = issuer.page_secrets(home)
    with served(build(home, settings_for(home, {"MILEPOST_ENVIRONMENT": "local"}))) as provider:
        settings = gallery_settings(
            oidc_discovery=f"{provider}/.well-known/openid-configuration",
            oidc_client_id=issuer.CLIENT,
            oidc_client_secret=secrets["client_secret"],
            session_key=secrets["session_key"],
            oidc_jwks=str(home.issuer / "jwks.json"),
        )
        with served(gallery_app(settings)) as one, served(gallery_app(settings)) as two:
            yield one, two


def test_one_click_signs_in_everywhere_and_one_signs_out(
    page: "Page", sites: tuple[str, str]
) -> None:
    one, two = sites
    page.goto(f"{one}/only-administrators")
    page.get_by_role("heading", name="Who do you want to be?").wait_for()
    page.get_by_role("button", name="Robin Hale").click()
    page.wait_for_url(f"{one}/only-administrators")
    page.goto(f"{two}/only-administrators")
    assert page.url == f"{two}/only-administrators"
    page.get_by_label("Account of Robin Hale").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{two}/auth/signed-out")
    page.get_by_role("heading", name="You are signed out").wait_for()
    page.goto(f"{one}/only-administrators")
    page.get_by_role("heading", name="Who do you want to be?").wait_for()


def test_somebody_of_a_partner_is_one_click_away(page: "Page", sites: tuple[str, str]) -> None:
    page.goto(f"{sites[0]}/auth/sign-in?next=/portal")
    page.get_by_role("button", name="Ben Osei Blue Meridian · member").click()
    page.wait_for_url(f"{sites[0]}/portal")
    page.get_by_label("Account of Ben Osei").click()
    page.get_by_text("Partner member · p1").wait_for()
    page.goto(f"{sites[0]}/only-administrators")
    page.get_by_role("heading", name="This page is not for your role").wait_for()
    page.get_by_role("main").get_by_role("link", name="Sign in as somebody else").click()
    page.get_by_role("button", name="Robin Hale").click()
    page.wait_for_url(f"{sites[0]}/only-administrators")


def test_anybody_can_be_named(page: "Page", sites: tuple[str, str]) -> None:
    zoe = personas.Persona("Zoe", "partner_member", "zoe@p9.example", partner="p9")
    sign_in(page, sites[0], zoe, "/portal")
    assert page.url == f"{sites[0]}/portal"
    page.get_by_label("Account of Zoe").wait_for()


@pytest.mark.parametrize("size", ["phone", "wide"])
def test_the_sign_in_page_is_fit_for_everybody(
    make_context: "Callable[..., BrowserContext]", sites: tuple[str, str], size: str
) -> None:
    page = make_context(size).new_page()
    page.goto(f"{sites[0]}/auth/sign-in")
    screenshot(page, f"sign in {size} light")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    screenshot(page, f"sign in {size} dark")
    assert faults(page, only="color-contrast") == []
    assert overflow(page) == []
    assert small_targets(page) == []
