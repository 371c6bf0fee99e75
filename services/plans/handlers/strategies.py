"""Making, changing and deleting strategies."""

from services.plans.domain.refusal import ConflictError, NotFoundError
from services.plans.domain.strategy import Strategy, StrategyDraft, begin_strategy
from services.plans.handlers.desk import Change, Desk, Expected, change, check_expected
from services.plans.handlers.tell import strategy_defined, strategy_deleted
from services.plans.handlers.ticks import issue_overdue, plan_dues
from services.plans.store import strategies
from shared.messaging import outbox


async def define_strategy(desk: Desk, draft: StrategyDraft) -> Strategy:
    """Make a strategy. Raises InvalidError, and ConflictError when the name is taken."""
    async with change(desk) as under_way:
        strategy = begin_strategy(draft, desk.new_id, under_way.at)
        await strategies.add_strategy(under_way.connection, strategy)
        await plan_dues(desk, under_way, strategy)
        await outbox.put(under_way.connection, [strategy_defined(strategy, under_way.at)])
        return strategy


async def redefine_strategy(
    desk: Desk, who: str, strategy_id: str, draft: StrategyDraft, expected: Expected
) -> Strategy:
    """Replace the whole of a strategy; all its plans follow at once.

    Goals that are not named go, with their targets. Raises NotFoundError; ConflictError when it
    has ended or the name is taken; StaleError; InvalidError.
    """
    async with change(desk) as under_way:
        before = await _to_change(under_way, strategy_id, expected)
        after = before.revised(draft, desk.new_id, under_way.at)
        if after is not before:
            await _replace(desk, under_way, who, before, after)
        return after


async def _replace(
    desk: Desk, under_way: Change, who: str, before: Strategy, after: Strategy
) -> None:
    connection, at = under_way.connection, under_way.at
    await strategies.replace_strategy(connection, after)
    gone = before.goals.keys() - after.goals.keys()
    if gone:
        await strategies.drop_targets_of_goals(connection, after.strategy_id, gone, who, at)
    if after.start_date != before.start_date:
        await issue_overdue(under_way, after.strategy_id)
        await plan_dues(desk, under_way, after)
    await outbox.put(connection, [strategy_defined(after, at)])


async def delete_strategy(desk: Desk, strategy_id: str, expected: Expected) -> None:
    """Delete a strategy and its plans.

    Raises NotFoundError, ConflictError when it has ended, StaleError.
    """
    async with change(desk) as under_way:
        strategy = await _to_change(under_way, strategy_id, expected)
        await issue_overdue(under_way, strategy_id)
        await strategies.delete_strategy(under_way.connection, strategy_id)
        await outbox.put(under_way.connection, [strategy_deleted(strategy, under_way.at)])


async def _to_change(under_way: Change, strategy_id: str, expected: Expected) -> Strategy:
    strategy = await strategies.find_strategy_to_change(under_way.connection, strategy_id)
    if strategy is None:
        raise NotFoundError("No such strategy")
    if strategy.has_ended(under_way.day):
        raise ConflictError("The strategy has ended; it is kept as it is")
    check_expected(strategy.revision, expected)
    return strategy
