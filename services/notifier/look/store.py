"""The tables of looks, logos and test mails."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.notifier.domain.logo import Logo
from services.notifier.domain.look import Colours, Look, Sender
from services.notifier.store import QUERIES, Reader
from shared.postgres.pool import Connection


async def find_newer_look(connection: Reader, version: int) -> Look | None:
    """The newest look, if it is newer than a version."""
    row = await connection.fetchrow(QUERIES["find_look"], version)
    if row is None:
        return None
    logo = None
    if row["content"] is not None:
        logo = Logo(row["media_type"], row["width"], row["height"], row["content"])
    return Look(
        version=row["version"],
        name=row["name"],
        sender=Sender(row["sender_name"], row["sender_address"]),
        colours=Colours(row["accent"], row["accent_dark"], row["header"]),
        logo=logo,
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )


async def add_look(connection: Connection, look: Look, by: str, at: datetime) -> Look | None:
    """Keep a look behind the version it was made from; None where another came first."""
    logo = look.logo
    if logo is not None:
        await connection.execute(
            QUERIES["add_logo"],
            logo.digest,
            logo.media_type,
            logo.width,
            logo.height,
            logo.content,
        )
    version = await connection.fetchval(
        QUERIES["add_look"],
        look.version,
        look.name,
        look.sender.name,
        look.sender.address,
        look.colours.accent,
        look.colours.accent_dark,
        look.colours.header,
        logo.digest if logo else None,
        by,
        at,
    )
    return replace(look, version=version, changed_by=by, changed_at=at) if version else None


async def list_looks(connection: Reader, before: int | None, most: int) -> list[dict[str, Any]]:
    """Looks, the latest first, from behind a version; a logo is told by its digest."""
    rows = await connection.fetch(QUERIES["list_looks"], before, most)
    return [dict(row) for row in rows]


async def add_test_mail(
    connection: Connection, who: str, template: str, locale: str, *, most: int, within: timedelta
) -> bool:
    """Note a test mail; False where somebody had as many as may be within a time."""
    async with connection.transaction():
        await connection.execute(QUERIES["one_test_at_a_time"], who)
        added = await connection.fetchval(
            QUERIES["add_test_mail"], who, template, locale, within, most
        )
    return added is not None
