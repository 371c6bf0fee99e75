"""Strategies: the list, and the editor in which goals are arranged."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.plans.api.answers import strategy_answer
from services.plans.api.bodies import StrategyForm, checked
from services.plans.api.doors import AtDesk, found_id, id_key, name_of, read_cursor, text_key
from services.plans.domain.goal import ACTIVITY_TYPES, GOAL_TYPES
from services.plans.domain.refusal import NotFoundError, RefusalError, StaleError
from services.plans.domain.strategy import FIRST_GROUP, Strategy, StrategyDraft
from services.plans.handlers.desk import Desk, check_expected
from services.plans.handlers.strategies import define_strategy, delete_strategy, redefine_strategy
from services.plans.pages.arranging import act
from services.plans.pages.doors import (
    ROWS,
    STATUS_CHOICES,
    STATUS_LABELS,
    Administrator,
    Supplier,
    as_problems,
    problem_of,
    version_of,
)
from services.plans.pages.editing import as_body, as_values, differences, goals_gone
from services.plans.store import directory, strategies
from services.plans.store import pages as store
from shared.kernel.ids import named_id
from shared.kernel.money import CURRENCIES
from shared.kernel.period import year_end
from shared.web.auth import Principal
from shared.web.pages.forms import Form, nested
from shared.web.pages.listing import Column, Listing
from shared.web.pages.rendering import Pages
from shared.web.paging import encode_cursor

MOST_SUGGESTIONS: Final = 200
NEW: Final = "/strategies/new"
SORTS: Final = tuple(sign + key for key in ("name", "start_date", "end_date") for sign in ("", "-"))
COLUMNS: Final = [
    Column("name", "Name", sort="name"),
    Column("description", "Description"),
    Column("status", "Status", whole=True),
    Column("start", "Start Date", sort="start_date", whole=True),
    Column("end", "End Date", sort="end_date", whole=True),
]


def strategy_pages(pages: Pages) -> APIRouter:
    """The list of strategies."""
    router = APIRouter(include_in_schema=False)

    @router.get("/strategies")
    async def listed(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Every strategy, sorted and filtered."""
        listing = Listing(request, sorts=SORTS, default_sort="name", filters=("status",))
        rows, following = await _list(desk, listing)
        return pages.render(
            request,
            "strategies.html",
            listing=listing,
            columns=COLUMNS,
            rows=rows,
            next=following,
            statuses=STATUS_CHOICES,
            status_labels=STATUS_LABELS,
        )

    return router


def strategy_editor(pages: Pages) -> APIRouter:
    """Making and changing a strategy."""
    router = APIRouter(include_in_schema=False)

    @router.get(NEW)
    async def begin(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """An empty strategy with its first group."""
        form = Form({"goal_groups": [{"name": FIRST_GROUP}]})
        return await _show(pages, request, desk, None, form)

    @router.post(NEW)
    async def create(request: Request, desk: AtDesk, _who: Supplier) -> Response:
        """Rearrange what is being made, or make it."""
        values = nested(await request.form())
        if act(values, str(values.pop("do", ""))):
            return await _show(pages, request, desk, None, Form(values))
        try:
            draft = checked(StrategyForm, as_body(values), desk.zone).draft()
            strategy = await define_strategy(desk, draft)
        except RefusalError as refusal:
            problem = problem_of(refusal)
            form = Form.refused(values, problem)
            return await _show(pages, request, desk, None, form, problem.status)
        return pages.redirect(f"/strategies/{strategy.strategy_id}", "Strategy created")

    @router.get("/strategies/{strategy_id}")
    async def show(request: Request, desk: AtDesk, strategy_id: str, _who: Supplier) -> Response:
        """A strategy as it is saved."""
        strategy = await _found(desk, strategy_id)
        return await _show(pages, request, desk, strategy, Form(as_values(strategy)))

    @router.post("/strategies/{strategy_id}")
    async def save(request: Request, desk: AtDesk, strategy_id: str, who: Supplier) -> Response:
        """Rearrange, or save: a strategy in progress asks first, a stale version shows both."""
        values = nested(await request.form())
        strategy = await _found(desk, strategy_id)
        if act(values, str(values.pop("do", ""))):
            return await _show(pages, request, desk, strategy, Form(values))
        return await _save(pages, request, desk, who, strategy, values)

    return router


def strategy_deletion(pages: Pages) -> APIRouter:
    """Deleting a strategy: the question, for whom no dialog opens, and the deed."""
    router = APIRouter(include_in_schema=False)

    @router.get("/strategies/{strategy_id}/delete")
    async def ask(
        request: Request, desk: AtDesk, strategy_id: str, _who: Administrator
    ) -> Response:
        """Whether it is meant, and how many plans go with it."""
        strategy = await _found(desk, strategy_id)
        async with desk.pool.acquire() as connection:
            count = await store.count_plans(connection, strategy.strategy_id)
        return pages.render(
            request,
            "delete.html",
            title="Delete this strategy?",
            text=f"{strategy.name} and its Success Plans ({count}) go.",
            action=f"/strategies/{strategy.strategy_id}/delete?version={strategy.revision}",
            back=f"/strategies/{strategy.strategy_id}",
            label="Delete Strategy",
        )

    @router.post("/strategies/{strategy_id}/delete")
    async def delete(
        request: Request, desk: AtDesk, strategy_id: str, _who: Administrator
    ) -> Response:
        """Delete it, as it was seen, with its plans."""
        with as_problems():
            seen = version_of(dict(request.query_params))
            await delete_strategy(desk, found_id(strategy_id), seen)
        return pages.redirect("/strategies", "Strategy deleted")

    return router


async def _list(desk: Desk, listing: Listing) -> tuple[list[dict[str, Any]], str | None]:
    status = next((v for v, _ in STATUS_CHOICES if v == listing.filters.get("status")), None)
    after = read_cursor(listing.cursor, listing.sort, text_key, id_key)
    async with desk.pool.acquire() as connection:
        found = await strategies.list_strategies(
            connection,
            day=desk.today,
            status=status,  # type: ignore[arg-type]
            key=listing.sort.removeprefix("-"),
            down=listing.sort.startswith("-"),
            after=after,
            limit=ROWS + 1,
        )
    following = None
    if len(found) > ROWS:
        last, key = found[ROWS - 1]
        following = encode_cursor([listing.sort, key, last.strategy_id])
    return [strategy_answer(one, desk.today) for one, _ in found[:ROWS]], following


async def _found(desk: Desk, strategy_id: str) -> Strategy:
    with as_problems():
        async with desk.pool.acquire() as connection:
            strategy = await strategies.find_strategy(connection, found_id(strategy_id))
        if strategy is None:
            raise NotFoundError("No such strategy")
        return strategy


async def _save(
    pages: Pages,
    request: Request,
    desk: Desk,
    who: Principal,
    strategy: Strategy,
    values: dict[str, Any],
) -> Response:
    """Save what a form holds, unless there is something to ask or to tell first."""
    expected = version_of(values)
    try:
        draft = checked(StrategyForm, as_body(values), desk.zone).draft()
        check_expected(strategy.revision, expected)
        said = await _consequences(desk, strategy, draft)
        if said and values.get("said") != _digest(said):
            values["said"] = _digest(said)
            return await _show(pages, request, desk, strategy, Form(values), said=said)
        await redefine_strategy(desk, name_of(who), strategy.strategy_id, draft, expected)
    except StaleError as refusal:
        return await _show_both(pages, request, desk, strategy, values, refusal)
    except RefusalError as refusal:
        problem = problem_of(refusal)
        form = Form.refused(values, problem)
        return await _show(pages, request, desk, strategy, form, problem.status)
    return pages.redirect(f"/strategies/{strategy.strategy_id}", "Strategy saved")


async def _show_both(
    pages: Pages,
    request: Request,
    desk: Desk,
    strategy: Strategy,
    values: dict[str, Any],
    refusal: StaleError,
) -> Response:
    """What somebody else saved beside what was typed; neither is lost."""
    current = await _found(desk, strategy.strategy_id)
    form = Form.refused(values, problem_of(refusal))
    return await _show(pages, request, desk, current, form, 409, theirs=current)


async def _consequences(desk: Desk, strategy: Strategy, draft: StrategyDraft) -> list[str]:
    """What saving does to the plans of a strategy in progress; nothing to say otherwise."""
    after = strategy.revised(draft, desk.new_id, desk.clock.now())
    if after is strategy or strategy.status_on(desk.today) != "in_progress":
        return []
    async with desk.pool.acquire() as connection:
        count = await store.count_plans(connection, strategy.strategy_id)
        gone = goals_gone(strategy, after)
        targets = await store.count_targets(connection, strategy.strategy_id, gone)
    said = differences(strategy, after)
    if gone:
        said.append(f"Targets that go with removed goals: {targets}")
    return [f"Success Plans that follow at once: {count}", *said]


def _digest(said: list[str]) -> str:
    return named_id(*said)


async def _show(
    pages: Pages,
    request: Request,
    desk: Desk,
    strategy: Strategy | None,
    form: Form,
    status: int = 200,
    *,
    said: list[str] | None = None,
    theirs: Strategy | None = None,
) -> Response:
    async with desk.pool.acquire() as connection:
        tags = await directory.list_campaign_tags(connection, None, MOST_SUGGESTIONS)
        groups = await store.list_partner_groups(connection, MOST_SUGGESTIONS)
        count = await store.count_plans(connection, strategy.strategy_id) if strategy else 0
    chosen = form.chosen("partner_groups")
    return pages.render(
        request,
        "strategy_edit.html",
        status=status,
        form=form,
        strategy=strategy,
        count=count,
        state=strategy.status_on(desk.today) if strategy else None,
        groups=[(one, one) for one in dict.fromkeys([*groups, *chosen])],
        tags=tags,
        types=GOAL_TYPES,
        activity_types=[(one, one.replace("_", " ").capitalize()) for one in ACTIVITY_TYPES],
        currencies=sorted(CURRENCIES),
        ends=_end_of(form.values),
        said=said,
        theirs=theirs,
    )


def _end_of(values: Mapping[str, Any]) -> date | None:
    """The end that follows from a start which is a day."""
    try:
        return year_end(date.fromisoformat(str(values.get("start_date", ""))))
    except (ValueError, OverflowError):
        return None
