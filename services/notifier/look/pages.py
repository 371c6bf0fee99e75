"""Pages of the console about mails: samples in every template and language, and their look."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, Response

from services.notifier.domain.delivery import PARTNER_PROGRESS, SELLER_INSIGHTS
from services.notifier.domain.language import LANGUAGES, Code
from services.notifier.domain.logo import LARGEST
from services.notifier.domain.look import Look, Shown, shown
from services.notifier.look import store
from services.notifier.look.api import LookBody, LookDesk, kept_answer, logo_of, look_answer
from services.notifier.look.trying import SampleSender
from services.notifier.mail.letter import LetterWriter
from services.notifier.mail.rendering import Parts
from services.notifier.mail.samples import sample_claim
from shared.web.auth import Principal
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem, errors_of
from shared.web.session import require_page, sessions_of

Administrator = Annotated[Principal, Depends(require_page("administrator"))]
PATH: Final = "/mails"
LOOK: Final = f"{PATH}/look"
MAILS: Final = [
    (PARTNER_PROGRESS, "Partners' progress"),
    (SELLER_INSIGHTS, "Sellers' insights"),
]
SCHEMES: Final = [("light", "Light"), ("dark", "Dark")]
WIDTHS: Final = [("wide", "Computer"), ("phone", "Phone")]
LABELS: Final = {
    "name": "Name",
    "sender.name": "Sender's name",
    "sender.address": "Sender's address",
    "colours.accent": "Accent",
    "colours.accent_dark": "Dark accent",
    "colours.header": "Head",
    "logo": "Logo",
}
COLUMNS: Final = [
    Column("version", "Version"),
    Column("changed_at", "When", whole=True),
    Column("changed_by", "Who"),
    Column("changes", "What changed"),
]
VERSIONS: Final = 20
SANDBOXED: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'self'; sandbox",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\)")


@dataclass(frozen=True)
class Wanted:
    """Which sample somebody wants to see, and how."""

    template: str
    language: Code
    scheme: str
    width: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Wanted":
        """What an address or a form says; what is not known is the first of its kind."""
        return cls(
            _one_of(given.get("template"), [name for name, _ in MAILS]),
            next((code for code in LANGUAGES if code == given.get("language")), "en"),
            _one_of(given.get("scheme"), [name for name, _ in SCHEMES]),
            _one_of(given.get("width"), [name for name, _ in WIDTHS]),
        )

    @property
    def query(self) -> str:
        """The address of the page that shows it."""
        return (
            f"{PATH}?template={self.template}&language={self.language}"
            f"&scheme={self.scheme}&width={self.width}"
        )


class Samples:
    """Sample mails in the look that counts now."""

    def __init__(self, desk: LookDesk, letters: LetterWriter) -> None:
        self._desk = desk
        self._letters = letters

    async def parts(self, template: str, code: Code) -> tuple[str, Parts]:
        """The subject and both bodies of a sample."""
        claim = sample_claim(template, code, f"ana.diaz@{self._desk.domain}", domain="localhost")
        said, parts = self._letters.parts(claim, _on_a_page(await self._desk.now()))
        return said.subject, parts


def sample_pages(pages: Pages, samples: Samples, sender: SampleSender, domain: str) -> APIRouter:
    """Samples to look at, and to have sent to oneself."""
    router = APIRouter(prefix=PATH, include_in_schema=False)

    @router.get("")
    async def show(request: Request, who: Administrator) -> Response:
        """A sample beside its text part."""
        wanted = Wanted.of(request.query_params)
        subject, parts = await samples.parts(wanted.template, wanted.language)
        return pages.render(
            request,
            "mails.html",
            wanted=wanted,
            subject=subject,
            text=parts.text,
            mails=MAILS,
            languages=[(language.code, language.name) for language in LANGUAGES.values()],
            schemes=SCHEMES,
            widths=WIDTHS,
            address=who.email,
        )

    @router.get("/sample/{template}/{language}")
    async def sample(
        request: Request, template: str, language: str, _who: Administrator
    ) -> Response:
        """The HTML part alone, for a frame that runs nothing and loads nothing."""
        wanted = Wanted.of({**request.query_params, "template": template, "language": language})
        if (wanted.template, wanted.language) != (template, language):
            raise Problem(404, "No such sample")
        _, parts = await samples.parts(wanted.template, wanted.language)
        return HTMLResponse(in_scheme(parts.html, wanted.scheme), headers=SANDBOXED)

    @router.post("/test")
    async def send_test(request: Request, who: Administrator) -> Response:
        """Send the sample to the administrator who is signed in; an address cannot be given."""
        wanted = Wanted.of(nested(await request.form()))
        session = sessions_of(request).find(request)
        name = session.name if session else ""
        try:
            address = await sender.send(who, wanted.template, wanted.language, name, domain)
        except Problem as problem:
            told = f"{problem.title}. {problem.detail or ''}".strip()
            return pages.redirect(wanted.query, told, "error")
        return pages.redirect(wanted.query, f"The test is on its way to {address}.")

    return router


def look_pages(pages: Pages, desk: LookDesk) -> APIRouter:
    """The look of mails: name, sender, colours, logo, and who changed them."""
    router = APIRouter(prefix=LOOK, include_in_schema=False)

    @router.get("")
    async def show(request: Request, _who: Administrator) -> Response:
        """The form, filled with the look that counts."""
        look = await desk.now()
        return await _show(pages, request, desk, Form(look_answer(look), labels=LABELS), look)

    @router.post("")
    async def change(request: Request, who: Administrator) -> Response:
        """Keep a look, unless somebody else changed it meanwhile."""
        values, look = nested(await request.form()), await desk.now()
        try:
            await desk.change(await read_look(values, look), who)
        except Problem as problem:
            logo = {"logo": look_answer(look)["logo"], "version": look.version}
            form = Form.refused({**values, **logo}, problem)
            form.labels = LABELS
            return await _show(pages, request, desk, form, look, status=problem.status)
        return pages.redirect(LOOK, "The look is saved. The next mails have it.")

    return router


async def read_look(values: dict[str, Any], look: Look) -> Look:
    """The look that a form asks for. Raises a 422 problem, or 409 for a form that is outdated."""
    try:
        body = LookBody.model_validate(values)
    except ValidationError as refusal:
        raise Problem(422, errors=errors_of(refusal)) from None
    if str(values.get("version")) != str(look.version):
        raise Problem(
            409, "Somebody else changed the look while you did", "Look at it, save again."
        )
    file = values.get("logo")
    changed = body.onto(look)
    if isinstance(file, UploadFile) and file.filename:
        return replace(changed, logo=logo_of(await file.read(LARGEST + 1)))
    return replace(changed, logo=None) if values.get("no_logo") else changed


async def _show(
    pages: Pages, request: Request, desk: LookDesk, form: Form, look: Look, status: int = 200
) -> Response:
    rows = [kept_answer(row) for row in await store.list_looks(desk.pool, None, VERSIONS + 1)]
    return pages.render(
        request,
        "look.html",
        status=status,
        form=form,
        look=_on_a_page(look),
        version=look.version,
        domain=desk.domain,
        largest=LARGEST // 1024,
        columns=COLUMNS,
        history=[row | {"changes": changes_of(rows, at)} for at, row in enumerate(rows[:VERSIONS])],
    )


def changes_of(rows: list[dict[str, Any]], at: int) -> str:
    """In words what a version changed of the one before it; rows go back in time."""
    if at + 1 == len(rows):
        return "Set for the first time"
    now, before = (_flat(rows[index]) for index in (at, at + 1))
    told = []
    for name, label in LABELS.items():
        if now[name] != before[name]:
            value = "" if name == "logo" else f": {now[name] or 'none'}"
            told.append(f"{label}{value}")
    return "; ".join(told) or "Nothing"


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in LABELS:
        first, _, second = name.partition(".")
        flat[name] = row[first][second] if second else row[first]
    return flat


def in_scheme(html: str, scheme: str) -> str:
    """A mail as a program of a scheme shows it, whatever the visitor's own is."""
    return _DARK.sub("@media all" if scheme == "dark" else "@media not all", html)


def _on_a_page(look: Look) -> Shown:
    logo = look.logo
    if logo is None:
        return shown(look, None)
    return shown(look, f"data:{logo.media_type};base64,{b64encode(logo.content).decode()}")


def _one_of(given: object, known: list[str]) -> str:
    return str(given) if given in known else known[0]
