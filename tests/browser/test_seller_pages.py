"""The seller's page in a real browser: light and dark, on a phone and on a wide screen."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.backends.serving import served
from tests.browser.conftest import faults, overflow, screenshot, small_targets
from tests.browser.gallery.seller import seller_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PAGES = [
    "/seller",
    "/seller?period=2026-01",
    "/seller/network",
    "/seller/reads",
    "/seller/leave",
    "/questions",
]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with served(seller_app()) as url:
        yield url


@pytest.mark.parametrize("size", ["phone", "wide"])
def test_every_page_is_fit_for_everybody(
    make_context: "Callable[..., BrowserContext]", site: str, size: str
) -> None:
    page = make_context(size).new_page()
    page.goto(f"{site}/enter/seller")
    found: dict[str, list[str]] = {}
    for path in PAGES:
        answer = page.goto(site + path)
        assert answer is not None
        assert answer.status == 200
        screenshot(page, f"seller {path} {size} light")
        wrong = [*faults(page), *overflow(page), *small_targets(page)]
        page.emulate_media(color_scheme="dark")
        screenshot(page, f"seller {path} {size} dark")
        wrong += faults(page, only="color-contrast")
        page.emulate_media(color_scheme="light")
        if wrong:
            found[path] = wrong
    assert found == {}
