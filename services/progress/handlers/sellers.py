"""The seller's side of what is asked: due statements, one's own insight, the split of peers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from services.progress.domain.insight.asking import Asked
from services.progress.domain.insight.peers import Split, split_of
from services.progress.domain.insight.period import Period
from services.progress.domain.notice import recipient
from services.progress.handlers.insights import InsightMeasures
from services.progress.store import scope, sellers
from services.progress.store.sellers import PersonRow, SellerTick
from shared.events.envelope import stamp
from shared.kernel.clock import Clock
from shared.kernel.period import local_day
from shared.postgres.pool import Connection, Pool

BY_EMAIL: Final = "Milepost, for your email"
BY_THE_PERSON: Final = "you"
EVERY_READ: Final = 10_000


class NoParticipantError(Exception):
    """The person takes part in no plan, or is not known: nobody can tell which."""


@dataclass(frozen=True)
class SellerDesk:
    """What the doors for sellers work with."""

    pool: Pool
    clock: Clock
    zone: ZoneInfo
    measures: InsightMeasures


# --- due statements -------------------------------------------------------------------------------


async def render(desk: SellerDesk, tick_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The statements of seller ticks that are due, each as known at its due time.

    Nothing of them is kept but that they were read. Ticks that are done, and people who have left,
    are not licensed or have opted out, get one without recipients that says so.
    """
    ids, now = list(tick_ids), desk.clock.now()
    async with desk.pool.acquire() as connection:
        await _publish_splits(desk, connection, ids, now)
        async with connection.transaction():
            await scope.read_for_ticks(connection, ids, now)
            ticks = await sellers.find_ticks(connection, ids)
            rendered: dict[UUID, bytes] = {}
            for due_at in sorted({tick.due_at for tick in ticks.values()}):
                together = [tick for tick in ticks.values() if tick.due_at == due_at]
                rendered |= await _render_due(desk, connection, together, due_at)
    return rendered


async def _render_due(
    desk: SellerDesk, connection: Connection, ticks: Sequence[SellerTick], due_at: datetime
) -> dict[UUID, bytes]:
    people = [tick.person for tick in ticks if tick.person]
    day = local_day(due_at, desk.zone)
    rows = await sellers.find_rows_in_force(connection, people, day, due_at)
    reasons = {tick.tick_id: _reason(tick, rows) for tick in ticks}
    told = [tick for tick in ticks if reasons[tick.tick_id] is None and tick.person]
    asked = [
        Asked(tick.person or "", Period.parse(tick.period), due_at, due_at, due_at) for tick in told
    ]
    found = await desk.measures.insights(connection, asked)
    peers = await _peers_of(connection, {tick.seller_plan_id for tick in told})
    insights = {
        tick.tick_id: {**one, "peers": peers_at(peers, [tick.seller_plan_id], tick.period)}
        for tick, one in zip(told, found, strict=True)
    }
    reads = [(tick.person or "", tick.period) for tick in told]
    await sellers.add_reads(connection, reads, at=desk.clock.now(), kind="email", who=BY_EMAIL)
    return {
        tick.tick_id: _statement(tick, rows, reasons[tick.tick_id], insights.get(tick.tick_id))
        for tick in ticks
    }


def _reason(tick: SellerTick, rows: Mapping[str, PersonRow]) -> str | None:
    """Why nobody is written to; None when the mail goes out."""
    if tick.done_at is not None:
        return "done"
    if tick.person is None:
        return "left"
    row = rows.get(tick.person)
    if row is None:
        return "unknown_person"
    if row.opted_out:
        return "opted_out"
    return None if row.licensed else "unlicensed"


def _statement(
    tick: SellerTick,
    rows: Mapping[str, PersonRow],
    reason: str | None,
    insights: dict[str, Any] | None,
) -> bytes:
    recipients = []
    if insights is not None and tick.person is not None:
        row = rows[tick.person]
        recipients = [recipient(tick.person, row.name, row.locale)]
    return orjson.dumps(
        {
            "kind": "seller",
            "tick_id": str(tick.tick_id),
            "plan_id": str(tick.seller_plan_id),
            "participant_id": str(tick.participant_id),
            "plan_name": tick.name,
            "cadence": tick.cadence,
            "period": tick.period,
            "due_at": stamp(tick.due_at),
            "recipients": recipients,
            "reason": reason,
            "insights": insights,
        },
        option=orjson.OPT_SORT_KEYS,
    )


# --- the split of peers ---------------------------------------------------------------------------


async def _publish_splits(
    desk: SellerDesk, connection: Connection, tick_ids: Sequence[UUID], now: datetime
) -> None:
    """Settle, in due order, what the plans of open ticks tell of their periods."""
    async with connection.transaction():
        await scope.read_for_ticks(connection, tick_ids, now)
        ticks = await sellers.find_ticks(connection, tick_ids)
    first: dict[tuple[UUID, str], SellerTick] = {}
    for tick in sorted(ticks.values(), key=lambda tick: tick.due_at):
        if tick.done_at is None and tick.due_at <= now:
            first.setdefault((tick.seller_plan_id, tick.period), tick)
    for tick in first.values():
        async with connection.transaction():
            await _publish(desk, connection, tick, now)


async def _publish(
    desk: SellerDesk, connection: Connection, tick: SellerTick, now: datetime
) -> None:
    if await sellers.has_split(connection, tick.seller_plan_id, tick.period):
        return
    await sellers.take_peers_lock(connection, tick.seller_plan_id)
    if await sellers.has_split(connection, tick.seller_plan_id, tick.period):
        return
    await scope.read_peers(connection, tick.tick_id, now)
    everybody = await sellers.list_cohort(connection, tick.seller_plan_id, tick.due_at)
    day = local_day(tick.due_at, desk.zone)
    rows = await sellers.find_rows_in_force(connection, everybody.values(), day, tick.due_at)
    cohort = {key: one for key, one in everybody.items() if one in rows and rows[one].licensed}
    hours = await desk.measures.hours(
        connection, list(cohort.values()), Period.parse(tick.period), tick.due_at
    )
    last = await sellers.find_last_cohort(connection, tick.seller_plan_id, tick.due_at)
    split = split_of(
        {key: hours[one] for key, one in cohort.items()},
        minimum=tick.minimum_group_size,
        last=last,
    )
    await sellers.add_split(connection, tick, split, cohort if isinstance(split, Split) else ())


@dataclass(frozen=True)
class Settled:
    """What a plan tells of its participants from a period on: a split, or nothing (too few)."""

    seller_plan_id: UUID
    period: str
    split: Split | None


async def _peers_of(connection: Connection, plans: Iterable[UUID]) -> list[Settled]:
    """What plans tell, the latest first."""
    return [
        Settled(
            row["seller_plan_id"],
            row["period"],
            None if row["too_few"] else Split(row["external_percent"], row["internal_percent"]),
        )
        for row in await sellers.list_splits(connection, plans)
    ]


def peers_at(
    settled: Iterable[Settled], plans: Iterable[UUID], period: str
) -> dict[str, Any] | None:
    """What some plans tell of a period, or of the latest before it of which anything is settled."""
    starts, wanted = Period.parse(period).starts, set(plans)
    for one in settled:
        if one.seller_plan_id in wanted and Period.parse(one.period).starts <= starts:
            return None if one.split is None else {"period": one.period, **asdict(one.split)}
    return None


# --- one's own ------------------------------------------------------------------------------------


class OwnInsights:
    """What a person reads of itself: in its own scope, and each time written down."""

    def __init__(self, desk: SellerDesk) -> None:
        self._desk = desk

    async def today(self) -> date:
        """The organization's day."""
        return local_day(self._desk.clock.now(), self._desk.zone)

    async def insights(
        self, person: str, period: Period, complete_to: datetime | None
    ) -> dict[str, Any]:
        """The insight of a period. Raises NoParticipantError."""
        now = self._desk.clock.now()
        async with self._desk.pool.acquire() as connection, connection.transaction():
            plans = await self._enter(connection, person)
            asked = Asked(person, period, now, now, complete_to)
            [found] = await self._desk.measures.insights(connection, [asked])
            peers = peers_at(await _peers_of(connection, plans), plans, str(period))
            await self._note(connection, person, "page", str(period), now)
        return {**found, "peers": peers}

    async def network(self, person: str) -> dict[str, Any]:
        """With whom the last 28 days were spent. Raises NoParticipantError."""
        now = self._desk.clock.now()
        async with self._desk.pool.acquire() as connection, connection.transaction():
            await self._enter(connection, person)
            found = await self._desk.measures.network(connection, person, now)
            await self._note(connection, person, "network", None, now)
        return found

    async def reads(self, person: str, after: Sequence[Any], limit: int) -> list[dict[str, Any]]:
        """The record of reads, the latest first. Raises NoParticipantError."""
        async with self._desk.pool.acquire() as connection, connection.transaction():
            await self._enter(connection, person)
            return await sellers.list_reads(connection, person, after, limit)

    async def export(self, person: str) -> dict[str, Any]:
        """Everything that is held about a person. Raises NoParticipantError."""
        now = self._desk.clock.now()
        async with self._desk.pool.acquire() as connection, connection.transaction():
            await self._enter(connection, person)
            await self._note(connection, person, "export", None, now)
            participations = await sellers.find_participations(connection, person)
            reads = await sellers.list_reads(connection, person, (None, None), EVERY_READ)
            return {
                "person": person,
                "as_of": now,
                "participations": [dict(one) for one in participations],
                "organization": await sellers.list_own_rows(connection, person),
                "assignments": await sellers.list_own_assignments(connection, person),
                "collaboration": await sellers.list_own_involvements(connection, person),
                "reads": reads,
            }

    async def _enter(self, connection: Connection, person: str) -> list[UUID]:
        """Open the person's own scope; gives the plans it takes part in."""
        await scope.read_as(connection, person)
        found = await sellers.find_participations(connection, person)
        plans = [row["seller_plan_id"] for row in found if row["scheduled_at"] is not None]
        if not plans:
            raise NoParticipantError
        return plans

    async def _note(
        self, connection: Connection, person: str, kind: str, period: str | None, now: datetime
    ) -> None:
        await sellers.add_reads(
            connection, [(person, period)], at=now, kind=kind, who=BY_THE_PERSON
        )
