"""The tables of what came back, and of who is not written to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.notifier.domain.bounce import Report
from services.notifier.store import QUERIES, Link, Reader, find_link
from shared.postgres.pool import Connection


async def add_returned(
    connection: Connection, digest: bytes, report: Report, received_at: datetime
) -> bool:
    """Keep what a mail said; False when it came before."""
    added = await connection.fetchval(
        QUERIES["add_returned"],
        digest,
        report.kind,
        report.status,
        report.delivery_id,
        received_at,
    )
    return bool(added)


async def find_concerned(connection: Connection, report: Report) -> list[Link]:
    """The streams and the recipient that a report ends; [] when nobody is known by it."""
    if report.link is not None:
        found = await find_link(connection, report.link)
        return [found] if found else []
    rows = await connection.fetch(QUERIES["find_bounced"], report.delivery_id)
    return [Link(row["stream"], row["recipient"], None) for row in rows]


async def list_suppressions(
    connection: Reader, after: Sequence[Any], limit: int
) -> list[dict[str, Any]]:
    """Who is not written to, the latest first; `after` is a moment, a stream and a recipient."""
    rows = await connection.fetch(QUERIES["list_suppressions"], *after, limit)
    return [dict(row) for row in rows]


async def find_suppression(connection: Reader, stream: str, recipient: str) -> str | None:
    """Why a recipient gets no mails of a stream; None when it does."""
    reason: str | None = await connection.fetchval(QUERIES["find_suppression"], stream, recipient)
    return reason


async def lift_suppression(connection: Reader, stream: str, recipient: str) -> bool:
    """Write to an address again that had bounced. False where a person wants no mail."""
    return bool(await connection.fetchval(QUERIES["lift_suppression"], stream, recipient))
