"""Dead letters: what cannot be dealt with is kept whole, can be looked at, mended and replayed."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Depends, Query, Request
from prometheus_client import Counter

from shared.kernel.clock import Clock
from shared.kernel.ids import new_id, parse_id
from shared.messaging.message import Record
from shared.messaging.producer import Publisher, PublishFailedError
from shared.postgres.pool import Connection, Pool
from shared.postgres.queries import Queries
from shared.web.auth import Principal, require
from shared.web.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, page
from shared.web.problems import Problem

QUERIES: Final = Queries(Path(__file__).parent / "sql" / "dead_letter.sql")
MAX_REPLACEMENT: Final = 1024 * 1024
_log = structlog.get_logger(__name__)
_count = Counter("milepost_dead_letters_total", "Messages that became dead letters", ["topic"])

Errors = Sequence[dict[str, str]]
"""`{"pointer": …, "detail": …}`, the first of them the one that is listed."""


async def put(
    connection: Connection,
    record: Record,
    errors: Errors,
    failed_at: datetime,
    *,
    event_id: str | None = None,
    event_type: str | None = None,
) -> None:
    """Keep a record of a topic that cannot be dealt with; the same record again is kept once.

    Id and type are taken from the record's own headers unless given.
    """
    headers = {name: (value or b"").decode("latin-1") for name, value in record.headers}
    _count.labels(record.topic).inc()
    await connection.execute(
        QUERIES["add_dead_letter"],
        new_id(),
        _clean(event_id or headers.get("ce_id")),
        _clean(event_type or headers.get("ce_type")),
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        {name: _clean(value) for name, value in headers.items()},
        [{name: _clean(text) for name, text in error.items()} for error in errors],
        failed_at,
    )


def _clean(text: str | None) -> str | None:
    """PostgreSQL's text holds no null bytes."""
    return None if text is None else text.replace("\x00", "\ufffd")


def dead_letter_router(pool: Pool, publisher: Publisher, clock: Clock) -> APIRouter:
    """The doors to a service's dead letters, for administrators."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
    administrator = Annotated[Principal, Depends(require("administrator"))]

    @router.get("")
    async def list_dead_letters(
        _who: administrator,
        *,
        replayed: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Dead letters, oldest first; those already replayed only when asked for."""
        after = _after(cursor) if cursor else (None, None)
        rows = await pool.fetch(QUERIES["list_dead_letters"], replayed, *after, limit + 1)
        return page([_shown(row) for row in rows], limit, lambda i: [i["failed_at"], i["id"]])

    @router.post("/{dead_letter_id}/replay", status_code=202)
    async def replay_dead_letter(
        dead_letter_id: str, request: Request, _who: administrator
    ) -> dict[str, Any]:
        """Send a dead letter to its topic again; a body, when there is one, replaces its value."""
        found = parse_id(dead_letter_id)
        row = await pool.fetchrow(QUERIES["find_dead_letter"], found) if found else None
        if row is None:
            raise Problem(404, "No such dead letter")
        value = await request.body() or row["value"]
        if len(value or b"") > MAX_REPLACEMENT:
            raise Problem(413, "The replacement is too large")
        headers = [
            (name, text.encode("latin-1", "replace")) for name, text in row["headers"].items()
        ]
        key = (row["key"] or b"").decode("utf-8", "replace")
        try:
            await publisher.publish_entries([(row["topic"], key, value, headers)])
        except PublishFailedError as failure:
            raise Problem(
                503, "Kafka does not answer", str(failure), headers={"Retry-After": "5"}
            ) from None
        await pool.execute(QUERIES["mark_replayed"], found, clock.now())
        return {"id": found, "topic": row["topic"], "replayed": True}

    return router


def _after(cursor: str) -> tuple[datetime, str]:
    """When the last item failed, and its id. Raises a 422 problem for what is no cursor of ours."""
    failed_at, given = decode_cursor(cursor, 2)
    try:
        since, found = datetime.fromisoformat(failed_at), parse_id(given)
    except (ValueError, TypeError, AttributeError):
        found = None
    if found is None or since.tzinfo is None:
        raise Problem.at("/cursor", "is no cursor of this list")
    return since, found


def _shown(row: Any) -> dict[str, Any]:
    first = row["errors"][0] if row["errors"] else {}
    return {
        "id": str(row["id"]),
        "event_id": row["event_id"],
        "type": row["type"],
        "pointer": first.get("pointer"),
        "error": first.get("detail"),
        "errors": row["errors"],
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
        "failed_at": row["failed_at"].isoformat(),
        "replayed_at": row["replayed_at"].isoformat() if row["replayed_at"] else None,
    }
