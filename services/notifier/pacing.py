"""Claiming mails at the pace that their recipients' domains allow, shared by all processes."""

from collections.abc import Collection
from typing import Final

from services.notifier.domain.pacing import LONGEST_QUIET, Pacing
from services.notifier.store import QUERIES, Claim, as_claims
from shared.postgres.pool import Connection

ROUNDS: Final = 6
"""A round claims of some domains and opens others; those that are used up make room in the next."""
IDLE_ROUNDS: Final = 2


async def claim_paced_deliveries(
    connection: Connection, worker: str, most: int, pacing: Pacing
) -> list[Claim]:
    """Take planned deliveries into hand, of each domain no more than its pace allows now."""
    claims: list[Claim] = []
    idle = 0
    for _ in range(ROUNDS):
        async with connection.transaction():
            await connection.execute(QUERIES["walk_the_index"])
            rows = await connection.fetch(
                QUERIES["claim_paced_deliveries"],
                worker,
                most - len(claims),
                list(pacing.bounds),
                list(pacing.bounds.values()),
                pacing.others,
                pacing.first,
                pacing.doubles_in.total_seconds(),
            )
        claims += as_claims(rows)
        idle = 0 if rows else idle + 1
        if len(claims) == most or idle == IDLE_ROUNDS:
            break
    return claims


async def slow_down(connection: Connection, domains: Collection[str], pacing: Pacing) -> None:
    """Leave domains alone for a while that asked for slower mails."""
    if domains:
        await connection.execute(QUERIES["slow_down"], sorted(domains), pacing.quiet, LONGEST_QUIET)
