# ruff: noqa: F811 - the fixture `doors` is imported
"""The supplier's console in a real browser: from a strategy to a plan, by mouse, keyboard, file."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from deploy.local.personas import SUPPLIER
from tests.browser.conftest import faults, overflow, screenshot, sign_in, small_targets
from tests.flow.conftest import doors  # noqa: F401 - a fixture
from tests.flow.doors import Data, Doors, fresh

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.flow
ADMINISTRATOR, MANAGER, *_ = SUPPLIER
WON: Data = {"type": "closed_won_total_deals_amount", "options": {"currency": "USD"}}
DEALS: Data = {"type": "approved_registered_deals"}
HEAVIEST = 100_000


@pytest.fixture(scope="session")
def console(doors: Doors) -> str:
    """Where the console is."""
    site: str = doors.stack["plans"]
    return site


@pytest.fixture
def page(make_context: "Callable[..., BrowserContext]") -> "Page":
    """A wide, light page that does not wait for long."""
    page = make_context().new_page()
    page.set_default_timeout(8_000)
    return page


def add(page: "Page", goal: str) -> None:
    """Add a goal by its button, as the keyboard does."""
    page.get_by_role("button", name=f"Add {goal}", exact=True).press("Enter")


def begin_in_march(page: "Page", doors: Doors) -> None:
    """Type a start; the end is shown as it is typed."""
    start = doors.now().date().replace(month=3, day=1)
    page.get_by_label("Start date").fill(start.isoformat())
    last = start.replace(year=start.year + 1) - timedelta(days=1)
    assert page.locator("[data-end]").inner_text() == f"{last.day} Feb {last.year}"


def test_a_strategy_and_its_plan_are_made(page: "Page", doors: Doors, console: str) -> None:
    partner = doors.partner(name=fresh("Harbour"))
    name = fresh("FY")
    sign_in(page, console, MANAGER, "/strategies/new")
    page.get_by_label("Name", exact=True).fill(name)
    begin_in_march(page, doors)
    page.locator("[data-type=closed_won_total_deals_amount]").drag_to(page.locator("[data-group]"))
    currency = page.get_by_label("Currency")
    currency.wait_for()
    assert currency.evaluate("field => field === document.activeElement")
    add(page, "Approved Accounts")
    page.get_by_role("button", name="Move up Approved Accounts").press("Enter")
    first = page.locator(".goal-edit").first.get_by_role("textbox").first
    page.locator(".goal-edit:first-child input[value='Approved Accounts']").wait_for()
    assert first.input_value() == "Approved Accounts"
    page.get_by_role("button", name="Save", exact=True).last.click()
    assert "needs this option" in page.locator("[data-summary]").inner_text()
    assert page.get_by_label("Name", exact=True).input_value() == name
    page.get_by_label("Currency").fill("USD")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_text("Strategy created").wait_for()

    page.goto(f"{console}/plans/new")
    page.get_by_label("Strategy").select_option(label=name)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Search partners").fill("harbour")
    page.get_by_role("button", name="Show partners").click()
    page.locator(f"input[value={partner}]").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Approved Accounts, Plan Target").fill("10")
    assert page.get_by_label("Approved Accounts, Q1").input_value() == "3"
    page.get_by_label("Approved Accounts, Q4").fill("5")
    assert page.get_by_label("Approved Accounts, Plan Target").input_value() == "13"
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Targets saved").wait_for()
    assert page.get_by_label("Approved Accounts, Plan Target").input_value() == "13"


def test_a_strategy_in_progress_asks_before_it_changes_plans(
    page: "Page", doors: Doors, console: str
) -> None:
    strategy = doors.strategy(DEALS, WON)
    plan = doors.plan(strategy, doors.partner())
    sign_in(page, console, MANAGER, f"/strategies/{strategy['strategy_id']}")
    page.get_by_role("button", name="Remove Approved Registered Deals").click()
    removed = page.get_by_role("button", name="Remove Approved Registered Deals")
    removed.wait_for(state="detached")
    page.get_by_role("button", name="Save", exact=True).last.click()
    told = page.locator(".note.warning")
    assert "Goal removed: Approved Registered Deals" in told.inner_text()
    assert "Success Plans that follow at once: 1" in told.inner_text()
    screenshot(page, "console confirm")
    page.get_by_role("button", name="Save and change the plans").click()
    page.get_by_text("Strategy saved").wait_for()
    page.goto(f"{console}/plans/{plan['plan_id']}")
    assert page.get_by_label("Approved Registered Deals, Plan Target").count() == 0


def test_the_second_of_two_people_sees_both_versions(
    page: "Page", doors: Doors, console: str
) -> None:
    strategy = doors.strategy(DEALS)
    goal = strategy["goal_groups"][0]["goals"][0]["goal_id"]
    plan = doors.plan(strategy, doors.partner())
    url = f"/plans/{plan['plan_id']}"
    sign_in(page, console, MANAGER, url)
    body = {"targets": {goal: {"annual": 8}}}
    doors.call("PUT", "plans", f"/v1{url}/targets", json=body)
    page.get_by_label("Approved Registered Deals, Plan Target").fill("100")
    page.get_by_role("button", name="Save").click()
    assert "Saved: 8 · 2 · 2 · 2 · 2" in page.locator("tbody").first.inner_text()
    assert page.get_by_label("Approved Registered Deals, Plan Target").input_value() == "100"
    now = doors.get("plans", f"/v1{url}")
    assert now["targets"][goal]["annual"] == "8"

    url = f"/strategies/{strategy['strategy_id']}"
    page.goto(console + url)
    doors.replace(strategy, description="Theirs")
    page.get_by_label("Name", exact=True).fill("Mine")
    page.get_by_role("button", name="Save", exact=True).last.click()
    assert "Somebody else saved this strategy" in page.locator(".note.warning").inner_text()
    assert page.get_by_label("Name", exact=True).input_value() == "Mine"


def test_plans_are_made_in_bulk(page: "Page", doors: Doors, console: str, tmp_path: "Path") -> None:
    group = fresh("group")
    partner = doors.partner(groups=[group])
    strategy = doors.strategy(DEALS, partner_groups=[group])
    sign_in(page, console, MANAGER, f"/plans/template?strategy={strategy['strategy_id']}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Get Template").click()
    file = tmp_path / "template.csv"
    waiting.value.save_as(file)
    lines = file.read_text("utf-8-sig").splitlines()
    assert partner in lines[1]
    wrong = tmp_path / "wrong.csv"
    wrong.write_bytes("Größe;x".encode("latin-1"))
    page.goto(f"{console}/plans/import")
    page.get_by_label("File").set_input_files(wrong)
    page.get_by_role("button", name="Preview").click()
    assert page.locator("#f-file-wrong").inner_text()
    file.write_text("\n".join([lines[0], lines[1].replace(",,,,,,", ",8,2,2,2,2,")]), "utf-8-sig")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="Preview of the import").wait_for()
    assert page.locator("dl").inner_text().split("\n")[:2] == ["New Plans", "1"]
    page.get_by_role("button", name="Import").click()
    page.get_by_role("heading", name="Plans imported").wait_for()
    page.goto(f"{console}/plans?strategy={strategy['strategy_id']}")
    assert "New" in page.locator("tbody").inner_text()


def test_an_administrator_deletes(page: "Page", doors: Doors, console: str) -> None:
    strategy = doors.strategy(DEALS)
    plan = doors.plan(strategy, doors.partner())
    sign_in(page, console, ADMINISTRATOR, f"/plans/{plan['plan_id']}")
    page.get_by_role("button", name="Delete Success Plan").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Success Plan deleted").wait_for()
    page.goto(f"{console}/strategies/{strategy['strategy_id']}/delete")
    page.get_by_role("button", name="Delete Strategy").click()
    page.get_by_text("Strategy deleted").wait_for()


def test_goals_are_arranged_without_scripts(
    make_context: "Callable[..., BrowserContext]", console: str, doors: Doors
) -> None:
    page = make_context(scripts=False).new_page()
    page.set_default_timeout(8_000)
    page.goto(f"{console}/strategies/new")
    page.get_by_role("button", name=ADMINISTRATOR.name).click()
    page.wait_for_url(f"{console}/strategies/new")
    page.get_by_label("Name", exact=True).fill("Kept")
    page.get_by_role("button", name="Add Registered Leads").click()
    page.get_by_role("button", name="Create Group").click()
    page.get_by_role("button", name="Move Registered Leads to the chosen group").click()
    assert page.locator("[data-group='1'] .goal-edit").count() == 1
    assert page.get_by_label("Name", exact=True).input_value() == "Kept"


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("phone", "dark")])
def test_every_page_is_sound(
    make_context: "Callable[..., BrowserContext]",
    doors: Doors,
    console: str,
    size: str,
    scheme: str,
) -> None:
    strategy = doors.strategy(
        DEALS, WON, {"type": "completed_certifications", "options": {"certification": "c"}}
    )
    plan = doors.plan(strategy, doors.partner())
    page = make_context(size, scheme).new_page()
    sign_in(page, console, ADMINISTRATOR, "/plans")
    found: dict[str, list[str]] = {}
    for path in (
        "/plans",
        "/plans?q=nothing-such",
        "/plans/new",
        f"/plans/new?strategy={strategy['strategy_id']}",
        f"/plans/{plan['plan_id']}",
        f"/plans/{plan['plan_id']}/delete",
        "/plans/template",
        "/plans/import",
        "/strategies",
        "/strategies/new",
        f"/strategies/{strategy['strategy_id']}",
    ):
        answer = page.goto(console + path)
        assert answer is not None
        wrong = [*faults(page), *overflow(page), *small_targets(page)]
        wrong += [f"{len(answer.body())} bytes"] * (len(answer.body()) > HEAVIEST)
        screenshot(page, f"console {size} {scheme} {path[:22]}")
        if wrong or answer.status != 200:
            found[path] = [str(answer.status), *wrong]
    assert found == {}
