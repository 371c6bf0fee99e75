"""Markdown of portal pages as HTML that can do no harm, with the widgets at their places.

The text is the supplier's, the reader a partner: HTML in it is shown as text, links lead to the
web or to mail, images are left out (pages fetch nothing from outside). What the renderer makes is
sanitized once more, so that a fault in one of them opens nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

Widget = Literal["year", "quarters"]
TOKENS: Final[dict[Widget, str]] = {
    "year": "{{ Success Plan }}",
    "quarters": "{{ Success Plan – Quarterly View }}",
}
MOST_WIDGETS: Final = 4
LONGEST_HTML: Final = 40_000
_WIDGET: Final = re.compile(
    r"\{\{[ \t]*success[ ]plan(?P<quarters>[ \t]*[-–—][ \t]*quarterly[ ]view)?[ \t]*\}\}",
    re.IGNORECASE,
)
_TAGS: Final = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "a"),
    *("h2", "h3", "h4", "h5", "h6", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES: Final = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES: Final = {"http", "https", "mailto"}
_LAST_LEVEL: Final = 6


@dataclass(frozen=True)
class Part:
    """A piece of a page: HTML, or a widget."""

    html: Markup | None = None
    widget: Widget | None = None


@lru_cache(maxsize=1)
def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    return made.enable(["table", "strikethrough"]).disable(["image"])


@lru_cache(maxsize=64)
def parts_of(text: str) -> tuple[Part, ...]:
    """The pieces of a page's Markdown in their order; texts of any origin are safe."""
    pieces: list[Part] = []
    end = 0
    for found in _WIDGET.finditer(text):
        pieces += _html(text[end : found.start()])
        pieces.append(Part(widget="quarters" if found["quarters"] else "year"))
        end = found.end()
    return (*pieces, *_html(text[end:]))


def complaint_about(texts: Iterable[str]) -> str | None:
    """Why a page with these texts is more than a page may be; None when it is not."""
    parts = [part for text in texts for part in parts_of(text)]
    if sum(part.widget is not None for part in parts) > MOST_WIDGETS:
        return f"holds at most {MOST_WIDGETS} widgets"
    if sum(len((part.html or "").encode()) for part in parts) > LONGEST_HTML:
        return "is too long when it is shown; spread it over several pages"
    return None


def _html(text: str) -> list[Part]:
    if not text.strip():
        return []
    renderer = _renderer()
    tokens = renderer.parse(text)
    _order_headings(tokens)
    made = renderer.renderer.render(tokens, renderer.options, {})
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    return [Part(html=Markup(clean))]  # noqa: S704 - sanitized in the line above


def _order_headings(tokens: list[Token]) -> None:
    """Headings begin below the page's own and skip no level."""
    last = 1
    for token in tokens:
        if token.type == "heading_open":
            last = min(int(token.tag[1]) + 1, last + 1, _LAST_LEVEL)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{last}"
