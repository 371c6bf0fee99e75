"""Rebuilding: the ledger held against the topics, the figures against the ledger, and mended.

Comparing holds nobody up: it works in one snapshot. Only what differs is changed, in transactions
that have the ledger to themselves; whoever reads sees the figures before or after.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.progress.contract import ACTIVITY_KINDS
from services.progress.domain.goal import rules_of
from services.progress.domain.version import Version
from services.progress.handlers import ask, take
from services.progress.handlers.batch import Batch
from services.progress.store import figures, ledger, plans, rebuild
from services.progress.store.rebuild import Key
from shared.events.plans import StrategySnapshot
from shared.kernel.clock import Clock
from shared.postgres.pool import Connection

MENDED_AT_ONCE: Final = 5000
"""Records or plans of a transaction that has the ledger to itself."""


@dataclass(frozen=True)
class Stale:
    """What stands otherwise than the ledger says."""

    strategies: list[UUID]
    plans: list[UUID]


async def find_stale(connection: Connection) -> AsyncIterator[ask.Compared | Stale]:
    """Compare all figures with the ledger: what was compared as it goes, at last what is stale.

    All of it is asked in the snapshot of the caller's transaction.
    """
    await figures.set_for_recomputing(connection)
    strategies = await _stale_strategies(connection)
    differing: set[UUID] = set(await figures.list_stale_plans(connection))
    differing.update(await plans.find_plans_of_strategies(connection, strategies))
    async for compared in ask.compare_all(connection):
        differing.update(compared.differing)
        yield compared
    yield Stale(strategies, sorted(differing))


async def _stale_strategies(connection: Connection) -> list[UUID]:
    ids = await rebuild.list_strategies(connection)
    found = await plans.find_snapshots(connection, "strategy", ids, take.FOREVER)
    told = [StrategySnapshot.model_validate_json(one.body) for one in found.values()]
    wanted = {rule.goal_id: rule for one in told for rule in rules_of(one)}
    kept = {goal.goal_id: goal for goal in await plans.find_goals(connection, map(UUID, ids))}
    stale = [
        wanted.get(one) or kept[one]
        for one in wanted.keys() | kept.keys()
        if wanted.get(one) != kept.get(one)
    ]
    return sorted({goal.strategy_id for goal in stale})


async def swap_in(connection: Connection, stale: Stale) -> None:
    """Bring what is stale to what the ledger says, in the caller's transaction."""
    await ledger.take_ledger(connection)
    await take.recount(connection, stale.strategies, stale.plans)


async def bring_in(connection: Connection, versions: Iterable[Version], clock: Clock) -> None:
    """Take versions that the ledger lacks, by the way of all events."""
    activity, references = _split(versions)
    if references.versions:
        await take.take_references(connection, references, clock)
    if activity.versions:
        await take.take_activity(connection, activity, clock)


async def put_right(
    connection: Connection, keys: Sequence[Key], versions: Sequence[Version], clock: Clock
) -> None:
    """Make the ledger's versions of some records these, and count what may depend on them anew.

    The caller has the ledger to itself, and the versions are all that were ever accepted.
    """
    partners = set(await rebuild.forget_records(connection, keys))
    partners.update(one.partner_id for one in versions if one.partner_id)
    partners.update(record_id for record_id, kind in keys if kind == "partner")
    await bring_in(connection, versions, clock)
    await take.settle_sellers(connection, ((kind, record_id) for record_id, kind in keys))
    strategies = [UUID(record_id) for record_id, kind in keys if kind == "strategy"]
    campaigns = [record_id for record_id, kind in keys if kind == "campaign"]
    concerned = {UUID(record_id) for record_id, kind in keys if kind == "plan"}
    concerned.update(await plans.find_plans_of_partners(connection, partners))
    concerned.update(await plans.find_plans_of_strategies(connection, strategies))
    concerned.update(await plans.find_plans_of_campaigns(connection, campaigns))
    await take.recount(connection, strategies, sorted(concerned))


def _split(versions: Iterable[Version]) -> tuple[Batch, Batch]:
    activity, references = Batch(), Batch()
    for one in versions:
        side = activity if one.kind in ACTIVITY_KINDS else references
        side.versions.append(one)
    return activity, references
