"""The mail archive: a folder in which the mail server files what it has accepted."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import structlog

HEADERS_WITHIN: Final = 64 * 1024
CLOCKS_APART_S: Final = 3600.0
"""How far the clocks of database and mail server may be apart without hiding a mail."""
_log = structlog.get_logger(__name__)


class Archive(Protocol):
    """Knows which mails the mail server has accepted."""

    async def holds(self, message_ids: Iterable[str], since: datetime | None) -> dict[str, bool]:
        """For each Message-ID whether it is there; {} when the archive cannot be asked."""
        ...


class NoArchive:
    """There is none: it never knows."""

    async def holds(self, _message_ids: Iterable[str], _since: datetime | None) -> dict[str, bool]:
        return {}


class FolderArchive:
    """An archive of `.eml` files: the copies a relay keeps, or the local stack's mailbox."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def holds(self, message_ids: Iterable[str], since: datetime | None) -> dict[str, bool]:
        wanted = set(message_ids)
        if not wanted:
            return {}
        try:
            found = await asyncio.to_thread(_search, self._folder, wanted, since)
        except OSError as failure:
            _log.warning("archive_unreadable", error=repr(failure))
            return {}
        return {message_id: message_id in found for message_id in wanted}


def _search(folder: Path, wanted: set[str], since: datetime | None) -> set[str]:
    oldest = since.timestamp() - CLOCKS_APART_S if since else 0.0
    needles = {message_id: message_id.encode("ascii", "replace") for message_id in wanted}
    found: set[str] = set()
    for path in _mails(folder, oldest):
        head = _head(path)
        found |= {message_id for message_id, needle in needles.items() if needle in head}
        if len(found) == len(wanted):
            break
    return found


def _mails(folder: Path, oldest: float) -> Iterator[str]:
    with os.scandir(folder) as entries:
        recent = [
            (entry.stat().st_mtime, entry.path)
            for entry in entries
            if entry.name.endswith(".eml") and entry.stat().st_mtime >= oldest
        ]
    return (path for _, path in sorted(recent, reverse=True))


def _head(path: str) -> bytes:
    with open(path, "rb") as mail:
        head = mail.read(HEADERS_WITHIN)
    return head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
