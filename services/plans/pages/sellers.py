"""Seller plans for analysts: lists of people in, numbers out; nobody is ever named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.plans.api.answers import seller_plan_answer
from services.plans.api.bodies import SellerPlanForm, checked
from services.plans.api.doors import AtDesk, found_id, id_key, read_cursor, text_key
from services.plans.api.seller_plans import LARGEST_FILE, SORT_KEYS
from services.plans.domain.address_file import read_addresses
from services.plans.domain.people_filter import LABELS, FilterDraft
from services.plans.domain.refusal import RefusalError
from services.plans.domain.seller_plan import SellerPlanDraft, State, Validation
from services.plans.handlers import lists
from services.plans.handlers import seller_plans as handlers
from services.plans.handlers.desk import Desk
from services.plans.handlers.seller_plans import SellerPlanView
from services.plans.pages.doors import ROWS, Analyst, as_problems, problem_of, version_of
from services.plans.store import people
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.paging import encode_cursor
from shared.web.problems import Problem

PATH: Final = "/seller-plans"
FILTER_ROWS: Final = 3
MOST_ATTRIBUTES: Final = 50
SORTS: Final = tuple(sign + key for key in SORT_KEYS for sign in ("", "-"))
STATES: Final[dict[State, str]] = {
    "draft": "Draft",
    "scheduled": "Scheduled",
    "active": "Active",
    "completed": "Completed",
    "stopped": "Stopped",
}
CADENCES: Final = [
    ("monthly", "Monthly", "About a calendar month, on the 2nd of the next."),
    ("weekly", "Weekly", "About Sunday to Saturday, on the Monday after."),
]
KINDS: Final = {
    "unknown": "Not in the organizational data",
    "unlicensed": "Without a licence",
    "opted_out": "Opted out",
    "in_another_plan": "In another plan",
}
OPERATORS: Final = [("equals", "equals"), ("not_equals", "does not equal")]
FIELDS: Final = {"name": "Name", "start_date": "Start Date", "cadence": "Cadence"}
COLUMNS: Final = [
    Column("name", "Name", sort="name"),
    Column("status", "Status", whole=True),
    Column("cadence", "Cadence", whole=True),
    Column("participants", "Participants", align="end"),
    Column("start", "Start Date", sort="start_date", whole=True),
    Column("end", "End Date", sort="end_date", whole=True),
    Column("created", "Created", sort="created", whole=True),
]


@dataclass(frozen=True)
class Shown:
    """What is to be shown beside a plan: forms as they were sent, and what came of a list."""

    form: Form | None = None
    filters: Form | None = None
    file: Form | None = None
    result: Validation | None = None
    status: int = 200


def seller_plan_pages(pages: Pages) -> APIRouter:
    """The list of seller plans, and making one."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    async def listed(request: Request, desk: AtDesk, _who: Analyst) -> Response:
        """Every seller plan, sorted and filtered."""
        return await _show_list(pages, request, desk)

    @router.post(PATH)
    async def create(request: Request, desk: AtDesk, _who: Analyst) -> Response:
        """Make a draft under the default name and go on to it; or say which data is missing."""
        try:
            view = await handlers.create_seller_plan(desk, SellerPlanDraft(None, None, None))
        except RefusalError as refusal:
            return await _show_list(pages, request, desk, str(refusal))
        where = f"{PATH}/{view.plan.seller_plan_id}"
        return pages.redirect(where, "Draft created. Now say who takes part.")

    return router


def seller_plan_editor(pages: Pages) -> APIRouter:
    """A seller plan: its dates, its participants by number, its start and its stop."""
    router = APIRouter(include_in_schema=False)

    @router.get(PATH + "/{seller_plan_id}")
    async def show(request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst) -> Response:
        """A seller plan as it stands."""
        return await _show(pages, request, desk, seller_plan_id, Shown())

    @router.post(PATH + "/{seller_plan_id}")
    async def save(request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst) -> Response:
        """Change the name, or, until it is active, the cadence and the start."""
        values = nested(await request.form())
        given = {name: values[name] or None for name in FIELDS if name in values}
        try:
            draft = checked(SellerPlanForm, given, desk.zone).draft()
            known = version_of(values)
            await handlers.edit_seller_plan(desk, found_id(seller_plan_id), draft, known)
        except RefusalError as refusal:
            problem = problem_of(refusal)
            form = Form.refused(values, problem)
            shown = Shown(form=form, status=problem.status)
            return await _show(pages, request, desk, seller_plan_id, shown)
        return pages.redirect(f"{PATH}/{seller_plan_id}", "Saved")

    @router.post(PATH + "/{seller_plan_id}/start")
    async def start(request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst) -> Response:
        """Schedule a draft."""
        try:
            await handlers.start_seller_plan(desk, found_id(seller_plan_id))
        except RefusalError as refusal:
            return await _refused(pages, request, desk, seller_plan_id, refusal)
        return pages.redirect(f"{PATH}/{seller_plan_id}", "Scheduled: it begins on its start date.")

    @router.post(PATH + "/{seller_plan_id}/stop")
    async def stop(request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst) -> Response:
        """Stop a scheduled or active plan."""
        try:
            await handlers.stop_seller_plan(desk, found_id(seller_plan_id))
        except RefusalError as refusal:
            return await _refused(pages, request, desk, seller_plan_id, refusal)
        return pages.redirect(f"{PATH}/{seller_plan_id}", "Stopped")

    return router


def participant_lists(pages: Pages) -> APIRouter:
    """Lists of people for a plan: a file of addresses, or filters."""
    router = APIRouter(include_in_schema=False)

    @router.post(PATH + "/{seller_plan_id}/file")
    async def take_file(
        request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst
    ) -> Response:
        """Validate the addresses of a file."""
        try:
            given = read_addresses(await _content((await request.form()).get("file")))
            result = await lists.take_addresses(desk, found_id(seller_plan_id), given)
        except (RefusalError, Problem) as refused:
            problem = problem_of(refused) if isinstance(refused, RefusalError) else refused
            shown = Shown(file=_about_the_file(problem), status=problem.status)
            return await _show(pages, request, desk, seller_plan_id, shown)
        return await _show(pages, request, desk, seller_plan_id, Shown(result=result))

    @router.post(PATH + "/{seller_plan_id}/filters")
    async def take_filters(
        request: Request, desk: AtDesk, seller_plan_id: str, _who: Analyst
    ) -> Response:
        """Validate everybody whom filters match."""
        values = {"filters": rows_of(nested(await request.form()).get("filters"))}
        drafts = [draft_of(row) for row in values["filters"]]
        try:
            result = await lists.take_filtered(desk, found_id(seller_plan_id), drafts)
        except RefusalError as refusal:
            problem = problem_of(refusal)
            shown = Shown(filters=Form.refused(values, problem), status=problem.status)
            return await _show(pages, request, desk, seller_plan_id, shown)
        shown = Shown(filters=Form(values), result=result)
        return await _show(pages, request, desk, seller_plan_id, shown)

    return router


def rows_of(rows: object) -> list[dict[str, str]]:
    """The rows of a form with filters that are filled in."""
    found = rows if isinstance(rows, list) else []
    texts = [{k: str(v) for k, v in row.items()} for row in found if isinstance(row, Mapping)]
    return [row for row in texts if row.get("attribute") or row.get("values")]


def draft_of(row: Mapping[str, str]) -> FilterDraft:
    """A filter of a form; its values stand side by side with semicolons between."""
    values = [value.strip() for value in row.get("values", "").split(";")]
    return FilterDraft(
        row.get("attribute", ""), row.get("operator", "equals"), [one for one in values if one]
    )


async def _content(file: object) -> bytes:
    if not isinstance(file, UploadFile) or not file.filename:
        raise Problem.at("/file", "choose a CSV file")
    if (file.size or 0) > LARGEST_FILE:
        raise Problem.at("/file", "must not be larger than 16 MB")
    return await file.read()


def _about_the_file(problem: Problem) -> Form:
    told = [error["detail"] for error in problem.errors] or [problem.detail or problem.title]
    return Form(errors={"file": ". ".join(dict.fromkeys(told))}, labels={"file": "File"})


async def _show_list(
    pages: Pages, request: Request, desk: Desk, trouble: str | None = None
) -> Response:
    listing = Listing(request, sorts=SORTS, default_sort="-created", filters=("status",))
    key, down = listing.sort.lstrip("-"), listing.sort.startswith("-")
    state = next((one for one in STATES if one == listing.filters.get("status")), None)
    found = await handlers.list_seller_plans(
        desk,
        state=state,
        key=key,
        down=down,
        after=read_cursor(listing.cursor, listing.sort, text_key, id_key),
        limit=ROWS + 1,
    )
    last = found[ROWS - 1] if len(found) > ROWS else None
    following = None
    if last:
        view, sorted_by = last
        following = encode_cursor([listing.sort, sorted_by, view.plan.seller_plan_id])
    return pages.render(
        request,
        "seller_plans.html",
        status=409 if trouble else 200,
        listing=listing,
        columns=COLUMNS,
        rows=[_answer(desk, view) for view, _ in found[:ROWS]],
        next=following,
        states=list(STATES.items()),
        labels={f"status={value}": text for value, text in STATES.items()},
        trouble=trouble,
    )


async def _refused(
    pages: Pages, request: Request, desk: Desk, seller_plan_id: str, refusal: RefusalError
) -> Response:
    """What a plan refused, above it."""
    form = Form({}, message=str(refusal))
    shown = Shown(form=form, status=problem_of(refusal).status)
    return await _show(pages, request, desk, seller_plan_id, shown)


async def _show(
    pages: Pages, request: Request, desk: Desk, seller_plan_id: str, shown: Shown
) -> Response:
    with as_problems():
        view = await handlers.open_seller_plan(desk, found_id(seller_plan_id))
    async with desk.pool.acquire() as connection:
        custom = await people.list_custom_names(connection, MOST_ATTRIBUTES)
    plan = _answer(desk, view)
    form = shown.form or Form({})
    form.values = {**plan, **form.values}
    form.labels = FIELDS
    filters = shown.filters or Form({})
    filters.labels = {
        f"filters.{at}.{name}": f"Filter {at + 1}, {name}"
        for at in range(FILTER_ROWS)
        for name in ("attribute", "operator", "values")
    }
    return pages.render(
        request,
        "seller_plan.html",
        status=shown.status,
        plan=plan,
        form=form,
        filters=filters,
        file=shown.file or Form({}),
        result=shown.result,
        rows=range(FILTER_ROWS),
        attributes=[(name, name) for name in (*LABELS, *custom)],
        operators=OPERATORS,
        cadences=CADENCES,
        kinds=KINDS,
        today=desk.today,
    )


def _answer(desk: Desk, view: SellerPlanView) -> dict[str, Any]:
    size = desk.minimum_group_size
    return seller_plan_answer(view, today=desk.today, minimum_group_size=size)
