"""Who takes part in seller plans, who is to, and who has opted out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from zlib import crc32

import asyncpg

from services.plans.store import SQL
from shared.postgres.pool import Connection

LISTS_LOCK: Final = crc32(b"milepost.plans.lists")
EndedBy = Literal["left", "opted_out"]


@dataclass(frozen=True)
class Participation:
    """A participation after its `version`-th change, without whose it is."""

    participant_id: str
    seller_plan_id: str
    version: int


async def take_the_lists(connection: Connection) -> None:
    """Until the transaction ends nobody else puts people into plans."""
    await connection.execute(SQL["take_the_lists"], LISTS_LOCK)


async def judge_candidates(
    connection: Connection, seller_plan_id: str, people: Sequence[str], day: date
) -> list[tuple[str, str | None]]:
    """People, and the first check that each fails; None = they qualify."""
    rows = await connection.fetch(SQL["judge_candidates"], seller_plan_id, people, day)
    return [(row["person"], row["error"]) for row in rows]


async def put_candidates(
    connection: Connection, seller_plan_id: str, people: Sequence[str]
) -> None:
    """The candidates of a draft, in place of those before."""
    await connection.execute(SQL["clear_candidates"], seller_plan_id)
    await connection.execute(SQL["add_candidates"], seller_plan_id, people)


async def list_candidates(connection: Connection, seller_plan_id: str) -> list[str]:
    rows = await connection.fetch(SQL["list_candidates"], seller_plan_id)
    return [row["person"] for row in rows]


async def add_participants(
    connection: Connection, seller_plan_id: str, people: Sequence[str], at: datetime
) -> list[Participation]:
    """Let people take part; gives those who did not yet."""
    rows = await connection.fetch(SQL["add_participants"], seller_plan_id, people, at)
    return _participations(rows)


async def end_others(
    connection: Connection, seller_plan_id: str, people: Sequence[str], at: datetime
) -> list[Participation]:
    """End the participations of everybody who is not among these people."""
    rows = await connection.fetch(SQL["end_others"], seller_plan_id, people, at)
    return _participations(rows)


async def end_participations(
    connection: Connection, people: Sequence[str], at: datetime, why: EndedBy
) -> list[Participation]:
    """End all participations of people, and forget them as candidates."""
    rows = await connection.fetch(SQL["end_participations"], people, at, why)
    return _participations(rows)


async def end_participation(
    connection: Connection, participant_id: str, at: datetime
) -> list[Participation]:
    """End one participation; nothing when it has ended."""
    return _participations(await connection.fetch(SQL["end_participation"], participant_id, at))


async def list_participations(connection: Connection, person: str) -> list[asyncpg.Record]:
    """participant_id, seller_plan_id, name, joined_at of what a person takes part in."""
    return await connection.fetch(SQL["list_participations"], person)


async def list_candidacies(connection: Connection, person: str) -> list[asyncpg.Record]:
    """seller_plan_id and name of the drafts that a person is on the list of."""
    return await connection.fetch(SQL["list_candidacies"], person)


async def find_participant(connection: Connection, participant_id: str) -> asyncpg.Record | None:
    """participant_id, person (None once it has ended), ended_by."""
    return await connection.fetchrow(SQL["find_participant"], participant_id)


async def resolve_participants(
    connection: Connection, participant_ids: Sequence[str]
) -> list[asyncpg.Record]:
    """participant_id, seller_plan_id, person of those who take part."""
    return await connection.fetch(SQL["resolve_participants"], participant_ids)


async def note_opt_outs(
    connection: Connection, people: Sequence[str], told_at: Sequence[datetime]
) -> None:
    """People have opted out, as was told at these moments."""
    await connection.execute(SQL["note_opt_outs"], people, told_at)


async def opt_in(connection: Connection, person: str, at: datetime) -> None:
    await connection.execute(SQL["opt_in"], person, at)


async def has_opted_out(connection: Connection, person: str) -> bool:
    return bool(await connection.fetchval(SQL["has_opted_out"], person))


async def find_opted_out(connection: Connection, people: Sequence[str], day: date) -> list[str]:
    rows = await connection.fetch(SQL["find_opted_out"], people, day)
    return [row["person"] for row in rows]


async def find_takers_opted_out(connection: Connection, day: date) -> list[tuple[str, datetime]]:
    """Who takes part although a row that has come into force says otherwise, and its acceptance."""
    rows = await connection.fetch(SQL["find_takers_opted_out"], day)
    return [(row["person"], row["accepted_at"]) for row in rows]


def _participations(rows: Sequence[asyncpg.Record]) -> list[Participation]:
    return [
        Participation(str(row["participant_id"]), str(row["seller_plan_id"]), row["version"])
        for row in rows
    ]
