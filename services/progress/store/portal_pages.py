"""The portal's own pages, as the supplier writes them."""

from datetime import datetime
from typing import Any

from services.progress.domain.portal_page import MOST_PAGES, PageDraft
from services.progress.store import SQL
from shared.postgres.pool import Connection

Row = dict[str, Any]


async def list_pages(connection: Connection) -> list[Row]:
    """Every page, in the order of the navigation."""
    rows = await connection.fetch(SQL["list_portal_pages"], MOST_PAGES)
    return [dict(row) for row in rows]


async def list_navigation(connection: Connection) -> list[Row]:
    """The pages that partners find in their navigation."""
    return [dict(row) for row in await connection.fetch(SQL["list_navigation"])]


async def find_page(connection: Connection, page_id: str) -> Row | None:
    """A page by its id, which must be one."""
    row = await connection.fetchrow(SQL["find_portal_page"], page_id)
    return dict(row) if row else None


async def find_active(connection: Connection, slug: str) -> Row | None:
    """A page as partners see it; None for one that is not there for them."""
    row = await connection.fetchrow(SQL["find_active_page"], slug)
    return dict(row) if row else None


async def count_pages(connection: Connection) -> int:
    found: int = await connection.fetchval(SQL["count_portal_pages"])
    return found


async def add_page(
    connection: Connection, page_id: str, slug: str, draft: PageDraft, *, at: datetime, by: str
) -> bool:
    """Keep a new page. False when its address is taken or there is no room for it."""
    added = await connection.fetchval(
        SQL["add_portal_page"], page_id, slug, *_values(draft), at, MOST_PAGES, by
    )
    return added is not None


async def change_page(
    connection: Connection, page_id: str, draft: PageDraft, version: int, *, at: datetime, by: str
) -> bool:
    """Keep a change. False when the page has another version by now, or is gone."""
    changed = await connection.fetchval(
        SQL["change_portal_page"], page_id, *_values(draft), version, at, by
    )
    return changed is not None


async def delete_page(connection: Connection, page_id: str, version: int) -> str | None:
    """Delete a page of a version and give its name; None when it has another by now."""
    name: str | None = await connection.fetchval(SQL["delete_portal_page"], page_id, version)
    return name


def _values(draft: PageDraft) -> tuple[Any, ...]:
    return (
        draft.name,
        draft.template,
        draft.content,
        draft.aside,
        draft.place,
        draft.position,
        draft.active,
    )
