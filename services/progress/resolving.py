"""Learning whose a participant's random id is, from the one service that knows."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import structlog

from services.progress.settings import ProgressSettings
from services.progress.store import directory
from shared.postgres.pool import Pool

AT_ONCE: Final = 5000
LOOK_EVERY_S: Final = 0.25
LONGEST_PAUSE_S: Final = 15.0
TIMEOUT_S: Final = 30.0
_log = structlog.get_logger(__name__)


class PlansAwayError(Exception):
    """The plans service gives no answer that can be used."""


class Resolver:
    """Resolves participants as soon as they are heard of, and tries until it succeeds.

    Who has left meanwhile is not in the answer: the event that says so is on its way.
    """

    def __init__(
        self, pool: Pool, settings: ProgressSettings, client: httpx.AsyncClient | None = None
    ) -> None:
        self._pool = pool
        self._url = f"{settings.plans_url.rstrip('/')}/v1/participants/resolve"
        self._token = settings.service_token.get_secret_value()
        self._token_file: Path | None = settings.service_token_file
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self.failing_since: float | None = None
        """Since when the plans service gives no answer; None while it does."""

    async def run(self) -> None:
        """Resolve until cancelled."""
        pause = LOOK_EVERY_S
        while True:
            try:
                await self.resolve()
                self.failing_since, pause = None, LOOK_EVERY_S
            except Exception as failure:  # noqa: BLE001 - a service or database that is away
                self.failing_since = self.failing_since or time.monotonic()
                _log.warning("resolving_waits", error=type(failure).__name__)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def resolve(self) -> int:
        """Resolve those that are open; gives how many were. Raises PlansAwayError."""
        async with self._pool.acquire() as connection:
            unresolved = await directory.list_unresolved(connection, AT_ONCE)
        if not unresolved:
            return 0
        people = await self._ask(unresolved)
        async with self._pool.acquire() as connection:
            return await directory.resolve_participants(connection, people)

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, participants: list[UUID]) -> dict[UUID, str]:
        try:
            answer = await self._client.post(
                self._url,
                json={"participant_ids": [str(one) for one in participants]},
                headers={"Authorization": f"Bearer {self._current_token()}"},
            )
        except (httpx.HTTPError, OSError) as failure:
            raise PlansAwayError(type(failure).__name__) from failure
        if answer.status_code != httpx.codes.OK:
            raise PlansAwayError(f"plans answered {answer.status_code}")
        told: list[dict[str, Any]] = answer.json()["participants"]
        return {UUID(one["participant_id"]): one["person"].strip().lower() for one in told}

    def _current_token(self) -> str:
        return self._token_file.read_text().strip() if self._token_file else self._token
