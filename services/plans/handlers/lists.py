"""Lists of people for seller plans: validated in numbers alone, then taken."""

from collections import Counter
from collections.abc import Sequence

from services.plans.domain.people_filter import (
    FilterDraft,
    PeopleFilter,
    custom_names,
    read_filters,
)
from services.plans.domain.refusal import ConflictError, NotFoundError
from services.plans.domain.seller_plan import State, Validation, sum_up, told_count
from services.plans.handlers.desk import Change, Desk, change
from services.plans.handlers.tell import participant_changed
from services.plans.store import participants, people, seller_plans
from shared.messaging import outbox
from shared.postgres.pool import Connection


async def take_addresses(desk: Desk, seller_plan_id: str, given: Sequence[str]) -> Validation:
    """Validate the addresses of a file, and take those that qualify.

    Raises NotFoundError, and ConflictError when the plan is over.
    """
    await desk.catch_up_people()
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        return await _take(desk, under_way, seller_plan_id, given)


async def take_filtered(
    desk: Desk, seller_plan_id: str, drafts: Sequence[FilterDraft]
) -> Validation:
    """Validate everybody whom filters match, and take those who qualify.

    Raises NotFoundError, InvalidError, and ConflictError when the plan is over.
    """
    await desk.catch_up_people()
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        filters = await _read(under_way.connection, drafts)
        found = await people.find_people_matching(under_way.connection, filters, under_way.day)
        return await _take(desk, under_way, seller_plan_id, found)


async def count_filtered(
    desk: Desk, seller_plan_id: str, drafts: Sequence[FilterDraft]
) -> int | None:
    """How many people filters match; None where the number would single people out.

    Raises NotFoundError, InvalidError.
    """
    await desk.catch_up_people()
    async with desk.pool.acquire() as connection:
        if await seller_plans.find_seller_plan(connection, seller_plan_id) is None:
            raise NotFoundError("No such seller plan")
        filters = await _read(connection, drafts)
        found = await people.find_people_matching(connection, filters, desk.today)
    return told_count(len(found), desk.minimum_group_size)


async def _read(connection: Connection, drafts: Sequence[FilterDraft]) -> list[PeopleFilter]:
    known = await people.find_custom_names(connection, custom_names(drafts))
    return read_filters(drafts, known)


async def _take(
    desk: Desk, under_way: Change, seller_plan_id: str, given: Sequence[str]
) -> Validation:
    plan = await seller_plans.find_seller_plan_to_change(under_way.connection, seller_plan_id)
    if plan is None:
        raise NotFoundError("No such seller plan")
    state = plan.state_on(under_way.day)
    if state in ("completed", "stopped"):
        raise ConflictError(f"The plan is {state}; nobody can join it")
    result, qualified = await judge(desk, under_way, seller_plan_id, given)
    await _put(under_way, seller_plan_id, state, result, qualified)
    return result


async def judge(
    desk: Desk, under_way: Change, seller_plan_id: str, given: Sequence[str]
) -> tuple[Validation, list[str]]:
    """What validation tells of people, and those who qualify."""
    connection, day = under_way.connection, under_way.day
    verdicts = await participants.judge_candidates(connection, seller_plan_id, given, day)
    counts = Counter(error for _, error in verdicts)
    qualified = [person for person, error in verdicts if error is None]
    return sum_up(counts, desk.minimum_group_size), qualified


async def _put(
    under_way: Change, seller_plan_id: str, state: State, result: Validation, qualified: list[str]
) -> None:
    """A new list replaces the one before; an active plan adds it.

    A scheduled plan keeps the list it has when too few of the new one qualify: it would begin
    with a group that no plan can start with.
    """
    connection = under_way.connection
    if state == "draft":
        await participants.put_candidates(connection, seller_plan_id, qualified)
    elif state == "active":
        await admit(under_way, seller_plan_id, qualified)
    elif result.ready:
        gone = await participants.end_others(connection, seller_plan_id, qualified, under_way.at)
        messages = [participant_changed(one, under_way.at, taking_part=False) for one in gone]
        await outbox.put(connection, messages)
        await admit(under_way, seller_plan_id, qualified)


async def admit(under_way: Change, seller_plan_id: str, qualified: Sequence[str]) -> None:
    """Let people take part under random ids; who does already stays as they are."""
    connection, at = under_way.connection, under_way.at
    joined = await participants.add_participants(connection, seller_plan_id, qualified, at)
    messages = [participant_changed(one, at, taking_part=True) for one in joined]
    await outbox.put(connection, messages)
