"""Mails from templates: MJML compiled once, values filled in per person."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
import mrml

from services.notifier.domain.insight_mail import InsightMail
from services.notifier.domain.language import LANGUAGES, Code, Language
from services.notifier.domain.look import Shown
from services.notifier.domain.progress_mail import ProgressMail

TEMPLATES: Final = Path(__file__).parent / "templates"
_OPTIONS: Final[dict[str, Any]] = {
    "loader": jinja2.FileSystemLoader(TEMPLATES),
    "undefined": jinja2.StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}
_PARTS: Final = ("style.jinja", "rows.jinja")
_TAG_ENDS: Final = re.compile(r'("|</td|</th|</table)>(?=[<{])')


@dataclass(frozen=True, slots=True)
class Parts:
    """The two bodies of a mail, with the same figures."""

    text: str
    html: str


class MailTemplate:
    """A stream's mail in a language, ready to be filled.

    Values are escaped in the HTML part and never read as template code in either.
    Raises ValueError when the MJML does not compile.
    """

    def __init__(self, name: str, language: Language) -> None:
        html = jinja2.Environment(autoescape=True, **_OPTIONS)
        plain = jinja2.Environment(autoescape=False, **_OPTIONS)  # noqa: S701 - the text part
        for parts in (html, plain):
            parts.globals["say"] = language.say
        self._html = html.from_string(html_source(f"{name}.mjml", language))
        self._text = plain.from_string(text_source(f"{name}.txt", language))

    def fill(self, mail: ProgressMail | InsightMail, look: Shown) -> Parts:
        """Both parts of one person's mail, in a look."""
        return Parts(
            text=self._text.render(mail=mail, look=look),
            html=self._html.render(mail=mail, look=look),
        )


@cache
def mail_template(name: str, code: Code) -> MailTemplate:
    """The template of that name in a language; compiled at first use, once per process."""
    return MailTemplate(name, LANGUAGES[code])


@cache
def page_template(name: str, code: Code) -> jinja2.Template:
    """A web page's template in a language, with escaping."""
    language = LANGUAGES[code]
    pages = jinja2.Environment(autoescape=True, **_OPTIONS)
    pages.globals |= {"say": language.say, "code": language.code}
    return pages.get_template(name)


def compile_mjml(path: Path) -> str:
    """HTML of an MJML file with its Jinja tags left in place. Raises ValueError."""
    compiled = mrml.to_html(path.read_text())
    if compiled.warnings:
        raise ValueError(f"{path.name}: {[str(warning) for warning in compiled.warnings]}")
    return str(compiled.content)


def html_source(name: str, language: Language) -> str:
    """The source of an HTML template: compiled, its styles written in where they are named.

    What stands in double square brackets is the same in every mail and is filled in here, once.
    """
    parts = [(TEMPLATES / part).read_text() for part in _PARTS]
    compiled = _with_short_lines(compile_mjml(TEMPLATES / name))
    return _fixed("".join(parts) + compiled, language, autoescape=True)


def text_source(name: str, language: Language) -> str:
    """The source of a text template, what stands in double square brackets filled in."""
    return _fixed((TEMPLATES / name).read_text(), language, autoescape=False)


def _fixed(source: str, language: Language, *, autoescape: bool) -> str:
    environment = jinja2.Environment(
        autoescape=autoescape,  # noqa: S701 - texts of ours
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    return environment.from_string(source).render(say=language.say, code=language.code)


def _with_short_lines(html: str) -> str:
    """Line ends within tags, where they mean nothing, so that no line is too long for a mail."""
    return _TAG_ENDS.sub(r"\1\n>", html)
