"""What a mail says and how it is put together: the same figures twice, nothing injected."""

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.language import LANGUAGES, Code, language_of, language_of_browser
from services.notifier.domain.look import shown
from services.notifier.domain.progress_mail import ProgressMail, progress_mail
from services.notifier.domain.statement import read_statement
from services.notifier.domain.wording import one_line
from services.notifier.handlers import TEMPLATES
from services.notifier.look.book import look_of
from services.notifier.mail.compose import HeaderRefusedError, Mail, Mailbox, compose
from services.notifier.mail.rendering import TEMPLATES as FILES
from services.notifier.mail.rendering import Parts, mail_template
from services.notifier.store import Claim
from shared.kernel.ids import named_id
from tests.store.notifier_parts import goal, letters, progress, settings_for, statement

UTC_ZONE = ZoneInfo("UTC")
MONEY = goal(
    "Closed Won", "EUR", ("123456.50", "100000.00", "123.5"), ("1000.00", "25000.00", "4.0")
)
BARE = goal("Certifications", "count", ("4", None, None), ("1", None, None))
FIELD = goal("Seats", "number", ("7.50", "9.00", "83.3"), ("7.50", "0.00", None))


def mail_of(
    *goals: dict[str, Any], name: str = "Ana Díaz", code: Code = "en", **changes: Any
) -> ProgressMail:
    told = statement("p1", "ann@one.example", **{"progress": progress(*goals), **changes})
    return progress_mail(
        read_statement(msgspec.json.encode(told)),
        LANGUAGES[code],
        name=name,
        zone=UTC_ZONE,
        portal_url="https://portal.example/p1",
        unsubscribe_url="https://mail.example/v1/unsubscribe/abc",
    )


def parts_of(*goals: dict[str, Any], code: Code = "en", **changes: Any) -> Parts:
    look = shown(look_of(settings_for("postgresql://x", 25)), None)
    return mail_template("partner_progress", code).fill(mail_of(*goals, code=code, **changes), look)


class Words(HTMLParser):
    """The visible words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "title", "head")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title", "head")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def words_of(html: str) -> str:
    parser = Words()
    parser.feed(html)
    return " ".join(parser.words)


# --- what it says -------------------------------------------------------------------------------


CORRECTED = {
    "goal_id": "g1",
    "unit": "EUR",
    "day": "2026-02-01",
    "quarter": None,
    "was": "120000.00",
    "value": "123000.50",
    "records": [
        {"record": "deal/d1", "name": "Fleet", "change": "came_late", "value": "5000.50"},
        {"record": "deal/d2", "name": None, "change": "gone", "was": "2000.00"},
        {"record": "lead/l1", "name": None, "change": "added", "value": "1"},
        {"record": "deal/d3", "name": "Pilot", "change": "changed", "was": "9.00", "value": "9.50"},
    ],
    "more": 2,
}


ENGLISH = (
    "Corrected: 123,000.50 EUR on 1 February 2026, not 120,000.00 EUR as an earlier mail "
    "said. Why: deal “Fleet” was reported later; deal “d2” no longer counts; lead “l1” "
    "counts now; deal “Pilot” counts 9.50, not 9.00; 2 more changes."
)
GERMAN = (
    "Berichtigt: am 1. Februar 2026 waren es 123.000,50 EUR, nicht 120.000,00 EUR wie in "
    "einer früheren Mail. Grund: Geschäft „Fleet“ wurde später gemeldet; Geschäft „d2“ "
    "zählt nicht mehr; Lead „l1“ zählt jetzt; Geschäft „Pilot“ zählt 9,50 statt 9,00; 2 "
    "weitere Änderungen."
)


@pytest.mark.parametrize(("code", "line"), [("en", ENGLISH), ("de", GERMAN)])
def test_a_figure_that_an_earlier_mail_told_otherwise_is_corrected_in_one_line(
    code: Code, line: str
) -> None:
    told = {**MONEY, "goal_id": "g1"}
    parts = parts_of(told, BARE, code=code, corrections=[CORRECTED])
    assert " ".join(parts.text.split()).count(line) == 1
    assert words_of(parts.html).count(line) == 1


def test_a_correction_may_be_of_one_quarter_and_without_records() -> None:
    changes = {"quarter": 2, "records": [], "more": 0, "unit": "count", "was": "3", "value": "2"}
    told = {**BARE, "goal_id": "g1"}
    text = parts_of(told, corrections=[{**CORRECTED, **changes}]).text
    assert "Corrected: 2 in Q2 on 1 February 2026, not 3 as an earlier mail said.\n" in text


def test_a_correction_of_a_goal_that_is_gone_is_not_told() -> None:
    assert "Corrected" not in parts_of(MONEY, corrections=[CORRECTED]).text


def test_the_text_part_reads_well() -> None:
    assert parts_of(goal(), MONEY, BARE, FIELD).text == (
        "FY26 Growth\n"
        "Progress as of 1 March 2026, 08:00 (UTC)\n"
        "\n"
        "Hello Ana Díaz,\n"
        "\n"
        "Here is where your success plan stands.\n"
        "1 of 3 annual targets reached.\n"
        "\n"
        "Plan year: 1 January 2026 to 31 December 2026\n"
        "Current quarter: Q1 (1 January 2026 to 31 March 2026)\n"
        "\n"
        "Sales\n"
        "-----\n"
        "\n"
        "* Approved Registered Deals\n"
        "  Year:    3 of 10 (30.0%)\n"
        "  Quarter: 2 of 3 (66.7%)\n"
        "\n"
        "* Closed Won\n"
        "  Year:    123,456.50 of 100,000.00 EUR (123.5%)\n"
        "  Quarter: 1,000.00 of 25,000.00 EUR (4.0%)\n"
        "\n"
        "* Certifications\n"
        "  Year:    4 (no target set)\n"
        "  Quarter: 1 (no target set)\n"
        "\n"
        "* Seats\n"
        "  Year:    7.50 of 9.00 (83.3%)\n"
        "  Quarter: 7.50 of 0.00\n"
        "\n"
        "Your plan in the portal:\n"
        "https://portal.example/p1\n"
        "\n"
        "-- \n"
        "Milepost\n"
        "You get this mail once a month while the plan runs, as an admin of your\n"
        "organization's partner account. It counts what was recorded by the time above.\n"
        "No more of these mails:\n"
        "https://mail.example/v1/unsubscribe/abc\n"
    )


FIGURES = st.decimals(0, 10**9, places=2).map(lambda value: f"{value:f}")
PERCENTS = st.none() | st.decimals(0, 5000, places=1).map(lambda value: f"{value:f}")
STANDINGS = st.tuples(FIGURES, st.none() | FIGURES, PERCENTS)


@given(st.lists(st.tuples(STANDINGS, STANDINGS), min_size=1, max_size=6))
def test_both_parts_carry_the_same_figures_in_the_same_order(standings: list[Any]) -> None:
    goals = [goal(f"Goal {n}", "USD", *pair) for n, pair in enumerate(standings)]
    parts = parts_of(*goals)
    number = re.compile(r"\d[\d,]*(?:\.\d+)?%?")
    in_text = number.findall(parts.text.partition("Your plan in the portal")[0])
    in_html = number.findall(words_of(parts.html).partition("Open your plan")[0])
    # The title comes twice in HTML: as the preview's line the summary is repeated.
    preview = number.findall(mail_of(*goals).summary)
    assert in_html[len(preview) :] == in_text


def test_a_plan_that_starts_today_is_in_its_first_quarter() -> None:
    mail = mail_of(goal(), due_at="2026-01-01T08:00:00Z")
    assert mail.quarter == "Q1 (1 January 2026 to 31 March 2026)"
    mail = mail_of(goal(), due_at="2026-04-01T08:00:00Z")
    assert mail.groups[0].goals[0].quarter is not None
    assert mail.groups[0].goals[0].quarter.words == "7 of 8"


def test_the_quarter_is_that_of_the_organizations_day() -> None:
    told = statement("p1", "a@x.example", due_at="2026-03-31T22:30:00Z")
    found = progress_mail(
        read_statement(msgspec.json.encode(told)),
        LANGUAGES["en"],
        name="",
        zone=ZoneInfo("Europe/Berlin"),
        portal_url="",
        unsubscribe_url="",
    )
    assert found.quarter is not None
    assert found.quarter.startswith("Q2")
    assert found.as_of == "1 April 2026, 00:30 (Europe/Berlin)"
    assert found.greeting == "Hello,"


@pytest.mark.parametrize(
    ("goals", "summary"),
    [
        ([], "Your plan has no goals yet."),
        ([BARE], "No targets are set for your plan yet."),
        ([goal()], "The annual target is still ahead."),
        ([MONEY], "The annual target is reached."),
        ([goal(), MONEY, BARE], "1 of 2 annual targets reached."),
    ],
)
def test_the_summary_counts_targets(goals: list[Any], summary: str) -> None:
    told = progress(*goals) if goals else {**progress(), "goal_groups": []}
    assert mail_of(progress=told).summary == summary


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"),
        ("999", "999"),
        ("1000.00", "1,000.00"),
        ("12345", "12,345"),
        ("1234567.80", "1,234,567.80"),
        ("-45000.10", "-45,000.10"),
        ("odd", "odd"),
    ],
)
def test_thousands_are_set_apart(value: str, shown: str) -> None:
    assert LANGUAGES["en"].figure(value) == shown


# --- what it must not do ------------------------------------------------------------------------


def test_names_are_escaped_and_never_run() -> None:
    evil = "<script>alert(1)</script>{{ 7 * 7 }}{% raw %}"
    parts = parts_of(goal(evil), strategy_name=evil, name=evil)
    assert "<script" not in parts.html
    assert "49" not in words_of(parts.html) + parts.text
    assert evil in parts.text
    assert "{{ 7 * 7 }}" in words_of(parts.html)


def test_direction_overrides_and_line_breaks_do_not_reach_the_reader() -> None:
    parts = parts_of(goal("A\u202eB\r\nC\x00D"), strategy_name="X\u2028Y", name="Z\n\nYear: 1 of 1")
    for part in (parts.text, parts.html):
        assert not set(part) & set("\u202e\u2028\x00\r")
    assert "* A B C D\n" in parts.text
    assert "Hello Z Year: 1 of 1,\n" in parts.text


def test_nobody_is_greeted_by_an_address() -> None:
    assert mail_of(goal(), name="ann@one.example").greeting == "Hello,"


def test_a_very_long_name_is_cut() -> None:
    mail = mail_of(goal("g" * 10_000), strategy_name="s" * 10_000, name="n" * 10_000)
    assert len(mail.subject) < 200
    assert len(mail.greeting) < 150
    assert len(mail.groups[0].goals[0].name) == 300
    assert mail.title.endswith("…")


@given(st.text(max_size=400), st.integers(5, 50))
def test_one_line_is_one_line(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert len(line) <= longest
    assert len(line.splitlines()) <= 1


def test_the_html_is_accessible_and_loads_nothing() -> None:
    html = parts_of(goal(), MONEY, BARE).html
    assert '<html lang="en" dir="ltr"' in html
    assert "<title>FY26 Growth" in html
    assert html.count("<table") == html.count('role="presentation"') - _role_only_cells(html)
    assert not re.search(r"<img|<link|@import|url\(|src=", html)
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark" />' in html


def _role_only_cells(html: str) -> int:
    return len(re.findall(r'<td[^>]*role="presentation"', html))


# --- bytes --------------------------------------------------------------------------------------


def a_mail(**changes: Any) -> Mail:
    given: dict[str, Any] = {
        "sender": Mailbox("m@mail.example", "Milepost"),
        "recipient": Mailbox("ann@one.example"),
        "subject": "Your progress",
        "date": datetime(2026, 3, 1, 8, tzinfo=UTC),
        "message_id": "<7c9e6679@mail.example>",
        "unsubscribe_url": "https://mail.example/v1/unsubscribe/abc",
        "plan_id": "p1",
        "period": "2026-03",
        "text": "text\n",
        "html": "<p>html</p>\n",
    }
    return Mail(**(given | changes))


@pytest.mark.parametrize(
    ("html", "encoding", "read"),
    [
        (f"<p>ä{'x' * 2000}€</p>\n", "quoted-printable", f"<p>ä{'x' * 2000}€</p>\r\n"),
        ("<p>€</p>\n", "7bit", "<p>&#8364;</p>\r\n"),
    ],
)
def test_a_line_that_is_too_long_is_encoded(html: str, encoding: str, read: str) -> None:
    found = email.message_from_bytes(compose(a_mail(html=html)), policy=email.policy.default)
    part = list(found.iter_parts())[1]
    assert (part["Content-Transfer-Encoding"], part.get_payload(decode=True)) == (
        encoding,
        read.encode(),
    )


def parsed(mail: Mail) -> EmailMessage:
    content = compose(mail)
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content), "line ends are CRLF"
    assert max(map(len, content.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert [part.defects for part in found.walk()] == [[], [], []]
    return found


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_the_headers_are_those_of_the_contract() -> None:
    found = parsed(a_mail())
    assert dict(found.items()) == {
        "From": "Milepost <m@mail.example>",
        "To": "ann@one.example",
        "Subject": "Your progress",
        "Date": "Sun, 01 Mar 2026 08:00:00 +0000",
        "Message-ID": "<7c9e6679@mail.example>",
        "List-Unsubscribe": "<https://mail.example/v1/unsubscribe/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-Milepost-Plan": "p1",
        "X-Milepost-Period": "2026-03",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_7c9e6679"',
    }


@given(subject=st.text(max_size=300), name=st.text(max_size=100))
def test_no_subject_or_name_breaks_out_of_its_header(subject: str, name: str) -> None:
    mail = a_mail(
        subject=one_line(subject, 200), sender=Mailbox("m@mail.example", one_line(name, 80))
    )
    found = parsed(mail)
    assert set(found.keys()) == set(parsed(a_mail()).keys())
    assert str(found["Subject"]).split() == mail.subject.split()
    assert found["From"].addresses[0].addr_spec == "m@mail.example"


@pytest.mark.parametrize("harm", ["a\r\nBcc: x@y.example", "a\nb", "a\rb", "a\x00b", "\x1b[2J"])
@pytest.mark.parametrize(
    "field",
    ["subject", "message_id", "unsubscribe_url", "plan_id", "period", "sender", "recipient"],
)
def test_a_control_character_in_a_header_is_refused(field: str, harm: str) -> None:
    value: Any = harm
    if field == "sender":
        value = Mailbox("m@mail.example", harm)
    elif field == "recipient":
        value = Mailbox(harm)
    with pytest.raises(HeaderRefusedError):
        compose(a_mail(**{field: value}))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_a_body_comes_out_as_it_went_in(text: str) -> None:
    found = parsed(a_mail(text=text))
    assert re.split("\r\n|\r|\n", body(found, "plain")) == re.split("\r\n|\r|\n", text)


def test_a_dot_on_a_line_of_its_own_survives() -> None:
    lines = body(parsed(a_mail(text="a\n.\n..\nFrom me\n")), "plain").split("\r\n")
    assert lines[:4] == ["a", ".", "..", "From me"]


# --- the whole letter ---------------------------------------------------------------------------


def claim() -> Claim:
    told = statement("p1", "ann@one.example", progress=progress(goal(), MONEY, BARE, FIELD))
    return Claim(
        delivery_id=named_id("d"),
        tick_id="t1",
        stream="partner_progress",
        plan_id="p1",
        period="2026-03",
        recipient="ann@one.example",
        recipient_name="Ana Díaz",
        message_id=f"<{named_id('d')}@mail.example>",
        attempts=0,
        fence=1,
        content=msgspec.json.encode(told).decode(),
        token="abc",
    )


def test_a_letter_is_the_same_to_the_byte_for_the_same_date() -> None:
    write = letters(settings_for("postgresql://x", 25)).letter
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert write(claim(), at) == write(claim(), at)
    envelope, content = write(claim(), at)
    assert (envelope.sender, envelope.recipient) == ("milepost@mail.example", "ann@one.example")
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert found["List-Unsubscribe"] == "<https://mail.example/v1/unsubscribe/abc>"
    assert "https://mail.example/v1/unsubscribe/abc" in body(found, "plain")
    assert "https://mail.example/v1/unsubscribe/abc" in body(found, "html")


def test_the_edition_that_is_planned_is_the_one_that_is_rendered() -> None:
    for edition in TEMPLATES.values():
        name = edition.partition("/")[0]
        assert (FILES / f"{name}.mjml").is_file()
        assert (FILES / f"{name}.txt").is_file()


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_every_language_says_everything_with_the_same_values(code: Code) -> None:
    phrases, english = LANGUAGES[code].phrases, LANGUAGES["en"].phrases
    assert phrases.keys() == english.keys()
    for key, text in english.items():
        names = [set(re.findall(r"{(\w+)}", one)) for one in (text, phrases[key])]
        assert names[0] == names[1], key


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_the_same_figures_in_another_language(code: Code) -> None:
    other, english = parts_of(MONEY, BARE, FIELD, code=code), parts_of(MONEY, BARE, FIELD)

    def digits(text: str) -> list[str]:
        return re.findall(r"\d+", re.sub(r"[.,](?=\d)", "", text))

    assert digits(other.text) == digits(english.text)
    assert f'lang="{code}"' in other.html
    assert "123.456,50 von 100.000,00 EUR (123,5\u00a0%)" in other.text
    assert "4 (kein Ziel gesetzt)" in other.text
    assert "1. März 2026, 08:00 Uhr (UTC)" in other.text
    assert not re.search(r"\b(your|the|plan year|quarter)\b", other.text.lower())


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (("de",), "de"),
        (("de_AT",), "de"),
        (("DE-ch", "en"), "de"),
        (("fr", "de"), "de"),
        (("fr",), "en"),
        ((None, ""), "en"),
    ],
)
def test_the_first_language_that_is_known_counts(wanted: tuple[str | None, ...], code: str) -> None:
    assert language_of(*wanted).code == code


def test_a_browser_names_its_languages_in_order() -> None:
    assert language_of_browser("de-DE,de;q=0.9,en;q=0.8").code == "de"
    assert language_of_browser("fr, en;q=0.5, de;q=0.4").code == "en"
    assert language_of_browser("").code == "en"
