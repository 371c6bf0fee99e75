"""The directory's copies of what is told about people, and which CRM records there are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import asyncpg

from services.plans.domain.people_filter import PeopleFilter
from services.plans.store import SQL
from shared.postgres.pool import Connection


class HeardPerson(NamedTuple):
    """One version of a row about a person, or its deletion."""

    person: str
    effective_on: date
    version: int
    body: str
    deleted: bool
    accepted_at: datetime
    manager: str | None = None
    organization: str | None = None
    level: str | None = None
    function: str | None = None
    time_zone: str | None = None
    attributes: Mapping[str, str] = {}
    licensed: bool = False
    opted_out: bool = False


class HeardCrm(NamedTuple):
    """One version of a CRM record, or its deletion: that it is there, not what it says."""

    kind: str
    record_id: str
    version: int
    deleted: bool


async def note_people(connection: Connection, heard: Sequence[HeardPerson]) -> None:
    """Take in rows about people in any order; the newest version of each counts."""
    if heard:
        rows = [
            {
                **one._asdict(),
                "effective_on": one.effective_on.isoformat(),
                "accepted_at": one.accepted_at.isoformat(),
            }
            for one in heard
        ]
        await connection.execute(SQL["note_people"], rows)


async def note_crm_records(connection: Connection, heard: Sequence[HeardCrm]) -> None:
    """Take in CRM records in any order; the newest version of each counts."""
    if heard:
        await connection.execute(SQL["note_crm_records"], [one._asdict() for one in heard])


async def find_what_is_there(connection: Connection) -> asyncpg.Record:
    """Whether there are CRM accounts, contacts and people: accounts, contacts, people."""
    found = await connection.fetchrow(SQL["find_what_is_there"])
    if found is None:
        raise LookupError
    return found


async def find_custom_names(connection: Connection, names: Collection[str]) -> set[str]:
    """Which of these attributes people have."""
    rows = await connection.fetch(SQL["find_custom_names"], list(names))
    return {row["name"] for row in rows}


async def list_custom_names(connection: Connection, limit: int) -> list[str]:
    """The custom attributes that people have, by name."""
    rows = await connection.fetch(SQL["list_custom_names"], limit)
    return [row["name"] for row in rows]


async def find_people_matching(
    connection: Connection, filters: Sequence[PeopleFilter], day: date
) -> list[str]:
    """Everybody whom each of the filters matches, by the row in force on a day."""
    spelled = [one.spelled() for one in filters]
    rows = await connection.fetch(SQL["find_people_matching"], spelled, day)
    return [row["person"] for row in rows]
