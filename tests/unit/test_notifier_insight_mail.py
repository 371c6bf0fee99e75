"""The seller's mail: what it says, what it leaves out, and nothing personal where others see it."""

import email
import email.policy
import json
import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from services.notifier.domain.language import LANGUAGES
from services.notifier.store import Claim
from tests.store.notifier_parts import letters, settings_for

EN, DE = LANGUAGES["en"], LANGUAGES["de"]
SUBJECT = "Your seller insights"
AT = datetime(2026, 4, 2, 8, tzinfo=UTC)
HEADINGS = [
    "Summary",
    "Time with customers",
    "Depth of engagement",
    "Leverage internal networks",
    "Manager interactions",
]


def account(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "account_id": f"a{number}",
        "name": f"Account {number}",
        "annual_revenue": "946000",
        "currency": "USD",
        "seconds": 36_000 - 1000 * number,
        "hours": "x",
        "change_percent": 10,
        **changes,
    }


def insights(**changes: Any) -> dict[str, Any]:
    share = {"percent": 0, "seconds": 0, "hours": "0.00"}
    return {
        "collaboration": {
            "seconds": 360_000,
            "hours": "100.00",
            "external": {"percent": 70, "seconds": 252_000, "change_percent": 12},
            "internal": {"percent": 30, "seconds": 108_000, "change_percent": None},
        },
        "peers": {"period": "2026-03", "external_percent": 55, "internal_percent": 45},
        "time_with_customers": [account(n) for n in range(12)],
        "depth_of_engagement": {"accounts": [account(n, people=5 - n) for n in range(4)]},
        "internal_networks": {"groups": [{"group": "Legal", "seconds": 7200}]},
        "manager_interactions": {
            "one_to_one": {"seconds": 5400},
            "accounts": [
                account(1)
                | {
                    "alone": share | {"percent": 50},
                    "with_manager": share | {"percent": 30},
                    "with_leadership": share | {"percent": 20},
                }
            ],
        },
        **changes,
    }


def nothing() -> dict[str, Any]:
    none = {"percent": 0, "seconds": 0, "change_percent": None}
    return {
        "collaboration": {"seconds": 0, "external": none, "internal": none},
        "peers": None,
        "time_with_customers": [],
        "depth_of_engagement": {"accounts": []},
        "internal_networks": {"groups": []},
        "manager_interactions": {"one_to_one": {"seconds": 0}, "accounts": []},
    }


def told(found: dict[str, Any], cadence: str = "monthly", period: str = "2026-03") -> str:
    return json.dumps(
        {
            "kind": "seller",
            "tick_id": "t1",
            "plan_id": "p1",
            "participant_id": "x1",
            "plan_name": "Seller success plan",
            "cadence": cadence,
            "period": period,
            "due_at": "2026-04-02T08:00:00Z",
            "recipients": [{"email": "ann@own.example", "name": "Ann Ample"}],
            "reason": None,
            "insights": found,
        }
    )


def written(
    content: str, name: str = "Ann Ample", locale: str | None = None, **settings: Any
) -> tuple[Any, str, str]:
    """The mail, its text, and its HTML as somebody sees it."""
    claim = Claim(
        delivery_id="0b9c3f5e-6f0a-4c59-9df6-0a2f6f7d1c11",
        tick_id="t1",
        stream="seller_insights",
        plan_id="p1",
        period="2026-03",
        recipient="ann@own.example",
        recipient_name=name,
        message_id="<d1@mail.example>",
        attempts=0,
        fence=1,
        content=content,
        token="tok",
        locale=locale,
    )
    options = {"portal_url": "https://portal.example", "public_url": "https://mail.example"}
    write = letters(settings_for("postgresql://x", 25, **(options | settings))).letter
    _, content_bytes = write(claim, AT)
    mail = email.message_from_bytes(content_bytes, policy=email.policy.default)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return mail, str(plain.get_content()), str(html.get_content())


def seen(html: str) -> str:
    """What stands on the page, without marks, styles and comments."""
    body = re.sub(r"<!--.*?-->|<style.*?</style>|<title.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_blocks_come_in_their_order_with_headings_of_their_own() -> None:
    _, text, html = written(told(insights()))
    lines = text.splitlines()
    places = [lines.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    shown = seen(html)
    assert [shown.index(heading) for heading in HEADINGS] == sorted(map(shown.index, HEADINGS))
    assert text.index("For your eyes only") < text.index("Hello Ann") < text.index(HEADINGS[0])
    assert "https://portal.example/questions#eyes" in text
    assert "https://portal.example/questions#eyes" in html


def test_a_weekly_mail_connects_with_leadership() -> None:
    _, text, _ = written(told(insights(), cadence="weekly", period="2026-03-01"))
    assert "Connect with leadership" in text.splitlines()
    assert "Manager interactions" not in text
    assert "the week from 1 March 2026 to 7 March 2026" in text


def test_figures_are_told_and_text_and_html_agree() -> None:
    _, text, html = written(told(insights()))
    for figure in ("70%", "30%", "+12%", "NA", "55%", "45%", "$946K", "10.0", "1.5", "50%", "20%"):
        assert figure in text, figure
        assert figure in seen(html), figure

    def numbers(words: str) -> set[str]:
        return set(re.findall(r"\$?\d[\d.,]*[%KMB]?", re.sub(r"https?://\S+", "", words)))

    assert numbers(text) == numbers(seen(html))


def test_an_older_split_of_peers_says_of_when_it_is() -> None:
    older = {"period": "2026-02", "external_percent": 55, "internal_percent": 45}
    _, text, html = written(told(insights(peers=older)))
    for words in (text, seen(html)):
        assert "People in similar roles in February 2026: 55% external, 45% internal." in words
    assert "People in similar roles: 55% external" in written(told(insights()))[1]


def test_ten_accounts_at_most_and_only_cards_with_something_on_them() -> None:
    _, text, _ = written(told(insights()))
    assert "Account 9" in text
    assert "Account 10" not in text
    empty = insights(
        time_with_customers=[],
        internal_networks={"groups": []},
        manager_interactions={"one_to_one": {"seconds": 0}, "accounts": []},
    )
    _, text, html = written(told(empty))
    assert [one for one in HEADINGS if one in text] == ["Summary", "Depth of engagement"]
    assert [one for one in HEADINGS if one in seen(html)] == ["Summary", "Depth of engagement"]
    assert text.count("Suggestion:") == 1


def test_every_card_has_one_suggestion_and_its_button() -> None:
    _, text, html = written(told(insights()))
    assert text.count("Suggestion:") == 4
    assert text.count("Explore: https://portal.example/seller/network") == 3
    assert text.count("Manage meetings: ") == 1
    assert html.count(">Explore</a>") == 3
    _, text, _ = written(
        told(insights()), explore_url="https://e.example", calendar_url="https://c.example/week"
    )
    assert "Manage meetings: https://c.example/week" in text
    assert "Explore: https://e.example" in text


def test_a_mail_without_any_card_says_so() -> None:
    _, text, html = written(told(nothing()))
    for words in (text, seen(html)):
        assert "There was no collaboration to show for March 2026." in words
        assert "Suggestion" not in words
        assert "0%" not in words


def test_nothing_personal_where_others_might_see_it() -> None:
    first, second = written(told(insights())), written(told(nothing()), name="Bob")
    for mail, text, html in (first, second):
        assert mail["Subject"] == SUBJECT
        for words in (text, seen(html)):
            assert not re.search(r"\d", words[:100])
            assert "Ann" not in words[:100]
    assert first[1][:100] == second[1][:100]


def test_the_ways_out_are_there() -> None:
    mail, text, html = written(told(insights()))
    assert mail["List-Unsubscribe"] == "<https://mail.example/v1/unsubscribe/tok>"
    assert mail["X-Milepost-Plan"] == "p1"
    assert mail["X-Milepost-Period"] == "2026-03"
    for link in (
        "https://mail.example/v1/unsubscribe/tok",
        "https://mail.example/v1/participation/tok/leave",
        "https://mail.example/v1/participation/tok/opt-out",
        "https://portal.example/questions",
    ):
        assert link in text
        assert link in html


def test_nothing_is_loaded_from_elsewhere() -> None:
    _, _, html = written(told(insights()))
    assert not re.search(r"<(img|script|link|iframe|video)\b|@import|url\(", html)
    assert 'lang="en"' in html


@pytest.mark.parametrize(
    "name", ["{{ mail }}", "<b>x</b>", "A\r\nBcc: x@y.example", "x" * 10_000, "\u202egnp.exe"]
)
def test_names_from_outside_do_no_harm(name: str) -> None:
    hostile = insights(time_with_customers=[account(1, name=name)])
    mail, text, html = written(told(hostile), name=name)
    assert mail["Bcc"] is None
    assert "<b>x</b>" not in html
    assert len(text) < 20_000
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("829", "USD", "$829"),
        ("946000", "USD", "$946K"),
        ("1500000", "USD", "$1.5M"),
        ("12000000", "USD", "$12M"),
        ("999", "USD", "$999"),
        ("999.6", "USD", "$1K"),
        ("999600", "USD", "$1M"),
        ("950000", "USD", "$950K"),
        ("1000", "USD", "$1K"),
        ("1250", "EUR", "€1.3K"),
        ("0", "USD", "$0"),
        ("2500000000", "CHF", "CHF 2.5B"),
        (None, "USD", ""),
    ],
)
def test_revenue_in_short_form(value: str | None, currency: str, shown: str) -> None:
    assert EN.short_money(value, currency) == shown


@pytest.mark.parametrize(("percent", "shown"), [(None, "NA"), (0, "0%"), (7, "+7%"), (-40, "-40%")])
def test_changes(percent: int | None, shown: str) -> None:
    assert EN.change(percent) == shown


def test_hours_have_one_decimal_half_up() -> None:
    assert [EN.hours(s) for s in (0, 179, 180, 3600, 45_000, 3_600_000)] == [
        "0.0",
        "0.0",
        "0.1",
        "1.0",
        "12.5",
        "1,000.0",
    ]


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        ("829", "USD", "829 $"),
        ("946000", "USD", "946 Tsd. $"),
        ("1500000", "EUR", "1,5 Mio. €"),
        ("12000000", "CHF", "12 Mio. CHF"),
        (None, "USD", ""),
    ],
)
def test_revenue_in_german(value: str | None, currency: str, shown: str) -> None:
    assert DE.short_money(value, currency) == shown


@pytest.mark.parametrize("cadence", ["monthly", "weekly"])
def test_a_german_mail_is_german_and_says_the_same(cadence: str) -> None:
    period = "2026-03" if cadence == "monthly" else "2026-03-01"
    mail, text, html = written(told(insights(), cadence, period), locale="de-AT")
    assert mail["Subject"] == "Ihre Einblicke"
    assert 'lang="de"' in html
    lines = text.splitlines()
    last = "Draht zur Leitung" if cadence == "weekly" else "Gemeinsam mit der Führungskraft"
    for heading in ("Überblick", "Zeit mit Kunden", "Tiefe der Beziehung", last):
        assert heading in lines
        assert heading in seen(html)
    for figure in ("70 %", "+12\u00a0%", "946 Tsd. $", "10,0", "1,5", "50\u00a0%"):
        assert figure in text, figure
    assert not re.search(r"\b(the|your|with|people|hours)\b", text.lower())
    _, english, _ = written(told(insights(), cadence, period))
    assert len(re.findall(r"\d+", text)) == len(re.findall(r"\d+", english))
    assert not re.search(r"\d", text[:100])


def test_periods_in_words() -> None:
    assert EN.period("2026-03") == "March 2026"
    assert DE.period("2026-03") == "März 2026"
    assert DE.period("2026-03-01") == "die Woche vom 1. März 2026 bis 7. März 2026"
    assert EN.period("2025-12-28") == "the week from 28 December 2025 to 3 January 2026"


def test_suggestions_come_from_the_sellers_own_figures() -> None:
    fallen = insights(
        time_with_customers=[account(1), account(2, change_percent=-60, annual_revenue="9000000")]
    )
    _, text, _ = written(told(fallen))
    assert "less time with Account 2" in text
    _, text, _ = written(told(insights(time_with_customers=[account(5)])))
    assert "All of your customer time went to Account 5" in text
