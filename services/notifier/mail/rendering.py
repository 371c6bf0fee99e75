"""Mails from templates: MJML compiled once, values filled in per person."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import jinja2
import mrml

from services.notifier.domain.insight_mail import InsightMail
from services.notifier.domain.language import LANGUAGES, Code, Language
from services.notifier.domain.look import Shown
from services.notifier.domain.progress_mail import ProgressMail, Standing

TEMPLATES: Final = Path(__file__).parent / "templates"
_OPTIONS: Final[dict[str, Any]] = {
    "loader": jinja2.FileSystemLoader(TEMPLATES),
    "undefined": jinja2.StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "keep_trailing_newline": True,
}
_PARTS: Final = ("style.jinja", "rows.jinja")


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
        html.globals["say"] = language.say
        self._html = html.from_string(html_source(f"{name}.mjml", language))
        plain = jinja2.Environment(autoescape=False, **_OPTIONS)  # noqa: S701 - the text part
        plain.globals |= {"standing": partial(spoken, language=language), "say": language.say}
        self._text = plain.get_template(f"{name}.txt")

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
    fixed = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    source = "".join(parts) + compile_mjml(TEMPLATES / name)
    return fixed.from_string(source).render(say=language.say, code=language.code)


def spoken(standing: Standing, language: Language) -> str:
    """A standing in the text part: `3 of 10 (30.0%)`."""
    if not standing.has_target:
        return f"{standing.words} ({language.say('no_target')})"
    return f"{standing.words} ({standing.percent})" if standing.percent else standing.words
