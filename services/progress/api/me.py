"""A person's own doors: its insight, who has read it, and everything that is held about it."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from services.progress.api.doors import Limit
from services.progress.completeness import Completeness
from services.progress.domain.insight.period import Period
from services.progress.handlers.sellers import NoParticipantError, OwnInsights
from shared.kernel.ids import parse_id
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, decode_cursor, encode_cursor
from shared.web.problems import Problem

PRIVATE: Final = {"Cache-Control": "no-store"}
Seller = Annotated[Principal, Depends(require("seller"))]


def me_router(doors: "OwnDoors") -> APIRouter:
    """The doors under `/me`: role seller, and never anybody else's."""
    router = APIRouter(prefix="/v1/me", tags=["me"])

    @router.get("/insights")
    async def insights(who: Seller, period: str | None = None) -> JSONResponse:
        """Insight of a month (`2026-03`) or a week by its Sunday (`2026-03-01`)."""
        found = await doors.insights(person_of(who), period)
        return JSONResponse(found, headers=PRIVATE)

    @router.get("/reads")
    async def reads(
        who: Seller, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> JSONResponse:
        """Every read of one's insight, the latest first."""
        found = await doors.reads(person_of(who), cursor, limit)
        return JSONResponse(found, headers=PRIVATE)

    @router.get("/network")
    async def network(who: Seller) -> JSONResponse:
        """With whom the last 28 days were spent, and how many hours."""
        return JSONResponse(await doors.network(person_of(who)), headers=PRIVATE)

    @router.get("/export")
    async def export(who: Seller) -> JSONResponse:
        """Everything that is held about the person."""
        return JSONResponse(await doors.export(person_of(who)), headers=PRIVATE)

    return router


def person_of(who: Principal) -> str:
    """The address that a seller's token names. A token without one is nobody's: 404."""
    if who.email is None:
        raise _nobody()
    return who.email.strip().lower()


class OwnDoors:
    """What the API and the page answer with, as JSON; raises problems."""

    def __init__(self, own: OwnInsights, completeness: Completeness) -> None:
        self._own = own
        self._completeness = completeness
        self.today = own.today

    async def insights(self, person: str, period: str | None) -> dict[str, Any]:
        """The contract's `GET /me/insights`."""
        try:
            wanted = Period.parse(period or "")
        except ValueError as failure:
            said = str(failure) if str(failure).startswith("must") else "must be a period"
            raise Problem.at("/period", said) from None
        complete_to = await self._completeness.complete_to()
        try:
            return await self._own.insights(person, wanted, complete_to)
        except NoParticipantError:
            raise _nobody() from None

    async def network(self, person: str) -> dict[str, Any]:
        try:
            return await self._own.network(person)
        except NoParticipantError:
            raise _nobody() from None

    async def reads(self, person: str, cursor: str | None, limit: int) -> dict[str, Any]:
        """The contract's `GET /me/reads`."""
        try:
            rows = await self._own.reads(person, _after(cursor), limit + 1)
        except NoParticipantError:
            raise _nobody() from None
        shown = rows[:limit]
        last = [shown[-1]["read_at"].isoformat(), str(shown[-1]["read_id"])] if shown else []
        items = [
            {"at": _told(r["read_at"]), "kind": r["kind"], "period": r["period"], "by": r["who"]}
            for r in shown
        ]
        return {"items": items, "next": encode_cursor(last) if len(rows) > limit else None}

    async def export(self, person: str) -> dict[str, Any]:
        """The contract's `GET /me/export`."""
        try:
            found = await self._own.export(person)
        except NoParticipantError:
            raise _nobody() from None
        told: dict[str, Any] = _told(found)
        return told


def _nobody() -> Problem:
    return Problem(404, "There is nothing of yours here")


def _after(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    moment, read_id = decode_cursor(cursor, 2)
    try:
        known = parse_id(read_id)
        at = datetime.fromisoformat(moment)
    except (TypeError, ValueError, AttributeError):
        known = None
    if known is None or at.tzinfo is None:
        raise Problem.at("/cursor", "is no cursor of this list")
    return at, UUID(known)


def _told(value: Any) -> Any:
    """Values as JSON tells them."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_told(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
