"""The doors for other services and for operators: statements, watermark, verify, conflicts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.progress.api.doors import Desk, Limit, text_of
from services.progress.domain.notice import assemble
from services.progress.domain.version import name_of
from services.progress.handlers import ask, state
from services.progress.handlers import sellers as seller_statements
from services.progress.handlers.sellers import SellerDesk
from services.progress.store import ledger, sellers, statements
from shared.events.envelope import stamp
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, decode_cursor, page
from shared.web.problems import Problem

MOST_TICKS: Final = 2000
MOST_REMEMBERED: Final = 10_000
MOST_VERSION: Final = 2**63 - 1

Service = Annotated[Principal, Depends(require("service"))]
Administrator = Annotated[Principal, Depends(require("administrator"))]
Watcher = Annotated[Principal, Depends(require("administrator", "channel_manager", "service"))]


class StatementsWanted(BaseModel):
    tick_ids: Annotated[list[UUID], Field(max_length=MOST_TICKS)]


def statements_router(desk: Desk, selling: SellerDesk) -> APIRouter:
    """Statements of due ticks, partners' and sellers', for the service that mails them."""
    router = APIRouter(prefix="/v1", tags=["statements"])
    unheard = Unheard()

    @router.post("/statements")
    async def give_statements(wanted: StatementsWanted, _who: Service) -> Response:
        """What plans stood at when their ticks fell due; always the same bytes for a tick.

        503 while something that was recorded before a due time may still be on its way.
        """
        ids = list(dict.fromkeys(wanted.tick_ids))
        complete_to = await desk.completeness.complete_to()
        async with desk.reading() as connection:
            ticks, kept = await statements.find_ticks(connection, ids)
            sellers_ticks = await sellers.find_ticks(connection, set(ids) - ticks.keys())
            fresh = [ticks[one] for one in ids if one in ticks and one not in kept]
            missing = [one for one in ids if one not in ticks and one not in sellers_ticks]
            unheard.refuse(missing, desk.clock.now(), complete_to)
            still_open = [tick for tick in sellers_ticks.values() if tick.done_at is None]
            dues = [*(tick.due_at for tick in fresh), *(tick.due_at for tick in still_open)]
            _refuse_early(dues, complete_to)
            if await sellers.count_unresolved(connection, [one.tick_id for one in still_open]):
                raise _not_yet("participants are not resolved yet")
            rendered = await state.render(connection, fresh, desk.zone)
        if rendered:
            async with desk.pool.acquire() as connection, connection.transaction():
                kept = {**kept, **await state.freeze(connection, rendered)}
        if sellers_ticks:
            kept = {**kept, **await seller_statements.render(selling, sellers_ticks)}
        return Response(assemble(kept, ids), media_type="application/json")

    @router.post("/statements/done")
    async def finish(wanted: StatementsWanted, _who: Service) -> dict[str, int]:
        """Seller ticks whose mails are accepted, or will never go out: not answered again."""
        async with desk.pool.acquire() as connection:
            return {
                "done": await sellers.finish_ticks(connection, wanted.tick_ids, desk.clock.now())
            }

    return router


class Unheard:
    """Ticks that were asked for and have not been heard.

    Whoever asks has heard of them, so they lie in Kafka: they will come, unless the figures are
    complete to a moment after the first time they were asked for. Then there are none such.
    """

    def __init__(self) -> None:
        self._asked: dict[UUID, datetime] = {}

    def refuse(self, ticks: Iterable[UUID], now: datetime, complete_to: datetime | None) -> None:
        """Raise a problem when there is any: 503 while it may still come, then 404."""
        ticks = list(ticks)
        if not ticks:
            return
        if len(self._asked) > MOST_REMEMBERED:
            self._asked.clear()
        first = [self._asked.setdefault(tick, now) for tick in ticks]
        if complete_to is not None and complete_to > min(first):
            raise Problem(404, "No such tick", f"{len(ticks)} of the ticks are not known")
        raise _not_yet(f"{len(ticks)} of the ticks have not been heard yet")


def _refuse_early(dues: list[datetime], complete_to: datetime | None) -> None:
    if not dues:
        return
    latest = max(dues)
    if complete_to is None or complete_to <= latest:
        reached = stamp(complete_to) if complete_to else "an unknown moment"
        raise _not_yet(f"complete to {reached}, due {stamp(latest)}")


def _not_yet(detail: str) -> Problem:
    return Problem(503, "Not complete to the due time yet", detail, headers={"Retry-After": "1"})


def operations_router(desk: Desk) -> APIRouter:
    """How far figures are complete and whether they are right."""
    router = APIRouter(prefix="/v1", tags=["operations"])

    @router.get("/watermark")
    async def show_watermark(_who: Watcher) -> dict[str, Any]:
        """For each source: consumed to which moment, and how many events are not in the figures."""
        return {"sources": await desk.completeness.describe()}

    @router.post("/verify")
    async def verify(_who: Administrator) -> dict[str, int]:
        """Add every figure up anew and hold it against what is shown: 0 differences is right."""
        async with desk.reading() as connection:
            return await ask.verify(connection)

    @router.get("/conflicts")
    async def list_conflicts(
        _who: Administrator, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> dict[str, Any]:
        """Versions of records that came with two bodies; both are kept, the greater counts."""
        async with desk.reading() as connection:
            rows = await ledger.list_conflicts(connection, _conflict_keys(cursor), limit + 1)
        found = page(rows, limit, lambda row: [row["record_id"], row["kind"], row["version"]])
        return {**found, "items": [_conflict(row) for row in found["items"]]}

    return router


def _conflict_keys(cursor: str | None) -> tuple[str, str, int] | None:
    if cursor is None:
        return None
    record_id, kind, version = decode_cursor(cursor, 3)
    if type(version) is not int or not 0 <= version <= MOST_VERSION:
        raise Problem.at("/cursor", "is no cursor of this list")
    return text_of(record_id), text_of(kind), version


def _conflict(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "record": name_of(row["kind"], row["record_id"]),
        "version": row["version"],
        "bodies": row["bodies"],
    }
