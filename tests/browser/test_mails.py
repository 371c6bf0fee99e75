"""Mails as programs show them, and the console's pages about them, in a real browser.

The pictures of mails in docs/tour.md come from the mailbox of `make demo`:
`MILEPOST_TOUR=1 MILEPOST_TEST_STACK=.local/stack.json pytest tests/browser/test_mails.py`
with `-k mailbox`.
"""

import base64
import email
import email.policy
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.personas import Persona
from services.notifier.domain.language import LANGUAGES
from services.notifier.domain.logo import read_logo
from services.notifier.domain.look import Colours, Look, Sender
from services.notifier.look.book import LookBook
from services.notifier.mail.letter import STREAMS, LetterWriter
from services.notifier.mail.samples import sample_claim, sample_content
from services.notifier.store import Claim
from tests.browser.conftest import (
    ROOT,
    cut_off,
    faults,
    overflow,
    screenshot,
    sign_in,
    small_targets,
)
from tests.flow.doors import Doors
from tests.store.notifier_parts import settings_for
from tests.unit.test_notifier_golden import names_in
from tests.unit.test_notifier_look import png

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    MakeContext = Callable[..., BrowserContext]

AT = datetime(2026, 9, 1, 8, tzinfo=UTC)
ROBIN = Persona("Robin Hale", "administrator", "robin.hale@supplier.example")
BRAND = Look(
    1,
    "Northwind Partner Program",
    Sender("Northwind", "partners@mail.example"),
    Colours("#9a3412", None, "#1f2937"),
    read_logo(png()),
)
LONG = "Donaudampfschifffahrtsgesellschaft" * 300
# A mail is an article within the page of the mail program, which has the landmarks.
OF_THE_PROGRAM = ("landmark-one-main", "region")
PLAIN = {"name": "Milepost", "sender": {"name": "Milepost", "address": "milepost@localhost"}}


def page_of(mail: EmailMessage) -> str:
    """The HTML part, its images within it."""
    part = mail.get_body(("html",))
    assert part is not None
    html = str(part.get_content())
    for image in mail.walk():
        if image.get_content_maintype() == "image":
            content = base64.b64encode(image.get_content()).decode()
            where = image["Content-ID"].strip("<>")
            data = f"data:{image.get_content_type()};base64,{content}"
            html = html.replace(f"cid:{where}", data)
    return html


def written(claim: Claim, look: Look | None = None) -> str:
    told = settings_for("postgresql://x", 25, portal_url="https://portal.example")
    book = LookBook(told)
    book.now = look or book.now
    content = LetterWriter(told, book).letter(claim, AT)[1]
    return page_of(email.message_from_bytes(content, policy=email.policy.default))


def a_claim(stream: str, code: str) -> Claim:
    return sample_claim(stream, code, "ana@one.example", domain="mail.example")


@pytest.mark.parametrize("look", [None, BRAND], ids=["plain", "branded"])
@pytest.mark.parametrize("code", list(LANGUAGES))
@pytest.mark.parametrize("stream", STREAMS)
def test_everybody_can_read_a_mail(
    make_context: "MakeContext", stream: str, code: str, look: Look | None
) -> None:
    html = written(a_claim(stream, code), look)
    for size, scheme in [
        ("wide", "light"),
        ("wide", "dark"),
        ("phone", "light"),
        ("phone", "dark"),
    ]:
        page = make_context(size, scheme).new_page()
        page.set_content(html)
        assert faults(page, but=OF_THE_PROGRAM) == []
        assert cut_off(page) == []
        assert small_targets(page) == []
        dress = "branded" if look else "plain"
        screenshot(page, f"mail {stream} {code} {dress} {size} {scheme}")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_long_name_does_not_push_a_mail_out_of_the_screen(
    make_context: "MakeContext", stream: str
) -> None:
    content = json.dumps(names_in(json.loads(sample_content(stream)), LONG))
    claim = replace(a_claim(stream, "de"), content=content, recipient_name=LONG)
    page = make_context("phone").new_page()
    page.set_content(written(claim, replace(BRAND, name="W" * 80, logo=None)))
    assert cut_off(page) == []
    screenshot(page, f"mail {stream} with long names")


# --- the console --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doors(request: pytest.FixtureRequest) -> Iterator[Doors]:
    running = os.environ.get("MILEPOST_TEST_STACK")
    file = Path(running) if running else request.getfixturevalue("stack").home / "stack.json"
    opened = Doors(file)
    yield opened
    opened.call("PUT", "notifier", "/v1/look", role="administrator", json=PLAIN)
    opened.call("DELETE", "notifier", "/v1/look/logo", role="administrator")
    opened.http.close()


def right(page: "Page") -> None:
    assert faults(page) == []
    assert overflow(page) == []
    assert small_targets(page) == []


@pytest.mark.flow
def test_an_administrator_looks_at_samples(page: "Page", doors: Doors) -> None:
    sign_in(page, doors.stack["notifier"], ROBIN, "/mails")
    frame = page.frame_locator("iframe.mail")
    frame.get_by_role("heading", name="FY26 Partner growth").wait_for()
    right(page)
    page.get_by_label("Language").select_option("de")
    frame.get_by_text("1 von 4 Jahreszielen erreicht.", exact=True).last.wait_for()
    page.get_by_role("combobox", name="Mail", exact=True).select_option("seller_insights")
    frame.get_by_role("heading", name="Ihre Einblicke").wait_for()
    page.get_by_role("region", name="Text part").get_by_text("Nur für Ihre Augen.").wait_for()
    page.get_by_role("combobox", name="Colours", exact=True).select_option("dark")
    page.wait_for_url("**scheme=dark**")
    page.get_by_label("Width").select_option("phone")
    page.wait_for_url("**width=phone**")
    ground = frame.locator(".card").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == "rgb(28, 37, 46)"
    box = page.locator("iframe.mail").bounding_box()
    assert box is not None
    assert box["width"] < 380
    right(page)


@pytest.mark.flow
def test_a_sample_runs_nothing_and_is_for_administrators_alone(
    make_context: "MakeContext", doors: Doors
) -> None:
    site = doors.stack["notifier"]
    page = make_context().new_page()
    sign_in(page, site, ROBIN, "/mails")
    answer = page.request.get(f"{site}/mails/sample/partner_progress/de")
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    for path in ("nothing/de", "partner_progress/xx"):
        assert page.request.get(f"{site}/mails/sample/{path}").status == 404
    manager = make_context().new_page()
    sign_in(manager, site, Persona("Chris", "channel_manager", "c@supplier.example"), "/mails")
    manager.get_by_role("heading", name="This page is not for your role").wait_for()
    assert manager.request.get(f"{site}/mails/look").status == 403
    assert manager.request.get(f"{site}/mails/sample/partner_progress/de").status == 403
    foreign = page.request.post(f"{site}/mails/test", form={"template": "partner_progress"})
    assert foreign.status == 403, "without the form's token"


@pytest.mark.flow
def test_a_test_goes_to_the_one_who_is_signed_in(page: "Page", doors: Doors) -> None:
    mailbox = Path(doors.stack["mail_dir"])
    before = set(mailbox.glob("*.eml"))
    who = Persona("Robin Two", "administrator", f"robin.{len(before)}@supplier.example")
    sign_in(page, doors.stack["notifier"], who, "/mails?language=de")
    page.get_by_role("button", name="Send me a test").click()
    page.get_by_text(f"The test is on its way to {who.email}.").wait_for()
    new = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for file in set(mailbox.glob("*.eml")) - before
    ]
    [mail] = [mail for mail in new if mail["To"] == who.email]
    assert str(mail["Subject"]).startswith("[Test] FY26 Partner growth: Ihr Stand am")
    for _ in range(4):
        page.get_by_role("button", name="Send me a test").click()
        page.wait_for_load_state()
    page.get_by_role("button", name="Send me a test").click()
    page.get_by_text("That was enough tests for now").wait_for()


@pytest.mark.flow
def test_an_administrator_sets_the_look(page: "Page", doors: Doors, tmp_path: Path) -> None:
    sign_in(page, doors.stack["notifier"], ROBIN, "/mails/look")
    page.get_by_label("Name", exact=True).fill("Northwind Partner Program")
    page.get_by_label("Accent", exact=True).fill("#ff8800")
    page.get_by_label("Sender's address").fill("partners@elsewhere.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("its contrast is 2.1 to 1, 4.5 is needed").first.wait_for()
    page.get_by_text("Must be an address at localhost").last.wait_for()
    right(page)
    assert page.get_by_label("Name", exact=True).input_value() == "Northwind Partner Program"
    page.get_by_label("Accent", exact=True).fill("#9a3412")
    page.get_by_label("Sender's address").fill("partners@localhost")
    wrong = tmp_path / "logo.png"
    wrong.write_bytes(b"<svg onload='alert(1)'/>")
    page.get_by_label("Logo", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Is an SVG, which mail programs do not show").last.wait_for()
    wrong.write_bytes(png())
    page.get_by_label("Logo", exact=True).set_input_files(wrong)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The look is saved.").wait_for()
    page.frame_locator("iframe.mail").get_by_alt_text("Northwind Partner Program").wait_for()
    page.get_by_role("row", name=ROBIN.email).first.wait_for()
    right(page)
    page.get_by_label("Remove this logo").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Logo", exact=True).last.wait_for()
    assert page.get_by_alt_text("The logo now").count() == 0


@pytest.mark.flow
def test_the_look_is_set_on_a_phone_and_without_scripts(
    make_context: "MakeContext", doors: Doors
) -> None:
    page = make_context("phone", "dark", scripts=False).new_page()
    sign_in(page, doors.stack["notifier"], ROBIN, "/mails/look")
    page.get_by_label("Dark accent").fill("#8cc4ff")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The look is saved.").wait_for()
    shown = make_context("phone", "dark").new_page()
    sign_in(shown, doors.stack["notifier"], ROBIN, "/mails/look")
    right(shown)
    shown.goto(f"{doors.stack['notifier']}/mails?template=seller_insights&scheme=dark")
    right(shown)


@pytest.mark.flow
def test_who_comes_second_overwrites_nothing(page: "Page", doors: Doors) -> None:
    sign_in(page, doors.stack["notifier"], ROBIN, "/mails/look")
    page.get_by_label("Name", exact=True).fill("Second")
    first: dict[str, Any] = {**PLAIN, "name": "First"}
    doors.call("PUT", "notifier", "/v1/look", role="administrator", json=first)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Look at it, save again.").wait_for()
    assert page.get_by_label("Name", exact=True).input_value() == "Second"
    found = doors.get("notifier", "/v1/look")
    assert found["name"] == "First"


WAYS_TO_READ = {"light": ("wide", "light"), "dark": ("wide", "dark"), "phone": ("phone", "light")}
ON_THE_TOUR = {
    ("partner", "en"): ("light", "dark"),
    ("partner", "de"): ("phone",),
    ("seller", "en"): ("light", "dark", "phone"),
}


@pytest.mark.flow
def test_pictures_of_the_mailbox(make_context: "MakeContext", doors: Doors) -> None:
    if os.environ.get("MILEPOST_TOUR") != "1":
        pytest.skip("for the tour alone, on the stack of `make demo`")
    wanted = dict(ON_THE_TOUR)
    for file in sorted(Path(doors.stack["mail_dir"]).glob("*.eml"), reverse=True):
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        html = page_of(mail)
        stream = "seller" if "/v1/participation/" in html else "partner"
        kind = stream, "de" if '<html lang="de"' in html else "en"
        if kind not in wanted:
            continue
        for name in wanted.pop(kind):
            size, scheme = WAYS_TO_READ[name]
            page = make_context(size, scheme).new_page()
            page.set_content(html)
            if size == "wide":
                page.set_viewport_size({"width": 720, "height": 900})
            kept = screenshot(page, f"mail {' '.join(kind)} {name}")
            (ROOT / "docs" / "tour" / kept.name).write_bytes(kept.read_bytes())
    assert wanted == {}
