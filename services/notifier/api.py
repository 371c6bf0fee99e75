"""The delivery log, for administrators: what became of every tick and every mail. No content."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Depends, Query

from services.notifier import handlers, store
from services.notifier.domain.delivery import State
from services.notifier.sender import Sender
from shared.kernel.clock import Clock
from shared.kernel.ids import parse_id
from shared.postgres.pool import Pool
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

Administrator = Annotated[Principal, Depends(require("administrator"))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Period = Annotated[str | None, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])(-\d{2})?$")]
Plan = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
TickState = Literal["waiting", "planned", "done", "skipped"]
_MOMENTS: Final = ("due_at", "planned_at", "accepted_at", "received_at")


def log_router(pool: Pool, clock: Clock, sender: Sender) -> APIRouter:
    """The doors to the delivery log and to an operator's decisions about it."""
    router = APIRouter(prefix="/v1", tags=["deliveries"])

    @router.get("/deliveries")
    async def list_deliveries(
        _who: Administrator,
        plan_id: Plan = None,
        period: Period = None,
        state: State | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Deliveries, the latest planned first: when, to whom, state, attempts."""
        after = _after(cursor, is_id=True)
        items = await store.list_deliveries(pool, plan_id, period, state, after, limit + 1)
        return page(
            [_shown(item) for item in items], limit, lambda i: [i["planned_at"], i["delivery_id"]]
        )

    @router.get("/deliveries/summary")
    async def summarize(_who: Administrator) -> dict[str, Any]:
        """How many ticks and deliveries there are, by state."""
        ticks, deliveries = await store.summarize(pool)
        return {
            "ticks": {state: ticks.get(state, 0) for state in get_args(TickState)},
            "deliveries": {state.value: deliveries.get(state.value, 0) for state in State},
        }

    @router.get("/ticks")
    async def list_ticks(
        _who: Administrator,
        plan_id: Plan = None,
        period: Period = None,
        state: TickState | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Ticks, the latest due first: what became of each, and why."""
        after = _after(cursor, is_id=False)
        items = await store.list_ticks(pool, plan_id, period, state, after, limit + 1)
        return page([_shown(item) for item in items], limit, lambda i: [i["due_at"], i["tick_id"]])

    @router.post("/deliveries/{delivery_id}/retry", status_code=202)
    async def retry_delivery(delivery_id: str, who: Administrator) -> dict[str, Any]:
        """Send a failed or unknown delivery again, with the same Message-ID."""
        found = await _found(pool, delivery_id)
        if not await store.send_again(pool, found["delivery_id"], f"again by {who.subject}"):
            raise Problem(
                409,
                "Only a failed or unknown delivery can be sent again",
                "Of sellers' mails nothing is kept that a failed one could be written from.",
            )
        sender.wake()
        return await _found(pool, delivery_id)

    @router.post("/deliveries/{delivery_id}/confirm")
    async def confirm_delivery(delivery_id: str, _who: Administrator) -> dict[str, Any]:
        """Take an unknown delivery as arrived."""
        found = await _found(pool, delivery_id)
        async with pool.acquire() as connection, connection.transaction():
            if not await handlers.confirm_arrival(connection, found["delivery_id"], clock.now()):
                raise Problem(409, "Only an unknown delivery can be confirmed")
        return await _found(pool, delivery_id)

    return router


async def _found(pool: Pool, delivery_id: str) -> dict[str, Any]:
    known = parse_id(delivery_id)
    row = await store.find_delivery(pool, known) if known else None
    if row is None:
        raise Problem(404, "No such delivery")
    return _shown(row)


def _after(cursor: str | None, *, is_id: bool) -> tuple[datetime, str] | None:
    """The sort keys of the last item seen. Raises a 422 problem for what is no cursor."""
    if cursor is None:
        return None
    moment, key = decode_cursor(cursor, 2)
    try:
        at = datetime.fromisoformat(moment)
        known = parse_id(key) if is_id else key
    except (TypeError, ValueError, AttributeError):
        known = None
    if not isinstance(known, str) or at.tzinfo is None:
        raise Problem.at("/cursor", "is no cursor of this list")
    return at, known


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    item = {**row}
    for name in _MOMENTS:
        if item.get(name) is not None:
            item[name] = item[name].isoformat()
    if "delivery_id" in item:
        item["delivery_id"] = str(item["delivery_id"])
    return item
