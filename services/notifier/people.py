"""What the delivery log holds of one person, for whoever answers that person's question."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.notifier import store
from shared.events.values import PersonAddress
from shared.postgres.pool import Pool
from shared.web.auth import Principal, require

Administrator = Annotated[Principal, Depends(require("administrator"))]


class PersonBody(BaseModel):
    """A person by address, in a body: addresses in paths end up in logs."""

    email: PersonAddress


def people_router(pool: Pool) -> APIRouter:
    """One door: `POST /v1/people/held`."""
    router = APIRouter(prefix="/v1/people", tags=["people"])

    @router.post("/held")
    async def held(body: PersonBody, _who: Administrator) -> dict[str, Any]:
        """Mails to a person (that and when, never what they said), and what it chose."""
        async with pool.acquire() as connection:
            mails = await store.list_deliveries_to(connection, body.email)
            streams = await store.list_streams(connection, body.email)
        return {
            "deliveries": [{name: _told(value) for name, value in one.items()} for one in mails],
            "streams": [
                {"stream": one.stream, "stopped_since": _told(one.since), "locale": one.locale}
                for one in streams
            ],
        }

    return router


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
