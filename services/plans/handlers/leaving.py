"""Leaving seller plans and opting out; and whose a participant's id is, for progress alone.

Whatever ends a participation takes the address from every table that holds it as a participant's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from services.plans.domain.refusal import ConflictError, NotFoundError
from services.plans.handlers.desk import Change, Desk, change
from services.plans.handlers.tell import participant_changed
from services.plans.store import participants
from services.plans.store.participants import EndedBy, Participation
from shared.messaging import outbox


@dataclass(frozen=True)
class Held:
    """What is held of a person as a participant."""

    participations: Sequence[asyncpg.Record]
    """participant_id, seller_plan_id, name, joined_at"""
    candidacies: Sequence[asyncpg.Record]
    """seller_plan_id, name of drafts"""
    opted_out: bool


_log = structlog.get_logger(__name__)


async def leave_plans(desk: Desk, person: str) -> None:
    """End all participations of a person; again: nothing."""
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        await _end(under_way, [person], "left")


async def leave_plan(desk: Desk, participant_id: str) -> None:
    """End one participation; again: nothing. Raises NotFoundError."""
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        if await participants.find_participant(under_way.connection, participant_id) is None:
            raise NotFoundError("No such participant")
        ended = await participants.end_participation(
            under_way.connection, participant_id, under_way.at
        )
        await _tell(under_way, ended)


async def opt_out(desk: Desk, person: str) -> int:
    """Take a person out of everything, and never in again until they opt in themselves.

    Gives how many participations ended.
    """
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        return await _opt_out(under_way, person)


async def opt_out_participant(desk: Desk, participant_id: str) -> None:
    """Opt out the person behind an id. Raises NotFoundError.

    Raises ConflictError for somebody who has left: whose the id was is not known any more.
    """
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        found = await participants.find_participant(under_way.connection, participant_id)
        if found is None:
            raise NotFoundError("No such participant")
        if found["person"] is not None:
            await _opt_out(under_way, found["person"])
        elif found["ended_by"] != "opted_out":
            raise ConflictError("You have left this plan; sign in to opt out")


async def opt_in(desk: Desk, person: str) -> None:
    """Take an opting out back; it brings no participation back."""
    async with change(desk) as under_way:
        await participants.opt_in(under_way.connection, person, under_way.at)


async def end_opted_out(under_way: Change, told: Sequence[tuple[str, datetime]]) -> None:
    """End what people take part in whose rows say that they have opted out.

    Takes each person and when that was told: what was told before they opted in again is past.
    """
    if not told:
        return
    connection = under_way.connection
    people = [person for person, _ in told]
    await participants.note_opt_outs(connection, people, [at for _, at in told])
    gone = await participants.find_opted_out(connection, people, under_way.day)
    await _end(under_way, gone, "opted_out")


async def end_those_opted_out_by_now(desk: Desk) -> None:
    """End what people take part in whose rows have come into force and say opted out."""
    async with desk.pool.acquire() as connection:
        if not await participants.find_takers_opted_out(connection, desk.today):
            return
    async with change(desk) as under_way:
        await participants.take_the_lists(under_way.connection)
        told = await participants.find_takers_opted_out(under_way.connection, under_way.day)
        await end_opted_out(under_way, told)


async def resolve_participants(desk: Desk, participant_ids: Sequence[str]) -> list[asyncpg.Record]:
    """Whose the ids of participants are; those who have left are not among them."""
    async with desk.pool.acquire() as connection:
        found = await participants.resolve_participants(connection, participant_ids)
    _log.info("participants_resolved", asked=len(participant_ids), resolved=len(found))
    return found


async def find_held(desk: Desk, person: str) -> Held:
    """What is held of a person as a participant."""
    async with desk.pool.acquire() as connection:
        return Held(
            await participants.list_participations(connection, person),
            await participants.list_candidacies(connection, person),
            await participants.has_opted_out(connection, person),
        )


async def _opt_out(under_way: Change, person: str) -> int:
    await participants.note_opt_outs(under_way.connection, [person], [under_way.at])
    return await _end(under_way, [person], "opted_out")


async def _end(under_way: Change, people: Sequence[str], why: EndedBy) -> int:
    ended = await participants.end_participations(under_way.connection, people, under_way.at, why)
    await _tell(under_way, ended)
    return len(ended)


async def _tell(under_way: Change, ended: Sequence[Participation]) -> None:
    messages = [participant_changed(one, under_way.at, taking_part=False) for one in ended]
    await outbox.put(under_way.connection, messages)
