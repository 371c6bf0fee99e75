"""Receiving files: piece by piece into the database, so that none is lost once it is answered."""

from collections.abc import AsyncIterator
from typing import Final
from zoneinfo import ZoneInfo

from services.ingest import store
from services.ingest.store import Mode
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id
from shared.kernel.period import local_day
from shared.postgres.pool import Pool

PART: Final = 256 * 1024


async def receive_upload(
    pool: Pool,
    record: str,
    mode: Mode,
    pieces: AsyncIterator[bytes],
    *,
    clock: Clock,
    zone: ZoneInfo,
) -> str:
    """Keep a file as it arrives and give its id once it is whole and safe.

    What goes wrong on the way leaves nothing behind.
    """
    upload_id, began = new_id(), clock.now()
    await store.add_upload(pool, upload_id, record, mode, local_day(began, zone), began)
    try:
        size = await _keep(pool, upload_id, pieces)
    except BaseException:
        await store.forget_upload(pool, upload_id)
        raise
    now = clock.now()
    await store.set_received(pool, upload_id, size, now, int(now.timestamp() * 1000))
    return upload_id


async def _keep(pool: Pool, upload_id: str, pieces: AsyncIterator[bytes]) -> int:
    part, size, waiting = 0, 0, bytearray()
    async for piece in pieces:
        waiting += piece
        size += len(piece)
        if len(waiting) >= PART:
            await store.add_part(pool, upload_id, part, bytes(waiting))
            part += 1
            waiting.clear()
    if waiting:
        await store.add_part(pool, upload_id, part, bytes(waiting))
    return size
