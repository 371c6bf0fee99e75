"""Imports of plans by CSV over HTTP: preview, commit, downloads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Final, Literal, cast

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from services.plans.api.answers import counts_answer, import_answer
from services.plans.api.doors import AtDesk, Supplier, found_id, name_of
from services.plans.handlers import imports
from shared.web.app import JsonResponse
from shared.web.problems import Problem

PATH: Final = "/v1/imports"
LARGEST_FILE: Final = 64 * 1024 * 1024
IN_MEMORY: Final = 1024 * 1024
NO_CSV: Final = ("application/json", "multipart/", "application/x-www-form-urlencoded")
CSV_BODY: Final = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}
Outcome = Literal["new", "updates", "unchanged", "errors"]
router: Final = APIRouter(prefix=PATH, tags=["imports"])


@router.post("", status_code=201, openapi_extra=CSV_BODY)
async def preview_import(who: Supplier, desk: AtDesk, request: Request) -> JsonResponse:
    """Judge every row of a file. Nothing changes yet."""
    if request.headers.get("content-type", "").lower().startswith(NO_CSV):
        raise Problem(415, "Send the file itself as text/csv")
    async with _received(request) as file:
        found = await imports.preview_import(desk, name_of(who), file)
    answer = counts_answer(found)
    return JsonResponse(answer, 201, {"Location": f"{PATH}/{answer['import_id']}"})


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[BinaryIO]:
    """The body on disk when it is large, bounded while it arrives."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        async for part in request.stream():
            file.write(part)
            if file.tell() > LARGEST_FILE:
                raise Problem(413, "The file is too large", f"at most {LARGEST_FILE} bytes")
        yield cast(BinaryIO, file)


@router.get("/{import_id}")
async def get_import(_who: Supplier, desk: AtDesk, import_id: str) -> dict[str, Any]:
    """An import, its counts and whether it has been committed."""
    return import_answer(await imports.find_import(desk, found_id(import_id)))


@router.post("/{import_id}/commit")
async def commit_import(who: Supplier, desk: AtDesk, import_id: str) -> dict[str, Any]:
    """Do what the preview said."""
    return counts_answer(await imports.commit_import(desk, name_of(who), found_id(import_id)))


@router.get("/{import_id}/{outcome}.csv", response_class=StreamingResponse)
async def download_rows(
    _who: Supplier, desk: AtDesk, import_id: str, outcome: Outcome
) -> StreamingResponse:
    """The rows of an outcome as they were uploaded; errors say what is wrong in a last column."""
    found = await imports.find_import(desk, found_id(import_id))
    return StreamingResponse(
        imports.write_rows(desk, found, outcome),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{outcome}.csv"'},
    )
