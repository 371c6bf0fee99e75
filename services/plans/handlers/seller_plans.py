"""Making, changing, starting and stopping seller plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.plans.domain.refusal import ConflictError, NotFoundError
from services.plans.domain.seller_plan import (
    SellerPlan,
    SellerPlanDraft,
    State,
    begin_seller_plan,
    default_name,
)
from services.plans.handlers.desk import Change, Desk, Expected, change, check_expected
from services.plans.handlers.lists import admit, judge
from services.plans.handlers.seller_ticks import issue_overdue_to_sellers, plan_seller_dues
from services.plans.handlers.tell import seller_plan_defined
from services.plans.store import participants, people, seller_plans
from shared.messaging import outbox

KINDS: Final = (
    ("accounts", "CRM accounts"),
    ("contacts", "CRM contacts"),
    ("people", "organizational data"),
)
"""What a seller plan needs: as the store and as people call it."""


@dataclass(frozen=True)
class SellerPlanView:
    """A seller plan and how many take part, or have qualified while it is a draft."""

    plan: SellerPlan
    takers: int


async def find_missing(desk: Desk) -> list[str]:
    """Which kinds of data are missing that a seller plan needs, after a moment's patience."""
    missing = await _missing(desk)
    if missing:
        await desk.catch_up_people()
        missing = await _missing(desk)
    return missing


async def _missing(desk: Desk) -> list[str]:
    async with desk.pool.acquire() as connection:
        found = await people.find_what_is_there(connection)
    return [name for kind, name in KINDS if not found[kind]]


async def create_seller_plan(desk: Desk, draft: SellerPlanDraft) -> SellerPlanView:
    """Make a draft. Raises ConflictError while data is missing or for a taken name, InvalidError.

    The conflict names each kind of data that is missing.
    """
    missing = await find_missing(desk)
    if missing:
        raise ConflictError(f"A seller plan needs data that is not there: {', '.join(missing)}")
    async with change(desk) as under_way:
        connection = under_way.connection
        name = draft.name
        if name is None:
            await participants.take_the_lists(connection)  # two must not find the same name free
            name = default_name(await seller_plans.find_default_names(connection))
        plan = begin_seller_plan(draft, name, desk.new_id(), under_way.at, under_way.day)
        await seller_plans.add_seller_plan(connection, plan)
        await _tell(desk, under_way, plan)
        return SellerPlanView(plan, 0)


async def open_seller_plan(desk: Desk, seller_plan_id: str) -> SellerPlanView:
    """A seller plan as it stands. Raises NotFoundError."""
    async with desk.pool.acquire() as connection:
        plan = await seller_plans.find_seller_plan(connection, seller_plan_id)
        if plan is None:
            raise NotFoundError("No such seller plan")
        takers = await seller_plans.count_takers(connection, [seller_plan_id])
        return SellerPlanView(plan, takers.get(seller_plan_id, 0))


async def list_seller_plans(
    desk: Desk,
    *,
    state: State | None,
    key: str,
    down: bool,
    after: Sequence[str | None],
    limit: int,
) -> list[tuple[SellerPlanView, str]]:
    """Seller plans and what they were sorted by."""
    async with desk.pool.acquire() as connection:
        found = await seller_plans.list_seller_plans(
            connection, day=desk.today, state=state, key=key, down=down, after=after, limit=limit
        )
        takers = await seller_plans.count_takers(
            connection, [plan.seller_plan_id for plan, _ in found]
        )
    return [
        (SellerPlanView(p, takers.get(p.seller_plan_id, 0)), sorted_by) for p, sorted_by in found
    ]


async def edit_seller_plan(
    desk: Desk, seller_plan_id: str, draft: SellerPlanDraft, expected: Expected
) -> SellerPlanView:
    """Change name, cadence or start. Raises NotFoundError, StaleError, ConflictError, InvalidError.

    Nothing sent, nothing changed: no revision, nothing told.
    """
    async with change(desk) as under_way:
        before = await _to_change(under_way, seller_plan_id, expected)
        after = before.revised(draft, under_way.day)
        if after is not before:
            await seller_plans.replace_seller_plan(under_way.connection, after)
            if (before.start_date, before.cadence) != (after.start_date, after.cadence):
                await plan_seller_dues(desk, under_way, after)
            await _tell(desk, under_way, after)
        return await _view(under_way, after)


async def start_seller_plan(
    desk: Desk, seller_plan_id: str, expected: Expected = None
) -> SellerPlanView:
    """Schedule a draft; whoever still qualifies takes part from now on.

    Raises NotFoundError; ConflictError when it is no draft, its start has passed, or fewer than
    the minimum group size qualify today.
    """
    await desk.catch_up_people()
    async with change(desk) as under_way:
        connection = under_way.connection
        await participants.take_the_lists(connection)
        draft = await _to_change(under_way, seller_plan_id, expected)
        plan = draft.scheduled(under_way.at, under_way.day)
        found = await participants.list_candidates(connection, seller_plan_id)
        result, qualified = await judge(desk, under_way, seller_plan_id, found)
        if not result.ready:
            needed = desk.minimum_group_size
            raise ConflictError(f"A plan can start with {needed} qualified participants or more")
        await participants.put_candidates(connection, seller_plan_id, [])
        await seller_plans.replace_seller_plan(connection, plan)
        await plan_seller_dues(desk, under_way, plan)
        await _tell(desk, under_way, plan)
        await admit(under_way, seller_plan_id, qualified)
        return await _view(under_way, plan)


async def stop_seller_plan(
    desk: Desk, seller_plan_id: str, expected: Expected = None
) -> SellerPlanView:
    """Stop a scheduled or active plan; what fell due before still goes out.

    Raises NotFoundError, StaleError, ConflictError.
    """
    async with change(desk) as under_way:
        running = await _to_change(under_way, seller_plan_id, expected)
        plan = running.stopped(under_way.at, under_way.day)
        await issue_overdue_to_sellers(under_way, seller_plan_id)
        await seller_plans.replace_seller_plan(under_way.connection, plan)
        await plan_seller_dues(desk, under_way, plan)
        await _tell(desk, under_way, plan)
        return await _view(under_way, plan)


async def _to_change(under_way: Change, seller_plan_id: str, expected: Expected) -> SellerPlan:
    plan = await seller_plans.find_seller_plan_to_change(under_way.connection, seller_plan_id)
    if plan is None:
        raise NotFoundError("No such seller plan")
    check_expected(plan.revision, expected)
    return plan


async def _tell(desk: Desk, under_way: Change, plan: SellerPlan) -> None:
    told = seller_plan_defined(plan, desk.minimum_group_size, under_way.at)
    await outbox.put(under_way.connection, [told])


async def _view(under_way: Change, plan: SellerPlan) -> SellerPlanView:
    takers = await seller_plans.count_takers(under_way.connection, [plan.seller_plan_id])
    return SellerPlanView(plan, takers.get(plan.seller_plan_id, 0))
