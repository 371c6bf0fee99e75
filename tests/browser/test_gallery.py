"""Every part of the pages in a real browser: light and dark, on a phone and on a wide screen."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.backends.serving import served
from tests.browser.conftest import faults, overflow, screenshot, small_targets
from tests.browser.gallery.app import gallery_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Dialog, Page

    MakeContext = Callable[..., BrowserContext]

PAGES = ["/gallery", "/partners", "/partners?q=nothing", "/portal", "/portal-pages", "/missing"]


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with served(gallery_app()) as url:
        yield url


def enter(page: "Page", site: str, path: str, role: str = "administrator") -> "Page":
    page.goto(f"{site}/enter/{role}")
    page.goto(site + path)
    return page


@pytest.mark.parametrize("size", ["phone", "wide"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(make_context: "MakeContext", site: str, path: str, size: str) -> None:
    page = enter(make_context(size).new_page(), site, path)
    screenshot(page, f"gallery {path} {size} light")
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    screenshot(page, f"gallery {path} {size} dark")
    assert faults(page, only="color-contrast") == []
    assert overflow(page) == []
    assert small_targets(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_pages_work_without_scripts(make_context: "MakeContext", site: str, path: str) -> None:
    page = enter(make_context("phone", scripts=False).new_page(), site, path)
    page.locator("h1").wait_for()
    page.locator("[data-theme-menu] summary").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_theme_changes_at_once_and_stays(page: "Page", site: str) -> None:
    enter(page, site, "/gallery")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_label("Colours").click()
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.goto(f"{site}/partners")
    assert page.evaluate(paper) == dark
    page.get_by_label("Colours").click()
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="As the system").click()
    assert page.evaluate(paper) == light
    page.reload()
    assert page.evaluate(paper) == light


def test_the_keyboard_finds_its_way(page: "Page", site: str) -> None:
    enter(page, site, "/partners")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    menu = page.get_by_label("More actions")
    menu.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert "Import Plans" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Download Template")
    dialog.wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_escape_closes_a_menu_and_gives_the_focus_back(page: "Page", site: str) -> None:
    enter(page, site, "/partners")
    page.get_by_label("More actions").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert not page.get_by_role("link", name="Import Plans").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "More actions"


def test_a_question_comes_before_what_cannot_be_undone(page: "Page", site: str) -> None:
    enter(page, site, "/portal-pages")
    page.get_by_role("button", name="Delete Strategy").press(" ")
    dialog = page.get_by_role("dialog", name="Delete this strategy?")
    dialog.wait_for()
    dialog.get_by_role("button", name="Cancel").click()
    assert not dialog.is_visible()


def test_what_is_wrong_is_told_first_and_leads_to_the_field(page: "Page", site: str) -> None:
    enter(page, site, "/portal-pages")
    page.get_by_label("Name").fill("taken")
    page.get_by_label("DACH").check()
    page.get_by_role("button", name="Save").click()
    summary = page.get_by_role("alert")
    assert "2 things are not right yet" in summary.inner_text()
    assert page.evaluate("document.activeElement.hasAttribute('data-summary')")
    assert faults(page) == []
    screenshot(page, "gallery form errors")
    summary.get_by_role("link", name="Name: is taken.").click()
    assert page.evaluate("document.activeElement.id") == "f-name"
    assert page.get_by_label("Name").input_value() == "taken"
    assert page.get_by_label("DACH").is_checked()


def test_a_word_is_told_and_can_be_put_away(page: "Page", site: str) -> None:
    enter(page, site, "/portal-pages")
    page.get_by_role("button", name="Save").click()
    told = page.get_by_role("status")
    assert "Strategy saved" in told.inner_text()
    told.get_by_role("button", name="Dismiss").click()
    assert told.inner_text().strip() == ""


def test_leaving_a_form_that_was_touched_asks_first(page: "Page", site: str) -> None:
    enter(page, site, "/portal-pages")
    page.get_by_label("Description").fill("typed")
    asked: list[str] = []

    def leave(question: "Dialog") -> None:
        asked.append(question.type)
        question.accept()

    page.on("dialog", leave)
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/partners")
    assert asked == ["beforeunload"]


def test_filters_are_sent_as_they_change(page: "Page", site: str) -> None:
    enter(page, site, "/partners")
    page.get_by_label("Status").select_option("upcoming")
    page.wait_for_url("**/partners?*status=upcoming*")
    page.get_by_role("link", name="Remove Status: Upcoming").wait_for()
    search = page.get_by_label("Search partners and strategies")
    search.press_sequentially("noth")
    page.wait_for_url("**q=noth*")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("ing")
    page.wait_for_url("**q=nothing*")
    page.get_by_text("No plan matches").wait_for()


def test_a_heading_sorts(page: "Page", site: str) -> None:
    enter(page, site, "/partners")
    page.get_by_role("link", name="Start").click()
    heading = page.get_by_role("columnheader", name="Start")
    assert heading.get_attribute("aria-sort") == "ascending"
    page.get_by_role("link", name="Start").click()
    assert heading.get_attribute("aria-sort") == "descending"


def test_on_a_phone_rows_become_cards_and_the_navigation_a_drawer(
    make_context: "MakeContext", site: str
) -> None:
    page = enter(make_context("phone").new_page(), site, "/partners")
    first = page.get_by_role("row").nth(1)
    assert "Created" in first.locator("td").nth(4).get_attribute("data-label")  # type: ignore[operator]
    label = "e => getComputedStyle(e, '::before').content"
    assert first.locator("td").nth(4).evaluate(label) == '"Created"'
    drawer = page.get_by_role("navigation", name="Main")
    assert not drawer.is_visible()
    page.get_by_role("button", name="Menu").click()
    drawer.get_by_role("link", name="Strategies").wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")
    assert not drawer.is_visible()


def test_a_printed_plan_has_its_figures_and_no_controls(page: "Page", site: str) -> None:
    enter(page, site, "/portal", "partner_admin")
    page.emulate_media(media="print")
    screenshot(page, "gallery plan printed")
    assert not page.get_by_role("link", name="Register a lead").is_visible()
    page.get_by_role("heading", name="Closed won deals", exact=True).first.wait_for()
    page.get_by_role("img", name="Closed won deals by quarter").wait_for()
