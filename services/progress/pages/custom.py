"""The supplier's side of the portal's own pages: list, write, look at, switch on, delete."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import Response

from services.progress.api.doors import Desk
from services.progress.domain.markdown import TOKENS, complaint_about, parts_of
from services.progress.domain.portal_page import MOST_PAGES, PLACES, TEMPLATES, PageDraft, slug_of
from services.progress.store import portal_pages as store
from shared.kernel.ids import new_id, parse_id
from shared.web.auth import Principal
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem
from shared.web.session import require_page

LIST: Final = "/portal-pages"
ATTEMPTS: Final = 20
TEXTS: Final = ("name", "template", "content", "aside")
LABELS: Final = {"content": "Content", "aside": "Second column", "place": "Navigation area"}
COLUMNS: Final = [
    Column("name", "Page"),
    Column("active", "Status", whole=True),
    Column("place", "Navigation area"),
    Column("template", "Template", whole=True),
    Column("changed", "Changed", whole=True),
]
MOST_VERSION: Final = 2**31 - 1
Supplier = Annotated[Principal, Depends(require_page("administrator", "channel_manager"))]


def custom_pages(desk: Desk, pages: Pages) -> APIRouter:
    """Reading: the list, the forms and the preview."""
    router = APIRouter(prefix=LIST, include_in_schema=False)

    @router.get("")
    async def overview(request: Request, _who: Supplier) -> Response:
        """Every page, those that are on first."""
        async with desk.reading() as connection:
            found = await store.list_pages(connection)
        return pages.render(request, "custom_pages.html", found=found, columns=COLUMNS, **_words())

    @router.get("/new")
    async def new(request: Request, _who: Supplier) -> Response:
        """The form of a new page."""
        values = PageDraft.empty().model_dump() | {"name": "", "active": True}
        return _form_page(pages, request, Form(values, labels=LABELS))

    @router.post("/preview")
    async def preview(request: Request, _who: Supplier) -> Response:
        """How a page would look, without keeping it."""
        values = nested(await request.form())
        try:
            draft = read_draft({**values, "name": values.get("name") or "Preview"})
        except Problem as problem:
            return _form_page(pages, request, _refused(values, problem), status=422)
        return pages.render(request, "custom_preview.html", **shown(draft.model_dump()))

    @router.get("/{page_id}")
    async def edit(request: Request, page_id: str, _who: Supplier) -> Response:
        """The form of a page."""
        found = await _found(desk, page_id)
        return _form_page(pages, request, Form(found, labels=LABELS), found)

    return router


def custom_page_forms(desk: Desk, pages: Pages) -> APIRouter:
    """Writing: new pages, changes, deletions."""
    router = APIRouter(prefix=LIST, include_in_schema=False)

    @router.post("")
    async def create(request: Request, who: Supplier) -> Response:
        """Keep a new page under an address of its own."""
        values = nested(await request.form())
        try:
            draft = read_draft(values)
            await _add(desk, draft, who)
        except Problem as problem:
            form = _refused(values, problem)
            return _form_page(pages, request, form, status=problem.status)
        return pages.redirect(LIST, f"{draft.name} is saved")

    @router.post("/{page_id}")
    async def change(request: Request, page_id: str, who: Supplier) -> Response:
        """Keep a change, unless somebody else changed the page meanwhile."""
        found = await _found(desk, page_id)
        values = nested(await request.form())
        try:
            draft = read_draft(values)
            await _change(desk, found["page_id"], draft, _version(values), who)
        except Problem as problem:
            form = _refused(values, problem)
            newer = await _found(desk, page_id) if problem.status == 409 else None  # noqa: PLR2004
            return _form_page(pages, request, form, found, newer=newer, status=problem.status)
        return pages.redirect(LIST, f"{draft.name} is saved")

    @router.post("/{page_id}/delete")
    async def delete(request: Request, page_id: str, _who: Supplier) -> Response:
        """Delete a page as it was seen."""
        found = await _found(desk, page_id)
        version = _version(nested(await request.form()))
        async with desk.pool.acquire() as connection:
            name = await store.delete_page(connection, found["page_id"], version)
        if name is None:
            raise Problem(409, "Somebody was faster", "This page has been changed. Look again.")
        return pages.redirect(LIST, f"{name} is deleted")

    return router


def read_draft(values: dict[str, Any]) -> PageDraft:
    """A page as it was typed. Raises a 422 problem that names the fields."""
    # Browsers send line ends as two characters, which would count twice.
    texts = {
        key: value.replace("\r\n", "\n") for key, value in values.items() if isinstance(value, str)
    }
    given = {key: value for key, value in texts.items() if value or key in TEXTS}
    try:
        draft = PageDraft.model_validate(given)
    except ValidationError as refusal:
        errors = [
            {"pointer": f"/{error['loc'][0]}", "detail": _plain(error["msg"])}
            for error in refusal.errors()
        ]
        raise Problem(422, errors=errors) from None
    wrong = complaint_about((draft.content, draft.aside))
    if wrong:
        raise Problem.at("/content", wrong)
    return draft


def shown(page: dict[str, Any]) -> dict[str, Any]:
    """What the template of a page needs: its name and the pieces of its columns."""
    texts = [page["content"]]
    if page["template"] == "two_columns":
        texts.append(page["aside"])
    return {"name": page["name"], "columns": [parts_of(text) for text in texts]}


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").replace("String should", "must", 1)


def _refused(values: dict[str, Any], problem: Problem) -> Form:
    form = Form.refused(values, problem)
    form.labels = LABELS
    return form


def _version(values: dict[str, Any]) -> int:
    text = values.get("version", "")
    found = int(text) if isinstance(text, str) and text.isdecimal() and text.isascii() else 0
    return min(found, MOST_VERSION)


def _words() -> dict[str, Any]:
    return {"templates": TEMPLATES, "places": PLACES}


def _form_page(
    pages: Pages,
    request: Request,
    form: Form,
    found: dict[str, Any] | None = None,
    *,
    newer: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    # After a conflict the form goes on from what it was shown to collide with.
    typed = form.value("version", found["version"] if found else "")
    return pages.render(
        request,
        "custom_page.html",
        version=newer["version"] if newer else typed,
        status=status,
        form=form,
        found=found,
        newer=newer,
        tokens=TOKENS,
        **_words(),
    )


async def _found(desk: Desk, page_id: str) -> dict[str, Any]:
    wanted = parse_id(page_id)
    async with desk.reading() as connection:
        found = await store.find_page(connection, wanted) if wanted else None
    if found is None:
        raise Problem(404, "No such page")
    return found


async def _add(desk: Desk, draft: PageDraft, who: Principal) -> None:
    """Keep a new page under the first address that is free. Raises a 409 problem for too many."""
    async with desk.pool.acquire() as connection:
        for attempt in range(ATTEMPTS):
            slug = slug_of(draft.name, attempt)
            if await store.add_page(
                connection, new_id(), slug, draft, at=desk.clock.now(), by=who.subject
            ):
                return
        full = await store.count_pages(connection) >= MOST_PAGES
    if full:
        raise Problem(409, detail=f"There are {MOST_PAGES} pages already; delete one first")
    raise Problem.at("/name", "is taken by other pages; choose another one")


async def _change(desk: Desk, page_id: str, draft: PageDraft, version: int, who: Principal) -> None:
    async with desk.pool.acquire() as connection:
        kept = await store.change_page(
            connection, page_id, draft, version, at=desk.clock.now(), by=who.subject
        )
    if not kept:
        raise Problem(409, detail="Somebody else changed this page while you did")
