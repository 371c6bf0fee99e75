"""The directory: copies of partners and campaigns, kept from what ingest tells."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg

from services.plans.domain.naming import name_order
from services.plans.domain.plan import Partner
from services.plans.store import SQL
from shared.messaging.message import Position
from shared.postgres.pool import Connection


class HeardPartner(NamedTuple):
    """One version of a partner, or its deletion."""

    partner_id: str
    version: int
    body: str
    deleted: bool
    name: str = ""
    groups: tuple[str, ...] = ()
    active: bool = False


class HeardCampaign(NamedTuple):
    """One version of a campaign, or its deletion."""

    campaign_id: str
    version: int
    body: str
    deleted: bool
    tags: tuple[str, ...] = ()


async def note_partners(connection: Connection, heard: Sequence[HeardPartner]) -> None:
    """Take in versions of partners in any order; the newest counts."""
    rows = [{**one._asdict(), "name_order": name_order(one.name)} for one in heard]
    await connection.execute(SQL["note_partners"], rows)


async def note_campaigns(connection: Connection, heard: Sequence[HeardCampaign]) -> None:
    """Take in versions of campaigns in any order; the newest counts."""
    await connection.execute(SQL["note_campaigns"], [one._asdict() for one in heard])


async def note_positions(connection: Connection, positions: Iterable[Position]) -> None:
    """Everything below these positions is in the directory."""
    positions = list(positions)
    await connection.execute(
        SQL["note_positions"],
        [at.topic for at in positions],
        [at.partition for at in positions],
        [at.next_offset for at in positions],
    )


async def find_positions(connection: Connection) -> dict[tuple[str, int], int]:
    rows = await connection.fetch(SQL["find_positions"])
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def find_partner(connection: Connection, partner_id: str) -> Partner | None:
    row = await connection.fetchrow(SQL["find_partner"], partner_id)
    if row is None:
        return None
    return Partner(row["partner_id"], row["name"], tuple(row["groups"]), row["active"])


async def list_eligible_partners(
    connection: Connection,
    strategy_id: str,
    groups: Sequence[str],
    after: Sequence[Any],
    limit: int,
) -> list[asyncpg.Record]:
    """partner_id, name, name_order, has_plan; `after` is the last item's name order and id."""
    return await connection.fetch(
        SQL["list_eligible_partners"], strategy_id, list(groups), *after, limit
    )


async def list_campaign_tags(connection: Connection, after: str | None, limit: int) -> list[str]:
    """The tags that campaigns carry now."""
    rows = await connection.fetch(SQL["list_campaign_tags"], after, limit)
    return [row["tag"] for row in rows]
