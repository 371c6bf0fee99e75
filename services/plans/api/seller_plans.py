"""Seller plans over HTTP, for analysts: numbers of people, never who they are."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile

from services.plans.api.answers import seller_plan_answer
from services.plans.api.bodies import (
    FiltersForm,
    Form,
    SellerPlanForm,
    checked,
    described,
    parse_json,
)
from services.plans.api.doors import (
    PAGE,
    Analyst,
    AtDesk,
    IfMatch,
    Limit,
    etag,
    expected_revisions,
    found_id,
    id_key,
    paged,
    read_cursor,
    read_sort,
    text_key,
)
from services.plans.domain.address_file import read_addresses
from services.plans.domain.seller_plan import State
from services.plans.handlers import lists
from services.plans.handlers import seller_plans as handlers
from services.plans.handlers.desk import Desk
from services.plans.handlers.seller_plans import SellerPlanView
from shared.web.app import JsonResponse
from shared.web.problems import Problem

PATH: Final = "/v1/seller-plans"
SORT_KEYS: Final = ("name", "start_date", "end_date", "created")
LARGEST_FILE: Final = 16 * 1024 * 1024
LARGEST_BODY: Final = 1024 * 1024
FILES: Final = ("", "text/csv", "application/csv", "text/plain", "application/octet-stream")
LIST_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {"schema": FiltersForm.model_json_schema()},
        },
    }
}
AnyForm = TypeVar("AnyForm", bound=Form)
router: Final = APIRouter(prefix=PATH, tags=["seller plans"])


def _body_of(form: type[AnyForm]) -> Callable[[Request], Awaitable[AnyForm]]:
    """A dependency that reads a body as a form; no body at all is an empty one."""

    async def read(request: Request) -> AnyForm:
        raw = await _read(request, LARGEST_BODY)
        return checked(form, parse_json(raw) if raw.strip() else {}, request.app.state.desk.zone)

    return read


async def _read(request: Request, most: int) -> bytes:
    """The body. Raises a 413 problem when it is too large, before all of it is here."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > most:
            raise Problem(413, "The body is too large", f"at most {most} bytes")
    return bytes(received)


PlanBody = Annotated[SellerPlanForm, Depends(_body_of(SellerPlanForm))]
FiltersBody = Annotated[FiltersForm, Depends(_body_of(FiltersForm))]


@router.post("", status_code=201, openapi_extra=described(SellerPlanForm))
async def make_plan(_who: Analyst, desk: AtDesk, body: PlanBody) -> JsonResponse:
    """Make a draft, once CRM accounts, CRM contacts and organizational data are there."""
    view = await handlers.create_seller_plan(desk, body.draft())
    return _answer(desk, view, 201, {"Location": f"{PATH}/{view.plan.seller_plan_id}"})


@router.get("")
async def list_plans(
    _who: Analyst,
    desk: AtDesk,
    sort: str = "-created",
    status: State | None = None,
    limit: Limit = PAGE,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Seller plans, sorted by name, start_date, end_date or created; the newest first."""
    key, down = read_sort(sort, SORT_KEYS)
    after = read_cursor(cursor, sort, text_key, id_key)
    found = await handlers.list_seller_plans(
        desk, state=status, key=key, down=down, after=after, limit=limit + 1
    )
    return paged(
        found,
        limit,
        sort,
        lambda one: _shown(desk, one[0]),
        lambda one: [one[1], one[0].plan.seller_plan_id],
    )


@router.get("/{seller_plan_id}")
async def get_plan(_who: Analyst, desk: AtDesk, seller_plan_id: str) -> JsonResponse:
    """One seller plan."""
    return _answer(desk, await handlers.open_seller_plan(desk, found_id(seller_plan_id)))


@router.patch("/{seller_plan_id}", openapi_extra=described(SellerPlanForm))
async def edit_plan(
    _who: Analyst, desk: AtDesk, seller_plan_id: str, body: PlanBody, if_match: IfMatch = None
) -> JsonResponse:
    """Change the name, or, until it is active, the cadence and the start."""
    view = await handlers.edit_seller_plan(
        desk, found_id(seller_plan_id), body.draft(), expected_revisions(if_match)
    )
    return _answer(desk, view)


@router.post("/{seller_plan_id}/participants", openapi_extra=LIST_BODY)
async def take_list(
    _who: Analyst, desk: AtDesk, seller_plan_id: str, request: Request
) -> dict[str, Any]:
    """Validate a list of people and take those who qualify; the answer is numbers alone."""
    plan_id = found_id(seller_plan_id)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        raw = await _read(request, LARGEST_BODY)
        body = checked(FiltersForm, parse_json(raw), desk.zone)
        return (await lists.take_filtered(desk, plan_id, body.drafts())).answer()
    if kind == "multipart/form-data":
        given = await _file_in_form(request)
    elif kind in FILES:
        given = await _read(request, LARGEST_FILE)
    else:
        raise Problem(415, "Send a file as text/csv, or filters as application/json")
    return (await lists.take_addresses(desk, plan_id, read_addresses(given))).answer()


async def _file_in_form(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if not declared.isdigit() or int(declared) > LARGEST_FILE:
        raise Problem(413, "The file is too large", f"at most {LARGEST_FILE} bytes")
    async with request.form(max_files=1, max_fields=10) as form:
        for value in form.values():
            if isinstance(value, UploadFile):
                return await value.read()
        text = form.get("file")
    if not isinstance(text, str):
        raise Problem.at("/file", "the form must have a part with a file")
    return text.encode()


@router.post("/{seller_plan_id}/count", openapi_extra=described(FiltersForm))
async def count_people(
    _who: Analyst, desk: AtDesk, seller_plan_id: str, body: FiltersBody
) -> dict[str, Any]:
    """How many people filters match; null below the minimum group size."""
    count = await lists.count_filtered(desk, found_id(seller_plan_id), body.drafts())
    return {"count": count, "minimum_group_size": desk.minimum_group_size}


@router.post("/{seller_plan_id}/start")
async def start_plan(
    _who: Analyst, desk: AtDesk, seller_plan_id: str, if_match: IfMatch = None
) -> JsonResponse:
    """Schedule a draft; it becomes active on its start date."""
    view = await handlers.start_seller_plan(
        desk, found_id(seller_plan_id), expected_revisions(if_match)
    )
    return _answer(desk, view)


@router.post("/{seller_plan_id}/stop")
async def stop_plan(
    _who: Analyst, desk: AtDesk, seller_plan_id: str, if_match: IfMatch = None
) -> JsonResponse:
    """Stop a scheduled or active plan."""
    view = await handlers.stop_seller_plan(
        desk, found_id(seller_plan_id), expected_revisions(if_match)
    )
    return _answer(desk, view)


def _shown(desk: Desk, view: SellerPlanView) -> dict[str, Any]:
    size = desk.minimum_group_size
    return seller_plan_answer(view, today=desk.today, minimum_group_size=size)


def _answer(
    desk: Desk, view: SellerPlanView, status: int = 200, headers: dict[str, str] | None = None
) -> JsonResponse:
    return JsonResponse(_shown(desk, view), status, {**etag(view.plan.revision), **(headers or {})})
