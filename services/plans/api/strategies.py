"""Strategies over HTTP, the partners they are for, and their template."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from services.plans.api.answers import strategy_answer
from services.plans.api.bodies import StrategyForm, body_of, described
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
    name_of,
    paged,
    read_cursor,
    read_sort,
    text_key,
)
from services.plans.domain.refusal import NotFoundError
from services.plans.domain.strategy import Strategy
from services.plans.handlers import imports
from services.plans.handlers.desk import Desk
from services.plans.handlers.strategies import define_strategy, delete_strategy, redefine_strategy
from services.plans.store import directory, strategies
from shared.kernel.period import Status
from shared.web.app import JsonResponse
from shared.web.problems import Problem

SORT_KEYS: Final = ("name", "start_date", "end_date")
BY_NAME: Final = "eligible"
BY_TAG: Final = "tags"
router: Final = APIRouter(prefix="/v1", tags=["strategies"])
StrategyBody = Annotated[StrategyForm, Depends(body_of(StrategyForm))]


@router.post("/strategies", status_code=201, openapi_extra=described(StrategyForm))
async def create_strategy(_who: Supplier, desk: AtDesk, body: StrategyBody) -> JsonResponse:
    """Make a strategy."""
    strategy = await define_strategy(desk, body.draft())
    return _answer(desk, strategy, 201, {"Location": f"/v1/strategies/{strategy.strategy_id}"})


@router.get("/strategies")
async def list_strategies(
    _who: Supplier,
    desk: AtDesk,
    sort: str = "name",
    status: Status | None = None,
    limit: Limit = PAGE,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Strategies, sorted by name, start_date or end_date."""
    key, down = read_sort(sort, SORT_KEYS)
    after = read_cursor(cursor, sort, text_key, id_key)
    today = desk.today
    async with desk.pool.acquire() as connection:
        found = await strategies.list_strategies(
            connection, day=today, status=status, key=key, down=down, after=after, limit=limit + 1
        )
    return paged(
        found,
        limit,
        sort,
        lambda row: strategy_answer(row[0], today),
        lambda row: [row[1], row[0].strategy_id],
    )


@router.get("/strategies/{strategy_id}")
async def get_strategy(_who: Supplier, desk: AtDesk, strategy_id: str) -> JsonResponse:
    """One strategy."""
    return _answer(desk, await _found(desk, strategy_id))


@router.put("/strategies/{strategy_id}", openapi_extra=described(StrategyForm))
async def replace_strategy(
    who: Supplier,
    desk: AtDesk,
    strategy_id: str,
    body: StrategyBody,
    if_match: IfMatch = None,
) -> JsonResponse:
    """Replace the whole of a strategy; groups and goals whose ids are given stay what they are."""
    strategy = await redefine_strategy(
        desk, name_of(who), found_id(strategy_id), body.draft(), expected_revisions(if_match)
    )
    return _answer(desk, strategy)


@router.delete("/strategies/{strategy_id}", status_code=204)
async def remove_strategy(
    _who: Administrator, desk: AtDesk, strategy_id: str, if_match: IfMatch = None
) -> Response:
    """Delete a strategy and its plans."""
    await delete_strategy(desk, found_id(strategy_id), expected_revisions(if_match))
    return Response(status_code=204)


@router.get("/strategies/{strategy_id}/eligible-partners")
async def list_eligible_partners(
    _who: Supplier,
    desk: AtDesk,
    strategy_id: str,
    limit: Limit = PAGE,
    cursor: str | None = None,
) -> dict[str, Any]:
    """The partners that a plan of the strategy can be made for, by name; some have one already."""
    strategy = await _found(desk, strategy_id)
    after = read_cursor(cursor, BY_NAME, text_key, text_key)
    async with desk.pool.acquire() as connection:
        found = await directory.list_eligible_partners(
            connection, strategy.strategy_id, strategy.partner_groups, after, limit + 1
        )
    return paged(
        found,
        limit,
        BY_NAME,
        lambda row: {name: row[name] for name in ("partner_id", "name", "has_plan")},
        lambda row: [row["name_order"], row["partner_id"]],
    )


@router.get("/strategies/{strategy_id}/template.csv", response_class=StreamingResponse)
async def get_template(
    _who: Supplier,
    desk: AtDesk,
    strategy_id: str,
    group: Annotated[list[str] | None, Query()] = None,
) -> StreamingResponse:
    """The CSV to plan in bulk with: a row per partner, for some partner groups or for all."""
    strategy = await _found(desk, strategy_id)
    _check_groups(group or (), strategy)
    return StreamingResponse(
        imports.write_template(desk, strategy, group or ()),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": _as_file(strategy.name)},
    )


@router.get("/campaign-tags")
async def list_campaign_tags(
    _who: Supplier, desk: AtDesk, limit: Limit = PAGE, cursor: str | None = None
) -> dict[str, Any]:
    """The tags that campaigns carry now: suggestions for goals that ask for some."""
    [after] = read_cursor(cursor, BY_TAG, text_key)
    async with desk.pool.acquire() as connection:
        tags = await directory.list_campaign_tags(connection, after, limit + 1)
    return paged(tags, limit, BY_TAG, lambda tag: {"tag": tag}, lambda tag: [tag])


def _answer(
    desk: Desk, strategy: Strategy, status: int = 200, headers: dict[str, str] | None = None
) -> JsonResponse:
    body = strategy_answer(strategy, desk.today)
    return JsonResponse(body, status, {**etag(strategy.revision), **(headers or {})})


async def _found(desk: Desk, strategy_id: str) -> Strategy:
    async with desk.pool.acquire() as connection:
        strategy = await strategies.find_strategy(connection, found_id(strategy_id))
    if strategy is None:
        raise NotFoundError("No such strategy")
    return strategy


def _check_groups(asked: Sequence[str], strategy: Strategy) -> None:
    for group in asked:
        if not is_storable(group):
            raise Problem.at("/group", "must not contain a null byte or half a character")
        if strategy.partner_groups and group not in strategy.partner_groups:
            raise Problem.at("/group", "is none of the strategy's partner groups")


def _as_file(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "strategy"
    return f"attachment; filename=\"{plain}.csv\"; filename*=UTF-8''{quote(name, safe='')}.csv"
