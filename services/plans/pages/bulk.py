"""Planning in bulk: the template, the file, its preview, and what came of it."""

from collections.abc import Mapping
from typing import BinaryIO, Final

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.plans.api.answers import import_answer
from services.plans.api.doors import AtDesk, found_id, name_of
from services.plans.api.imports import LARGEST_FILE
from services.plans.domain.refusal import RefusalError
from services.plans.handlers import imports
from services.plans.pages.doors import Supplier, as_problems, name_strategies, problem_of
from services.plans.store import strategies
from shared.kernel.ids import parse_id
from shared.web.pages.forms import Form, sentence
from shared.web.pages.rendering import Pages
from shared.web.problems import Problem

UPLOAD: Final = "/plans/import"


def bulk_pages(pages: Pages) -> APIRouter:
    """The template, and the file."""
    router = APIRouter(include_in_schema=False)

    @router.get("/plans/template")
    async def template(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Choose a strategy, then some of its partner groups, then the file comes."""
        chosen = parse_id(request.query_params.get("strategy", ""))
        strategy = None
        if chosen:
            async with desk.pool.acquire() as connection:
                strategy = await strategies.find_strategy(connection, chosen)
        return pages.render(
            request, "template.html", strategies=await name_strategies(desk), strategy=strategy
        )

    @router.get(UPLOAD)
    async def choose(request: Request, _who: Supplier) -> Response:
        """Choose a file."""
        return pages.render(request, "import.html", form=Form())

    @router.post(UPLOAD)
    async def upload(request: Request, desk: AtDesk, who: Supplier) -> Response:
        """Judge the file; a file that cannot be read as a whole is told about beside it."""
        file = (await request.form()).get("file")
        try:
            found = await imports.preview_import(desk, name_of(who), _csv_of(file))
        except (RefusalError, Problem) as refused:
            problem = problem_of(refused) if isinstance(refused, RefusalError) else refused
            return pages.render(request, "import.html", status=422, form=_about_the_file(problem))
        return pages.redirect(f"/plans/imports/{found['import_id']}")

    return router


def import_pages(pages: Pages) -> APIRouter:
    """An import: its preview, and its result."""
    router = APIRouter(include_in_schema=False)

    @router.get("/plans/imports/{import_id}")
    async def preview(request: Request, desk: AtDesk, import_id: str, _who: Supplier) -> Response:
        """What the file would do or, once imported, has done."""
        with as_problems():
            found = import_answer(await imports.find_import(desk, found_id(import_id)))
        return pages.render(request, "import_preview.html", found=found, trouble=None)

    @router.post("/plans/imports/{import_id}")
    async def commit(request: Request, desk: AtDesk, import_id: str, who: Supplier) -> Response:
        """Do what the preview said; what has changed since is told about above the counts."""
        try:
            await imports.commit_import(desk, name_of(who), found_id(import_id))
        except RefusalError as refused:
            with as_problems():
                found = import_answer(await imports.find_import(desk, found_id(import_id)))
            return pages.render(
                request, "import_preview.html", status=409, found=found, trouble=str(refused)
            )
        return pages.redirect(f"/plans/imports/{import_id}", "Plans imported")

    return router


def _csv_of(file: object) -> BinaryIO:
    """The content of a chosen file. Raises a problem when there is none, or too much."""
    if not isinstance(file, UploadFile) or not file.filename:
        raise Problem.at("/file", "choose a CSV file")
    if (file.size or 0) > LARGEST_FILE:
        raise Problem.at("/file", "must not be larger than 64 MB")
    return file.file


def _about_the_file(problem: Problem) -> Form:
    """Whatever is wrong with a file stands beside the field that chose it, by column."""
    told = [_told(error) for error in problem.errors] or [problem.detail or problem.title]
    shown = " ".join(sentence(one) for one in dict.fromkeys(told))
    return Form(errors={"file": shown}, labels={"file": "File"})


def _told(error: Mapping[str, str]) -> str:
    """What is wrong; in a column, that column first."""
    column = error["pointer"].removeprefix("/header/").replace("~1", "/").replace("~0", "~")
    return error["detail"] if column == error["pointer"] else f"{column}: {error['detail']}"
