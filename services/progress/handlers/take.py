"""Taking batches in: the ledger first, then whatever figures depend on what changed."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from services.progress.domain.folding import fold
from services.progress.domain.goal import Scope, rules_of
from services.progress.domain.insight.interaction import TakenInteraction
from services.progress.domain.version import BrokenEventError
from services.progress.handlers.batch import Batch, CollaborationBatch
from services.progress.store import directory, figures, ledger, plans, statements
from services.progress.store.ledger import Changed, Taken
from shared.events.plans import StrategySnapshot
from shared.kernel.clock import Clock
from shared.messaging import dead_letter
from shared.messaging.message import Record
from shared.postgres.pool import Connection

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
"""As known at the end of time: all that is known now."""
PLANS_AT_ONCE: Final = 20_000


async def take_activity(connection: Connection, batch: Batch, clock: Clock) -> Taken:
    """Take events of partners' activity, in one transaction that the caller has begun.

    Deals, accounts and leads move cells by differences. Completions and field values depend on
    each other: for their partners the goals concerned are counted anew.
    """
    await ledger.share_ledger(connection)
    taken = await ledger.take_batch(connection, fold(batch.versions), batch.moves())
    if taken.others:
        await ledger.take_recompute(connection)
        await _recount_together(connection, taken.others)
    await keep_broken(connection, batch.broken, clock)
    return taken


async def _recount_together(connection: Connection, changed: Iterable[Changed]) -> None:
    kinds = {one.kind for one in changed}
    partners = {p for one in changed for p in (one.partner_id, one.partner_before) if p}
    ids = await plans.find_plans_of_partners(connection, partners)
    scope = await _scope(connection, ids)
    goals = [goal for goal in scope.counted_together if goal.kind in kinds]
    await _recompute(connection, Scope(scope.plans, goals))


async def take_references(connection: Connection, batch: Batch, clock: Clock) -> Taken:
    """Take partners, campaigns, strategies, plans and ticks, and recount what follows from them.

    It has the ledger to itself: no event is counted by old goals while new ones are counted.
    """
    await ledger.take_ledger(connection)
    taken = await ledger.take_batch(connection, fold(batch.versions), batch.moves())
    await statements.note_ticks(connection, batch.ticks)
    await directory.note_seller_ticks(connection, batch.seller_ticks)
    await settle_sellers(connection, ((one.kind, one.record_id) for one in batch.versions))
    if taken.others:
        await _follow(connection, taken.others)
    await keep_broken(connection, batch.broken, clock)
    return taken


async def _follow(connection: Connection, changed: Sequence[Changed]) -> None:
    await figures.set_for_recomputing(connection)
    of_kind = {kind: [one for one in changed if one.kind == kind] for kind in _KINDS}
    strategy_ids = [UUID(one.record_id) for one in of_kind["strategy"]]
    new_rules = await _settle_goals(connection, strategy_ids)
    dirty = await _settle_plans(connection, of_kind, strategy_ids)
    await figures.forget_cells(connection, dirty)
    await _recompute(connection, await _scope(connection, dirty))
    await _recount_rules(connection, new_rules, already=set(dirty))
    await _recount_campaigns(connection, of_kind["campaign"])


_KINDS: Final = ("partner", "campaign", "strategy", "plan")
_SETTLERS: Final = {
    "person": directory.settle_person_rows,
    "crm_account": directory.settle_account_rows,
    "crm_contact": directory.settle_contact_rows,
    "seller_assignment": directory.settle_assignment_rows,
    "seller_plan": directory.settle_seller_plans,
    "participant": directory.settle_participants,
}


async def settle_sellers(connection: Connection, records: Iterable[tuple[str, str]]) -> None:
    """Bring the seller side to what its records say, also where an older version came late.

    Takes kinds and ids of records; those that are not of the seller side say nothing here.
    """
    of_kind: dict[str, set[str]] = {}
    for kind, record_id in records:
        if kind in _SETTLERS:
            of_kind.setdefault(kind, set()).add(record_id)
    for kind, settle in _SETTLERS.items():
        if kind in of_kind:
            await settle(connection, sorted(of_kind[kind]))


async def take_collaboration(connection: Connection, batch: Batch, clock: Clock) -> Taken:
    """Take interactions, with the positions after them, in the caller's transaction."""
    once: dict[tuple[str, int, str], TakenInteraction] = {}
    count: dict[str, int] = {}
    for one in cast("CollaborationBatch", batch).versions:
        key = (one.record_id, one.version, one.body)
        known = once.get(key)
        if known is None:
            count[one.record_id] = count.get(one.record_id, 0) + 1
        if known is None or one.known_from < known.known_from:
            once[key] = one
    single = [one for one in once.values() if count[one.record_id] == 1]
    several = [one for one in once.values() if count[one.record_id] > 1]
    # First the positions: they are locked until the end, so that two replicas that both believe a
    # partition theirs take its interactions one after the other.
    await directory.move_positions(connection, batch.moves())
    added, conflicts = await directory.take_interactions(connection, single, several)
    await keep_broken(connection, batch.broken, clock)
    return Taken(added, len(once) - added, 0, conflicts)


async def recount(
    connection: Connection, strategy_ids: Sequence[UUID], plan_ids: Sequence[UUID]
) -> None:
    """Bring strategies' goals, plans and the plans' cells to what the ledger says.

    The caller has the ledger to itself.
    """
    await figures.set_for_recomputing(connection)
    await _settle_goals(connection, strategy_ids)
    await plans.settle_plans(connection, plan_ids)
    await figures.forget_cells(connection, plan_ids)
    await _recompute(connection, await _scope(connection, plan_ids))


async def _settle_goals(
    connection: Connection, strategy_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    if not strategy_ids:
        return []
    ids = map(str, strategy_ids)
    found = await plans.find_snapshots(connection, "strategy", ids, FOREVER)
    snapshots = [StrategySnapshot.model_validate_json(one.body) for one in found.values()]
    rules = [rule for snapshot in snapshots for rule in rules_of(snapshot)]
    return await plans.settle_goals(connection, strategy_ids, rules)


async def _settle_plans(
    connection: Connection, of_kind: dict[str, list[Changed]], strategy_ids: Sequence[UUID]
) -> list[UUID]:
    """Bring the plans concerned up to date; gives those that stand otherwise than before."""
    concerned = {UUID(one.record_id) for one in of_kind["plan"]}
    if strategy_ids:
        concerned.update(await plans.find_plans_of_strategies(connection, strategy_ids))
    partners = [one.record_id for one in of_kind["partner"] if one.matters]
    if partners:
        concerned.update(await plans.find_plans_of_partners(connection, partners))
    return await plans.settle_plans(connection, concerned) if concerned else []


async def _recount_rules(
    connection: Connection, new_rules: Sequence[tuple[UUID, UUID]], *, already: set[UUID]
) -> None:
    """Count goals that are new, or ask for something else, in all plans of their strategies."""
    if not new_rules:
        return
    strategies = {strategy for strategy, _ in new_rules}
    ids = await plans.find_plans_of_strategies(connection, strategies)
    scope = await _scope(connection, [one for one in ids if one not in already])
    goal_ids = {goal for _, goal in new_rules}
    await _recompute(
        connection, Scope(scope.plans, [goal for goal in scope.goals if goal.goal_id in goal_ids])
    )


async def _recount_campaigns(connection: Connection, changed: Sequence[Changed]) -> None:
    campaigns = [one.record_id for one in changed if one.matters]
    if not campaigns:
        return
    ids = await plans.find_plans_of_campaigns(connection, campaigns)
    scope = await _scope(connection, ids)
    goals = [goal for goal in scope.goals if goal.type == "campaign_leads"]
    await _recompute(connection, Scope(scope.plans, goals))


async def _scope(connection: Connection, plan_ids: Sequence[UUID]) -> Scope:
    rows = await plans.find_plans(connection, plan_ids) if plan_ids else []
    strategies = {row.strategy_id for row in rows}
    return Scope(rows, await plans.find_goals(connection, strategies) if strategies else [])


async def _recompute(connection: Connection, scope: Scope) -> None:
    await figures.set_for_recomputing(connection)
    for begin in range(0, len(scope.plans), PLANS_AT_ONCE):
        part = scope.plans[begin : begin + PLANS_AT_ONCE]
        await figures.recompute_cells(connection, Scope(part, scope.goals))


async def keep_broken(
    connection: Connection, broken: Iterable[tuple[Record, BrokenEventError]], clock: Clock
) -> None:
    """Keep what cannot be read, whole and with what is wrong."""
    for record, failure in broken:
        await dead_letter.put(connection, record, failure.errors, clock.now())
