"""What the supplier writes into portal pages, and the tokens of widgets: hostile ones above all."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.progress.domain.markdown import complaint_about, parts_of
from services.progress.domain.portal_page import PageDraft, slug_of
from services.progress.pages.embedding import LIFE, EmbedTokens
from services.progress.settings import ProgressSettings
from shared.kernel.clock import FixedClock
from shared.web.sealing import Sealer

KEY = "k" * 40
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://elsewhere.example/pixel.png)",
    "<iframe src='https://elsewhere.example'></iframe>",
    "<svg/onload=alert(1)>",
    '[x](https://a.example "onmouseover=alert(1)")',
    "<style>*{display:none}</style>",
    "[x]: javascript:alert(1)\n\n[x]",
    '<https://a.example/"onclick=alert(1)>',
    '```html"><script>alert(1)</script>\nx\n```',
]
ALLOWED_TAG = re.compile(
    r"</?(p|br|hr|strong|em|s|code|pre|blockquote|a|h[2-6]|ul|ol|li|table|thead|tbody|tr|th|td)"
    r'( (href|title|start|rel)="[^"]*")*>'
)


def html_of(text: str) -> str:
    return "".join(str(part.html or f"[{part.widget}]") for part in parts_of(text))


def harmless(html: str) -> bool:
    """Whether there is no tag but the known ones, and no link to anything but the web and mail."""
    links = re.findall(r'href="([^"]*)"', html)
    relative = r"(?![a-z][a-z0-9+.-]*:)|https?:|mailto:"
    return "<" not in ALLOWED_TAG.sub("", html) and all(
        re.match(relative, link, re.IGNORECASE) for link in links
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_markdown_comes_out_harmless(text: str) -> None:
    assert harmless(html_of(text))
    assert "<img" not in html_of(text)


@given(
    st.lists(st.sampled_from([*HOSTILE, "\n", "\n\n", "`", "> ", "|a|\n|-|\n", "**"])).map("".join)
)
def test_whatever_is_put_together_comes_out_harmless(text: str) -> None:
    assert harmless(html_of(text))


@pytest.mark.parametrize("unit", ["[", "*a_", "> ", "`", "![", "- ", "<", "[a](", "|a"])
def test_long_nested_texts_take_no_time(unit: str) -> None:
    began = time.perf_counter()
    complaint_about([(unit * 20_000)[:20_000]])
    assert time.perf_counter() - began < 2


def test_headings_begin_below_the_pages_own_and_skip_none() -> None:
    assert re.findall(r"<(h\d)>", html_of("# a\n\n#### b\n\n# c\n")) == ["h2", "h3", "h2"]


def test_widgets_stand_where_their_words_stand() -> None:
    text = "Hello\n\n{{ Success Plan }}\n\n{{success plan - quarterly view}}\n\nBye"
    assert html_of(text) == "<p>Hello</p>\n[year][quarters]<p>Bye</p>\n"


def test_a_page_is_bounded() -> None:
    assert complaint_about(["{{ Success Plan }}" * 5]) is not None
    assert complaint_about(["*a*\n\n" * 3000, "*a*\n\n" * 3000]) is not None
    with pytest.raises(ValidationError):
        PageDraft(name="x", template="one_column", content="x" * 20_001)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Your Plan!", "your-plan"), ("Größe & Ziel", "groe-ziel"), ("目標", "page"), ("-", "page")],
)
def test_addresses_follow_from_names(name: str, slug: str) -> None:
    assert slug_of(name) == slug
    assert slug_of(name, 1) == f"{slug}-2"


def test_a_token_opens_its_partner_until_it_ends() -> None:
    clock = FixedClock(NOW)
    tokens = EmbedTokens([KEY], clock)
    token = tokens.issue("p1")["token"]
    found = tokens.open(token)
    assert found is not None
    assert found.partner_id == "p1"
    clock.advance(LIFE + timedelta(seconds=1))
    assert tokens.open(token) is None


def test_what_was_not_given_as_a_token_is_none() -> None:
    tokens = EmbedTokens([KEY], FixedClock(NOW))
    token = tokens.issue("p1")["token"]
    session = Sealer([KEY], "session/1").seal({"partner_id": "p1", "exp": 9e12})
    other = EmbedTokens(["o" * 40], FixedClock(NOW)).issue("p1")["token"]
    for forged in ("", "x", token[:-4] + "AAAA", session, other, token + "." + token):
        assert tokens.open(forged) is None


@pytest.mark.parametrize(
    "origins", ["portal.example", "https://a.example/path", "'self'", "*", "https://a; x"]
)
def test_what_is_no_origin_may_embed_nothing(origins: str) -> None:
    with pytest.raises(ValidationError):
        ProgressSettings(
            environment="local", database_url=SecretStr("postgresql://x/x"), embed_origins=origins
        )
