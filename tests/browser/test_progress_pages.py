"""Progress pages, the portal, pages of the supplier's own and widgets, as people see them.

The pictures of docs/tour.md come from here: `MILEPOST_TOUR=1` writes them anew.
"""

import http.server
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from deploy.local.personas import Persona
from tests.browser.conftest import ROOT, faults, overflow, screenshot, sign_in, small_targets
from tests.flow.doors import Doors, event, eventually, fresh
from tests.oracle import dues

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    MakeContext = Callable[..., BrowserContext]

pytestmark = pytest.mark.flow

TOUR = ROOT / "docs" / "tour"
MANAGER = Persona("Chris Adeyemi", "channel_manager", "chris@supplier.example")
LARGEST = 100_000


@pytest.fixture(scope="module")
def doors(request: pytest.FixtureRequest) -> Iterator[Doors]:
    running = os.environ.get("MILEPOST_TEST_STACK")
    file = Path(running) if running else request.getfixturevalue("stack").home / "stack.json"
    opened = Doors(file)
    yield opened
    opened.http.close()


def called(name: str) -> str:
    """A name that no other test uses; for the tour, whose stack is its own, the plain one."""
    return name if os.environ.get("MILEPOST_TOUR") == "1" else fresh(name)


@dataclass(frozen=True)
class Scene:
    """A partner with two plans under way and some sales, and where its pages are."""

    site: str
    console: str
    partner: str
    ada: Persona
    strategy: str
    plan: str
    leads: str
    """The goal that counts registered leads."""
    deals: str
    today: date
    """The day on which the sales were told; other tests set the clock on."""


@pytest.fixture(scope="module")
def scene(doors: Doors) -> Scene:
    name = "Aldergate Systems"
    partner = doors.partner(name=name, admins=["ada@aldergate.example"])
    start = doors.today() - timedelta(days=130)
    strategy = doors.strategy(
        {"type": "approved_registered_deals", "name": "Registered deals", "options": {}},
        {
            "type": "closed_won_total_deals_amount",
            "name": "Closed won",
            "options": {"currency": "USD"},
        },
        {"type": "registered_leads", "name": "Your own leads", "options": {}},
        start=start,
        name=called("FY26 Partner growth"),
    )
    deals, won, leads = (one["goal_id"] for one in strategy["goal_groups"][0]["goals"])
    targets = {deals: {"annual": "12"}, won: {"annual": "240000.00"}, leads: {"annual": "40"}}
    plan = doors.plan(strategy, partner, targets)["plan_id"]
    begun = doors.today() - timedelta(days=300)
    first = {"type": "registered_leads", "options": {}}
    doors.plan(doors.strategy(first, start=begun, name=called("Onboarding")), partner)
    doors.send(*sales(partner, doors))
    doors.shows(plan, "4", "126000.00", "0")
    ada = Persona("Ada Quinn", "partner_admin", "ada@aldergate.example", partner=partner)
    return Scene(
        site=doors.stack["progress"],
        console=doors.stack["plans"],
        partner=partner,
        ada=ada,
        strategy=strategy["strategy_id"],
        plan=plan,
        leads=leads,
        deals=deals,
        today=doors.today(),
    )


def sales(partner: str, doors: Doors) -> list[dict[str, Any]]:
    """Four deals that count and one that does not yet."""
    told = []
    for number, (days, amount) in enumerate(
        [(110, "41000"), (80, "27500"), (35, "57500"), (9, "")]
    ):
        day = str(doors.today() - timedelta(days=days))
        deal = {"deal_id": fresh("d"), "version": 1, "partner_id": partner, "products": []}
        deal |= {"name": f"Rollout {number + 1}", "status": "approved", "approved_on": day}
        if amount:
            deal |= {"status": "closed_won", "amount": amount, "currency": "USD", "closed_on": day}
        told.append(event("deal", deal))
    draft = {"deal_id": fresh("d"), "version": 1, "partner_id": partner, "products": []}
    return [*told, event("deal", {**draft, "name": "An idea", "status": "draft"})]


def picture(page: "Page", name: str, *, whole: bool = False) -> None:
    """Keep a picture, for the tour too when that is made anew."""
    page.set_viewport_size({"width": 1120, "height": 700})
    kept = screenshot(page, name, whole=whole)
    page.set_viewport_size({"width": 1440, "height": 900})
    if os.environ.get("MILEPOST_TOUR") == "1":
        TOUR.mkdir(exist_ok=True)
        (TOUR / kept.name).write_bytes(kept.read_bytes())


def test_the_supplier_sees_a_partners_plan_down_to_the_record(page: "Page", scene: Scene) -> None:
    sign_in(page, scene.site, MANAGER, f"/partners?q={scene.partner}")
    page.get_by_role("link", name="Aldergate Systems").first.click()
    page.wait_for_url("**/partners/*")
    picture(page, "partner account")
    page.get_by_role("heading", level=2).get_by_role("link").last.click()
    page.goto(f"{scene.site}/progress/plans/{scene.plan}")
    picture(page, "plan progress")
    page.get_by_role("link", name="Quarterly View").click()
    page.get_by_role("img", name=re.compile("by quarter")).first.wait_for()
    page.goto(f"{scene.site}/progress/plans/{scene.plan}")
    page.get_by_role("link", name="Registered deals").click()
    page.get_by_text("An idea").wait_for()
    picture(page, "why this number", whole=True)
    page.get_by_label("Record", exact=True).fill("deal/unheard-of")
    page.get_by_role("button", name="Check").click()
    page.get_by_text("is no record of this partner").wait_for()


def test_who_is_signed_in_here_is_signed_in_at_the_console(page: "Page", scene: Scene) -> None:
    sign_in(page, scene.site, MANAGER, "/partners")
    ways = {
        "strategy editor": f"/strategies/{scene.strategy}",
        "plan targets": f"/plans/{scene.plan}",
        "plans": "/plans",
    }
    for name, path in ways.items():
        page.goto(scene.console + path)
        page.get_by_role("heading", level=1).wait_for()
        picture(page, f"console {name}")


def test_any_day_can_be_looked_back_at(page: "Page", scene: Scene) -> None:
    sign_in(page, scene.site, MANAGER, f"/progress/plans/{scene.plan}")
    page.get_by_label("As of").fill(str(scene.today - timedelta(days=60)))
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**at=*")
    page.get_by_text("68,500").first.wait_for()
    page.get_by_role("link", name="Today").click()
    page.get_by_text("126,000").first.wait_for()


@dataclass(frozen=True)
class Corrected:
    """A plan whose only mail told a deal that was reopened since, and not one that came late."""

    site: str
    bo: Persona
    plan: str
    mail: str


@pytest.fixture(scope="module")
def corrected(doors: Doors) -> Corrected:
    partner = doors.partner(name="Birchwell Networks", admins=["bo@birchwell.example"])
    start = doors.today()
    won = {"type": "closed_won_total_deals_amount", "name": "Closed won"}
    strategy = doors.strategy(
        {**won, "options": {"currency": "USD"}}, start=start, name=called("FY27 Growth")
    )
    plan: str = doors.plan(strategy, partner)["plan_id"]
    deal = {"deal_id": fresh("d"), "version": 1, "partner_id": partner, "name": "Night shift"}
    deal |= {"status": "closed_won", "amount": "900", "currency": "USD", "closed_on": str(start)}
    doors.send(event("deal", deal))
    doors.shows(plan, "900.00")
    due = dues(start, ZoneInfo("UTC"), 8, doors.now())[0]
    doors.jump(due.at + timedelta(seconds=1))
    [mail] = eventually(
        lambda: doors.get("progress", f"/v1/plans/{plan}/statements")["items"], bool
    )
    late = {**deal, "deal_id": fresh("d"), "name": "Morning shift", "amount": "250"}
    doors.send(event("deal", {**deal, "version": 2, "status": "approved"}), event("deal", late))
    doors.shows(plan, "250.00")
    bo = Persona("Bo Lindqvist", "partner_admin", "bo@birchwell.example", partner=partner)
    return Corrected(doors.stack["progress"], bo, plan, mail["tick_id"])


def test_a_mail_that_was_corrected_since_has_a_second_version(
    page: "Page", corrected: Corrected
) -> None:
    sign_in(page, corrected.site, corrected.bo, f"/portal/plans/{corrected.plan}")
    card = page.locator(".card", has_text="Monthly mails")
    told = card.locator(".corrections").inner_text()
    assert "US$250" in told
    assert "Night shift no longer counts" in told
    assert "Morning shift was reported later" in told
    picture(page, "partner monthly mails")
    card.get_by_role("link").first.click()
    page.get_by_role("img", name=re.compile("900")).first.wait_for()
    page.get_by_role("link", name=re.compile("Version 2")).click()
    page.get_by_role("img", name=re.compile("250")).first.wait_for()
    picture(page, "a corrected mail")


def test_a_lead_moves_its_goal_without_a_reload(page: "Page", scene: Scene) -> None:
    sign_in(page, scene.site, scene.ada, f"/portal/plans/{scene.plan}")
    page.evaluate("() => { window.stayed = true; }")
    page.get_by_label("Name").fill("Lee Moreau")
    page.get_by_label("Email").fill("lee")
    page.get_by_role("button", name="Register", exact=True).click()
    page.locator("[data-summary]").wait_for()
    assert page.get_by_label("Name").input_value() == "Lee Moreau"
    page.get_by_label("Email").fill("lee@customer.example")
    page.get_by_role("button", name="Register", exact=True).click()
    page.get_by_role("img", name=re.compile("Your own leads: 1 of 40")).wait_for(timeout=4000)
    assert page.evaluate("() => window.stayed") is True
    picture(page, "partner plan")
    page.get_by_text("Other plans").click()
    assert page.locator(".menu[open] li").count() == 2


def test_a_page_of_the_suppliers_own(
    page: "Page", make_context: "MakeContext", scene: Scene
) -> None:
    name = "How we stand together"
    sign_in(page, scene.site, MANAGER, "/portal-pages/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Template").select_option("two_columns")
    page.get_by_role("textbox", name="Content").fill("# Welcome\n\nThis is **our year**.\n\n")
    page.get_by_role("button", name="Success Plan", exact=True).click()
    page.get_by_label("Second column").fill(
        "## Questions?\n\nWrite to [us](mailto:us@supplier.example)."
    )
    page.get_by_role("button", name="Preview").click()
    page.locator("#preview").get_by_text("Each partner sees its own plan here.").wait_for()
    picture(page, "portal page editor", whole=True)
    assert faults(page) == []
    page.get_by_role("button", name="Save and close").click()
    page.wait_for_url("**/portal-pages")
    picture(page, "portal pages")
    portal = make_context().new_page()
    sign_in(portal, scene.site, scene.ada, "/portal")
    portal.get_by_role("link", name=name).click()
    portal.get_by_text("our year", exact=True).wait_for()
    portal.get_by_role("img", name=re.compile("Your own leads|Goal|Registered")).first.wait_for()
    assert faults(portal) == []
    picture(portal, "portal page")
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Delete Page").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text(f"{name} is deleted").wait_for()


@pytest.fixture
def foreign_page(doors: Doors, scene: Scene) -> Iterator[str]:
    """docs/examples/embed.html, served from an origin of its own."""
    wanted = {"partner_id": scene.partner}
    token = doors.call("POST", "progress", "/v1/embed-tokens", json=wanted).json()["token"]
    text = (ROOT / "docs" / "examples" / "embed.html").read_text()
    content = text.replace("PORTAL", scene.site).replace("TOKEN", token).encode()

    class Example(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content if self.path == "/" else b"")

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Example)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_widgets_work_in_a_page_of_another_origin(page: "Page", foreign_page: str) -> None:
    page.goto(foreign_page)
    frames = page.locator("iframe")
    assert frames.count() == 2
    assert "allow-top-navigation" not in (frames.first.get_attribute("sandbox") or "")
    for title in ("Your Success Plan", "Your Success Plan by quarter"):
        inside = page.frame_locator(f'iframe[title="{title}"]')
        inside.get_by_role("heading", level=2).first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('iframe')].every((f) => Number(f.height) > 330)"
    )
    assert overflow(page) == []
    assert faults(page) == []
    picture(page, "embedded widget")
    before = frames.first.get_attribute("height")
    page.evaluate("() => postMessage({ type: 'milepost:height', height: 5000 }, '*')")
    page.wait_for_timeout(100)
    assert frames.first.get_attribute("height") == before


LOOKED_AT = {
    "supplier": {
        "partners": "/partners",
        "no partner": "/partners?q=nobody-at-all",
        "account": "/partners/{partner}",
        "plan": "/progress/plans/{plan}",
        "quarters": "/progress/plans/{plan}?view=quarters",
        "goal": "/progress/plans/{plan}/goals/{deals}?record=deal/x",
        "pages": "/portal-pages",
        "new page": "/portal-pages/new",
        "mail": "/progress/plans/{corrected}/statements/{mail}",
    },
    "partner": {
        "portal": "/portal/plans/{plan}",
        "portal quarters": "/portal/plans/{plan}?view=quarters",
        "portal goal": "/portal/plans/{plan}/goals/{deals}",
    },
    "partner whose mail was corrected": {
        "portal mails": "/portal/plans/{corrected}",
        "portal mail": "/portal/plans/{corrected}/statements/{mail}?version=2",
    },
}


@pytest.mark.parametrize("size", ["phone", "wide"])
@pytest.mark.parametrize("who", LOOKED_AT)
def test_every_page_is_fit_for_everybody(
    make_context: "MakeContext", scene: Scene, corrected: Corrected, size: str, who: str
) -> None:
    page = make_context(size).new_page()
    readers = {"supplier": MANAGER, "partner": scene.ada}
    sign_in(page, scene.site, readers.get(who, corrected.bo), "/")
    ids = {"partner": scene.partner, "plan": scene.plan, "deals": scene.deals}
    ids |= {"corrected": corrected.plan, "mail": corrected.mail}
    for name, path in LOOKED_AT[who].items():
        answer = page.goto(scene.site + path.format(**ids))
        assert answer is not None
        assert answer.status == 200, name
        assert len(answer.body()) < LARGEST, name
        screenshot(page, f"progress {name} {size} light")
        assert faults(page) == [], name
        page.emulate_media(color_scheme="dark")
        screenshot(page, f"progress {name} {size} dark")
        assert faults(page, only="color-contrast") == [], name
        page.emulate_media(color_scheme="light")
        assert overflow(page) == [], name
        assert small_targets(page) == [], name


def test_a_plan_prints_without_what_is_for_screens(page: "Page", scene: Scene) -> None:
    sign_in(page, scene.site, MANAGER, f"/progress/plans/{scene.plan}")
    page.emulate_media(media="print")
    page.get_by_role("heading", level=1).wait_for()
    assert not page.locator("nav.side").is_visible()
    assert not page.get_by_label("As of").is_visible()
    page.get_by_text("Closed won").first.wait_for()
    screenshot(page, "progress plan print")
