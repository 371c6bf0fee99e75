"""Success plans and their targets over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response

from services.plans.api.answers import history_answer, plan_answer
from services.plans.api.bodies import PlanForm, TargetsForm, body_of, described
from services.plans.api.doors import (
    PAGE,
    Administrator,
    AtDesk,
    IfMatch,
    Limit,
    Supplier,
    etag,
    expected_revisions,
    found_id,
    id_key,
    is_storable,
    moment_key,
    name_of,
    number_key,
    paged,
    read_cursor,
    read_sort,
    text_key,
)
from services.plans.domain.refusal import NotFoundError
from services.plans.handlers.desk import Desk
from services.plans.handlers.plans import (
    PlanView,
    create_plan,
    delete_plan,
    open_plan,
    revise_plan,
)
from services.plans.store import plans, strategies
from services.plans.store.plans import Listed, Wanted
from shared.kernel.ids import parse_id
from shared.kernel.period import Status
from shared.web.app import JsonResponse

SORT_KEYS: Final = ("strategy_name", "start_date", "end_date", "created")
LATEST_FIRST: Final = "history"
router: Final = APIRouter(prefix="/v1", tags=["plans"])
PlanBody = Annotated[PlanForm, Depends(body_of(PlanForm))]
TargetsBody = Annotated[TargetsForm, Depends(body_of(TargetsForm))]


@router.post("/plans", status_code=201, openapi_extra=described(PlanForm))
async def make_plan(_who: Supplier, desk: AtDesk, body: PlanBody) -> JsonResponse:
    """Make the plan of a strategy and a partner."""
    view = await create_plan(desk, body.draft())
    return _answer(desk, view, 201, {"Location": f"/v1/plans/{view.plan.plan_id}"})


@router.get("/plans")
async def list_plans(
    _who: Supplier,
    desk: AtDesk,
    sort: str = "-created",
    status: Status | None = None,
    strategy_id: str | None = None,
    partner_id: str | None = None,
    limit: Limit = PAGE,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Plans, sorted by strategy_name, start_date, end_date or created; the newest first."""
    key, down = read_sort(sort, SORT_KEYS)
    kinds = (moment_key, id_key) if key == "created" else (text_key, id_key, id_key)
    after = read_cursor(cursor, sort, *kinds)
    wanted = _wanted(status, strategy_id, partner_id)
    if wanted is None:
        return {"items": [], "next": None}
    today = desk.today
    async with (
        desk.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await plans.list_plans(
            connection, wanted, day=today, key=key, down=down, after=after, limit=limit + 1
        )
        of = await strategies.find_strategies(connection, {one.plan.strategy_id for one in found})
    now = desk.clock.now()
    return paged(
        found,
        limit,
        sort,
        lambda one: plan_answer(
            one.plan, of[one.plan.strategy_id], one.partner_name, today=today, now=now
        ),
        _sort_keys,
    )


def _sort_keys(listed: Listed) -> tuple[Any, ...]:
    return listed.sort_keys


def _wanted(
    status: Status | None, strategy_id: str | None, partner_id: str | None
) -> Wanted | None:
    """What a list asks for; None when no plan can be meant by it."""
    strategy = parse_id(strategy_id) if strategy_id is not None else None
    if strategy_id is not None and strategy is None:
        return None
    if partner_id is not None and not is_storable(partner_id):
        return None
    return Wanted(status, strategy, partner_id)


@router.get("/plans/{plan_id}")
async def get_plan(_who: Supplier, desk: AtDesk, plan_id: str) -> JsonResponse:
    """One plan. Opening it takes the label away that an import gave."""
    return _answer(desk, await open_plan(desk, found_id(plan_id)))


@router.delete("/plans/{plan_id}", status_code=204)
async def remove_plan(
    _who: Administrator, desk: AtDesk, plan_id: str, if_match: IfMatch = None
) -> Response:
    """Delete a plan."""
    await delete_plan(desk, found_id(plan_id), expected_revisions(if_match))
    return Response(status_code=204)


@router.put("/plans/{plan_id}/targets", openapi_extra=described(TargetsForm))
async def put_targets(
    who: Supplier, desk: AtDesk, plan_id: str, body: TargetsBody, if_match: IfMatch = None
) -> JsonResponse:
    """Revise targets: goals not named stay, null clears, a quarter alone moves the annual."""
    view = await revise_plan(
        desk,
        name_of(who),
        found_id(plan_id),
        body.targets,
        reason=body.reason,
        expected=expected_revisions(if_match),
    )
    return _answer(desk, view)


@router.get("/plans/{plan_id}/targets/history")
async def list_history(
    _who: Supplier,
    desk: AtDesk,
    plan_id: str,
    limit: Limit = PAGE,
    cursor: Annotated[str | None, Query()] = None,
) -> dict[str, Any]:
    """Every revision of the plan's targets, the latest first."""
    plan_id = found_id(plan_id)
    [before] = read_cursor(cursor, LATEST_FIRST, number_key)
    async with desk.pool.acquire() as connection:
        if await plans.find_strategy_of_plan(connection, plan_id) is None:
            raise NotFoundError("No such plan")
        found = await plans.list_history(connection, plan_id, before, limit + 1)
    return paged(found, limit, LATEST_FIRST, history_answer, lambda row: [row["change_id"]])


def _answer(
    desk: Desk, view: PlanView, status: int = 200, headers: dict[str, str] | None = None
) -> JsonResponse:
    body = plan_answer(
        view.plan, view.strategy, view.partner_name, today=desk.today, now=desk.clock.now()
    )
    return JsonResponse(body, status, {**etag(view.plan.revision), **(headers or {})})
