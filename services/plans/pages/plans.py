"""Success Plans: the list, making one, and its targets with their history."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.plans.api.answers import history_answer, plan_answer
from services.plans.api.bodies import TargetsForm, checked
from services.plans.api.doors import (
    AtDesk,
    found_id,
    id_key,
    is_storable,
    moment_key,
    name_of,
    read_cursor,
    text_key,
)
from services.plans.domain.plan import Plan
from services.plans.domain.refusal import Flaw, InvalidError, RefusalError, StaleError
from services.plans.domain.target import QUARTERS, Target
from services.plans.handlers.desk import Desk, check_expected
from services.plans.handlers.plans import (
    PlanDraft,
    PlanView,
    create_plan,
    delete_plan,
    open_plan,
    revise_plan,
)
from services.plans.pages.doors import (
    ROWS,
    STATUS_CHOICES,
    STATUS_LABELS,
    SUPPLIER,
    Administrator,
    Anybody,
    Supplier,
    as_problems,
    name_strategies,
    problem_of,
    version_of,
)
from services.plans.store import pages as store
from services.plans.store import plans, strategies
from services.plans.store.plans import Wanted
from shared.kernel.ids import parse_id
from shared.web.pages.formatting import Formats
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.paging import encode_cursor

FIGURES: Final = ("annual", *QUARTERS)
MOST_PARTNERS: Final = 50
MOST_REVISIONS: Final = 50
SORTS: Final = tuple(
    sign + key
    for key in ("strategy_name", "start_date", "end_date", "created")
    for sign in ("", "-")
)
COLUMNS: Final = [
    Column("partner", "Partner"),
    Column("strategy", "Strategy Name", sort="strategy_name"),
    Column("status", "Status", whole=True),
    Column("start", "Start Date", sort="start_date", whole=True),
    Column("end", "End Date", sort="end_date", whole=True),
    Column("created", "Created", sort="created", whole=True),
    Column("edit", "Edit", hidden_label=True),
]


def plan_pages(pages: Pages) -> APIRouter:
    """The list of plans, and making one."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home(who: Anybody) -> Response:
        """The console begins with the plans that a person may see."""
        return pages.redirect("/plans" if SUPPLIER & who.roles else "/seller-plans")

    @router.get("/plans")
    async def listed(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Every plan, sorted, filtered, searched."""
        listing = Listing(
            request, sorts=SORTS, default_sort="-created", filters=("q", "status", "strategy")
        )
        rows, following = await _list(desk, listing)
        named = await name_strategies(desk, listing.filters.get("strategy"))
        return pages.render(
            request,
            "plans.html",
            listing=listing,
            columns=COLUMNS,
            rows=rows,
            next=following,
            strategies=named,
            statuses=STATUS_CHOICES,
            labels={"q": "Search", **STATUS_LABELS, **{f"strategy={k}": v for k, v in named}},
        )

    @router.get("/plans/new")
    async def choose(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Choose a strategy, then one of the partners that it is for."""
        return await _show_new(pages, request, desk, dict(request.query_params))

    @router.post("/plans/new")
    async def create(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Make the plan and go on to its targets."""
        values = nested(await request.form())
        draft = PlanDraft(str(values.get("strategy", "")), str(values.get("partner_id", "")), {})
        try:
            if not is_storable(draft.partner_id) or not draft.partner_id:
                raise InvalidError([Flaw("/partner_id", "choose a partner")])
            view = await create_plan(desk, draft)
        except RefusalError as refusal:
            return await _show_new(pages, request, desk, values, refusal)
        return pages.redirect(f"/plans/{view.plan.plan_id}", "Plan created. Now set its targets.")

    return router


def plan_editor(pages: Pages) -> APIRouter:
    """A plan's targets."""
    router = APIRouter(include_in_schema=False)

    @router.get("/plans/{plan_id}")
    async def show(request: Request, desk: AtDesk, plan_id: str, _who: Supplier) -> Response:
        """A plan's targets."""
        with as_problems():
            view = await open_plan(desk, found_id(plan_id))
        form = Form({"targets": _spelled(view, pages.formats(request))})
        return await _show_plan(pages, request, desk, view, form)

    @router.post("/plans/{plan_id}")
    async def save(request: Request, desk: AtDesk, plan_id: str, who: Supplier) -> Response:
        """Revise targets; a stale version shows both."""
        values = nested(await request.form())
        with as_problems():
            view = await open_plan(desk, found_id(plan_id))
        try:
            check_expected(view.plan.revision, version_of(values))
            targets = read_targets(view, values.get("targets"), pages.formats(request))
            body = {"targets": targets, "reason": values.get("reason") or None}
            asked = checked(TargetsForm, body, desk.zone)
            await revise_plan(
                desk,
                name_of(who),
                view.plan.plan_id,
                asked.targets,
                reason=asked.reason,
                expected=version_of(values),
            )
        except RefusalError as refusal:
            return await _refused(pages, request, desk, view, values, refusal)
        return pages.redirect(f"/plans/{view.plan.plan_id}", "Targets saved")

    return router


def plan_deletion(pages: Pages) -> APIRouter:
    """Deleting a plan: the question, for whom no dialog opens, and the deed."""
    router = APIRouter(include_in_schema=False)

    @router.get("/plans/{plan_id}/delete")
    async def ask(request: Request, desk: AtDesk, plan_id: str, _who: Administrator) -> Response:
        """Whether it is meant."""
        with as_problems():
            view = await open_plan(desk, found_id(plan_id))
        return pages.render(
            request,
            "delete.html",
            title="Delete this Success Plan?",
            text=f"The plan of {view.partner_name or view.plan.partner_id} and its targets go.",
            action=f"/plans/{view.plan.plan_id}/delete?version={view.plan.revision}",
            back=f"/plans/{view.plan.plan_id}",
            label="Delete Success Plan",
        )

    @router.post("/plans/{plan_id}/delete")
    async def delete(request: Request, desk: AtDesk, plan_id: str, _who: Administrator) -> Response:
        """Delete it, as it was seen."""
        with as_problems():
            await delete_plan(desk, found_id(plan_id), version_of(dict(request.query_params)))
        return pages.redirect("/plans", "Success Plan deleted")

    return router


async def _list(desk: Desk, listing: Listing) -> tuple[list[dict[str, Any]], str | None]:
    """A page of plans as rows, and the cursor of the next."""
    wanted = _wanted(listing)
    if wanted is None:
        return [], None
    key, down = listing.sort.removeprefix("-"), listing.sort.startswith("-")
    search = listing.filters.get("q", "").replace("\x00", "")
    if search:
        return await _search(desk, listing, wanted, search)
    kinds = (moment_key, id_key) if key == "created" else (text_key, id_key, id_key)
    after = read_cursor(listing.cursor, listing.sort, *kinds)
    async with desk.pool.acquire() as connection:
        found = await plans.list_plans(
            connection, wanted, day=desk.today, key=key, down=down, after=after, limit=ROWS + 1
        )
        of = await strategies.find_strategies(connection, {one.plan.strategy_id for one in found})
    now = desk.clock.now()
    rows = [
        plan_answer(one.plan, of[one.plan.strategy_id], one.partner_name, today=desk.today, now=now)
        for one in found[:ROWS]
    ]
    return rows, _following(found, listing.sort, lambda one: one.sort_keys)


async def _search(
    desk: Desk, listing: Listing, wanted: Wanted, search: str
) -> tuple[list[dict[str, Any]], str | None]:
    key, down = listing.sort.removeprefix("-"), listing.sort.startswith("-")
    order = f"search {listing.sort}"
    after = read_cursor(listing.cursor, order, text_key, id_key)
    async with desk.pool.acquire() as connection:
        found = await store.search_plans(
            connection,
            wanted,
            search,
            day=desk.today,
            key=key,
            down=down,
            after=after,
            limit=ROWS + 1,
        )
        of = await strategies.find_strategies(
            connection, {str(row["strategy_id"]) for row in found}
        )
    rows = []
    for row in found[:ROWS]:
        strategy = of[str(row["strategy_id"])]
        plan = Plan(
            str(row["plan_id"]),
            strategy.strategy_id,
            row["partner_id"],
            0,
            row["created_at"],
            label=row["label"],
            labelled_at=row["labelled_at"],
        )
        rows.append(
            plan_answer(plan, strategy, row["partner_name"], today=desk.today, now=desk.clock.now())
        )
    return rows, _following(found, order, lambda row: (row["sort_key"], str(row["plan_id"])))


def _following(found: Sequence[Any], order: str, keys: Any) -> str | None:
    return encode_cursor([order, *keys(found[ROWS - 1])]) if len(found) > ROWS else None


def _wanted(listing: Listing) -> Wanted | None:
    """What the filters ask for; None when no plan can be meant."""
    status = next((v for v, _ in STATUS_CHOICES if v == listing.filters.get("status")), None)
    asked = listing.filters.get("strategy")
    strategy_id = parse_id(asked) if asked else None
    if asked and strategy_id is None:
        return None
    return Wanted(status, strategy_id, None)  # type: ignore[arg-type]


async def _show_new(
    pages: Pages,
    request: Request,
    desk: Desk,
    values: Mapping[str, Any],
    refusal: RefusalError | None = None,
) -> Response:
    strategy, partners = None, []
    chosen = parse_id(str(values.get("strategy", "")))
    search = str(values.get("q", "")).replace("\x00", "")
    if chosen:
        async with desk.pool.acquire() as connection:
            strategy = await strategies.find_strategy(connection, chosen)
            if strategy:
                partners = await store.search_eligible_partners(
                    connection, chosen, strategy.partner_groups, search, MOST_PARTNERS + 1
                )
    problem = problem_of(refusal) if refusal else None
    form = Form.refused(values, problem) if problem else Form(values)
    form.labels = {"partner_id": "Partner"}
    return pages.render(
        request,
        "plan_new.html",
        status=problem.status if problem else 200,
        form=form,
        strategies=await name_strategies(desk, chosen),
        strategy=strategy,
        partners=partners[:MOST_PARTNERS],
        more=len(partners) > MOST_PARTNERS,
        search=search,
    )


def _spelled(view: PlanView, formats: Formats) -> dict[str, dict[str, str]]:
    """Targets as they stand in fields."""
    goals = view.strategy.goals
    return {
        goal_id: {name: formats.for_input(value) for name, value in target.spelled(unit).items()}
        for goal_id, target in view.plan.targets.items()
        if goal_id in goals and (unit := goals[goal_id].unit)
    }


def read_targets(view: PlanView, given: Any, formats: Formats) -> dict[str, Any]:
    """What a form asks to change: the annual alone is split, quarters alone move it.

    A form sends every figure, so what counts is which of them differ from the plan. Raises
    InvalidError for what is no number.
    """
    flaws: list[Flaw] = []
    asked: dict[str, Any] = {}
    for goal_id, typed in (given if isinstance(given, dict) else {}).items():
        if not isinstance(typed, dict):
            continue
        figures = _figures(goal_id, typed, formats, flaws)
        current = view.plan.targets.get(goal_id)
        entry = _entry(figures, current)
        if entry != {}:
            asked[goal_id] = entry
    if flaws:
        raise InvalidError(flaws)
    return asked


def _figures(
    goal_id: str, typed: Mapping[str, Any], formats: Formats, flaws: list[Flaw]
) -> dict[str, Decimal]:
    figures = {}
    for name in FIGURES:
        text = str(typed.get(name, "")).strip()
        if not text:
            continue
        try:
            figures[name] = formats.parse(text)
        except ValueError:
            flaws.append(Flaw(f"/targets/{goal_id}/{name}", "must be a number"))
    return figures


def _entry(figures: dict[str, Decimal], current: Target | None) -> dict[str, Decimal] | None:
    """What to send for a goal: nothing ({}), null to clear it, or the figures that count."""
    if not figures:
        return None if current else {}
    if current is None:
        return figures
    before = {name: getattr(current, name) for name in FIGURES}
    quarters = {name: figures.get(name, Decimal(0)) for name in QUARTERS}
    moved = any(quarters[name] != before[name] for name in QUARTERS)
    annual = figures.get("annual")
    if annual is None or annual == before["annual"]:
        return quarters if moved else {}
    return {"annual": annual, **quarters} if moved else {"annual": annual}


async def _refused(
    pages: Pages,
    request: Request,
    desk: Desk,
    view: PlanView,
    values: Mapping[str, Any],
    refusal: RefusalError,
) -> Response:
    problem = problem_of(refusal)
    stale = isinstance(refusal, StaleError)
    if stale:
        view = await open_plan(desk, view.plan.plan_id)
    form = Form.refused(values, problem)
    return await _show_plan(pages, request, desk, view, form, problem.status, stale=stale)


async def _show_plan(
    pages: Pages,
    request: Request,
    desk: Desk,
    view: PlanView,
    form: Form,
    status: int = 200,
    *,
    stale: bool = False,
) -> Response:
    plan, strategy = view.plan, view.strategy
    for goal_id, goal in strategy.goals.items():
        names = {f"targets.{goal_id}.{name}": f"{goal.name}, {name.upper()}" for name in FIGURES}
        form.labels = {**form.labels, **names}
    async with desk.pool.acquire() as connection:
        found = await plans.list_history(connection, plan.plan_id, None, MOST_REVISIONS)
    return pages.render(
        request,
        "plan_edit.html",
        status=status,
        form=form,
        plan=plan,
        strategy=strategy,
        name=view.partner_name or plan.partner_id,
        state=strategy.status_on(desk.today),
        saved=_spelled(view, pages.formats(request)),
        stale=stale,
        history=[history_answer(row) for row in found],
    )
