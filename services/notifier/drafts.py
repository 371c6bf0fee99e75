"""Claims in hand: the next few are written while mails before them are on the wire.

A connection that is free takes a letter that is ready, and the processor writes the next one while
connections wait for the mail server and the journal.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import Histogram

from services.notifier.domain.delivery import Deferred, Refused
from services.notifier.mail.letter import Letter, WriteLetter
from services.notifier.store import Claim
from shared.kernel.clock import Clock
from shared.web.app import cancel

_log = structlog.get_logger(__name__)

compose_seconds = Histogram(
    "milepost_mail_compose_seconds",
    "Seconds to render, compose and sign a mail",
    buckets=(0.00025, 0.0005, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.1),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim's letter and the Date that it carries, or why there is none."""

    claim: Claim
    dated_at: datetime
    letter: Letter | Refused | Deferred


class Drafts:
    """Claims in hand, in their order; at most `ahead` of them are written or being written."""

    def __init__(self, write_letter: WriteLetter, clock: Clock, ahead: int) -> None:
        self._write_letter = write_letter
        self._clock = clock
        self._ahead = ahead
        self._begun: deque[tuple[Claim, asyncio.Task[Draft]]] = deque()
        self._waiting: deque[Claim] = deque()

    def __len__(self) -> int:
        return len(self._begun) + len(self._waiting)

    def add(self, claims: Iterable[Claim]) -> None:
        """Put claims at the end."""
        self._waiting.extend(claims)
        self._begin()

    def take(self) -> "asyncio.Task[Draft]":
        """Take the first, written or in the writing. Raises IndexError when there is none."""
        _, task = self._begun.popleft()
        self._begin()
        return task

    async def clear(self) -> list[Claim]:
        """Let go of all claims; what was written of them is thrown away."""
        claims = [claim for claim, _ in self._begun] + list(self._waiting)
        tasks = [task for _, task in self._begun]
        self._begun.clear()
        self._waiting.clear()
        await cancel(tasks)
        return claims

    def _begin(self) -> None:
        while self._waiting and len(self._begun) < self._ahead:
            claim = self._waiting.popleft()
            self._begun.append((claim, asyncio.create_task(self._draft(claim))))

    async def _draft(self, claim: Claim) -> Draft:
        dated_at = self._clock.now()
        return Draft(claim, dated_at, await self._written(claim, dated_at))

    async def _written(self, claim: Claim, dated_at: datetime) -> Letter | Refused | Deferred:
        try:
            with compose_seconds.time():
                return await self._write_letter(claim, dated_at)
        except ValueError as failure:
            return Refused(f"cannot be written: {failure}")
        except Exception as failure:  # noqa: BLE001
            # A fault of ours, not of the mail: it goes out once it is mended.
            _log.exception("writing_failed", delivery_id=claim.delivery_id)
            return Deferred(f"cannot be written: {failure!r}")
