"""The doors for bounces, complaints and the list of who is not written to."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from services.notifier.domain.bounce import LARGEST_REPORT, NoReportError, ReturnPath
from services.notifier.journal import count
from services.notifier.returns import store
from services.notifier.returns.intake import take_returned
from shared.kernel.clock import Clock
from shared.postgres.pool import Pool
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

Administrator = Annotated[Principal, Depends(require("administrator"))]
Returner = Annotated[Principal, Depends(require("service", "administrator"))]
Name = Annotated[str, Query(min_length=1, max_length=320, pattern=r"^[^\x00]+$")]
_NOWHERE: Final = (None, None, None)


def returns_router(pool: Pool, clock: Clock, paths: ReturnPath) -> APIRouter:
    """What comes back, and what follows from it."""
    router = APIRouter(prefix="/v1", tags=["returns"])

    @router.post("/bounces", status_code=202)
    async def take(request: Request, _who: Returner) -> dict[str, Any]:
        """A bounce (RFC 3464) or complaint (RFC 5965) as it came: the whole mail is the body."""
        content = await _body(request)
        try:
            async with pool.acquire() as connection, connection.transaction():
                report, told = await take_returned(connection, content, paths, clock.now())
        except NoReportError as refusal:
            raise Problem.at("", str(refusal)) from None
        count(told)
        return {"kind": report.kind, "status": report.status, "suppressed": report.ends_it}

    @router.get("/suppressions")
    async def listed(
        _who: Administrator,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Who gets no mails of which stream, since when and why; the latest first."""
        items = await store.list_suppressions(pool, _after(cursor), limit + 1)
        for item in items:
            item["since"] = item["since"].isoformat()
        return page(items, limit, lambda one: [one["since"], one["stream"], one["recipient"]])

    @router.delete("/suppressions", status_code=204)
    async def lift(_who: Administrator, stream: Name, recipient: Name) -> None:
        """Write to an address again that had bounced; what a person stopped stays stopped."""
        address = recipient.strip().lower()
        if await store.lift_suppression(pool, stream, address):
            return
        if await store.find_suppression(pool, stream, address) is None:
            raise Problem(404, "No such suppression")
        raise Problem(409, "Only the person can take this back")

    return router


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_REPORT:
            raise Problem(413, "A report is at most 1 MB")
    return bytes(content)


def _after(cursor: str | None) -> tuple[Any, ...]:
    if cursor is None:
        return _NOWHERE
    since, stream, recipient = decode_cursor(cursor, 3)
    try:
        return datetime.fromisoformat(since), str(stream), str(recipient)
    except (TypeError, ValueError):
        raise Problem.at("/cursor", "is no cursor of this list") from None
