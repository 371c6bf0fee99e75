"""Tests in a real browser: Debian's Chromium, driven by Playwright.

Skipped where there is none, except in CI.

`apt-get install chromium fonts-inter` brings what they need. `MILEPOST_CHROMIUM` names another
browser, and `MILEPOST_NO_BROWSER=1` leaves them out.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from deploy.local.personas import Persona

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / ".local" / "screenshots"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {"phone": (360, 780), "wide": (1440, 900)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


def _chromium() -> str:
    """The browser's path; the test is skipped where there is none."""
    if os.environ.get("MILEPOST_NO_BROWSER") == "1":
        pytest.skip("MILEPOST_NO_BROWSER=1")
    wanted = os.environ.get("MILEPOST_CHROMIUM")
    found = wanted or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        missing = "no Chromium on this machine: `apt-get install chromium` brings it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One browser for the run."""
    path = _chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def make_context(browser: "Browser") -> "Iterator[Callable[..., BrowserContext]]":
    """Makes browser contexts: `make_context(size='phone', scheme='dark', scripts=False)`.

    A page that throws, or that the content policy had to stop, fails the test.
    """
    made: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: Any) -> None:
        if message.type == "error" and "the server responded with a status" not in message.text:
            complaints.append(message.text)

    def make(
        size: str = "wide", scheme: str = "light", *, scripts: bool = True
    ) -> "BrowserContext":
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
            reduced_motion="reduce",
            locale="en-GB",
        )
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", note)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
    assert complaints == []


@pytest.fixture
def page(make_context: "Callable[..., BrowserContext]") -> "Page":
    """A wide, light page."""
    return make_context().new_page()


def sign_in(page: "Page", site: str, persona: Persona, wanted: str = "/") -> None:
    """Sign a person in at a service's pages, through the development issuer's own page."""
    page.goto(f"{site}/auth/sign-in?next={quote(wanted, safe='')}")
    somebody = page.locator("details.card")
    if not somebody.evaluate("details => details.open"):
        somebody.locator("summary").click()
    page.get_by_label("Role").select_option(persona.role)
    page.get_by_label("Email").fill(persona.email)
    page.get_by_label("Partner id").fill(persona.partner)
    page.get_by_label("Name").fill(persona.name)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{site}/**")


def faults(page: "Page", *, only: str | None = None, but: tuple[str, ...] = ()) -> list[str]:
    """What axe finds wrong with a page, by one of its rules or all but some.

    A line for each element at fault.
    """
    from axe_playwright_python.sync_playwright import Axe

    wanted = {"type": "rule", "values": [only]} if only else {"type": "tag", "values": RULES}
    found = Axe().run(page, options={"runOnly": wanted, "resultTypes": ["violations"]})
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary'][:300]})"
        for rule in found.response["violations"]
        if rule["id"] not in but
        for node in rule["nodes"]
    ]


def overflow(page: "Page") -> list[str]:
    """The elements that stick out of the page to the right, which would make it scroll sideways."""
    return list(page.evaluate(_OVERFLOW))


_OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.getBoundingClientRect().right > wide + 1)
    .slice(0, 5).map((e) => e.outerHTML.slice(0, 120));
}"""


def cut_off(page: "Page") -> list[str]:
    """The elements that reach beyond the window's right edge, hidden there or not.

    For mails: what sticks out of their body is hidden, so that nothing scrolls and nobody reads it.
    """
    return list(page.evaluate(_CUT_OFF))


_CUT_OFF = """() => [...document.querySelectorAll('body *')]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > window.innerWidth + 1)
  .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""


def small_targets(page: "Page") -> list[str]:
    """The controls that are smaller than 24 by 24 pixels; links inside a text may be."""
    return list(page.evaluate(_SMALL))


_SMALL = """() => [...document.querySelectorAll('a, button, summary, input, select')]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .filter((e) => !e.closest('[type=hidden], .skip, p, .unseen'))
  .map((e) => [e, (e.closest('label.choice') || e).getBoundingClientRect()])
  .filter(([e, box]) => box.width > 1 && (box.width < 24 || box.height < 24))
  .map(([e, box]) => `${e.outerHTML.slice(0, 100)} ${box.width} × ${box.height}`)"""


def screenshot(page: "Page", name: str, *, whole: bool = True) -> Path:
    """Keep a picture of a page under `.local/screenshots`."""
    path = SCREENSHOTS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=whole)
    return path
