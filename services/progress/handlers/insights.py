"""Measuring: people's insights over the tables, inside the caller's transaction and scope.

Nothing of it is kept: a contact that is uploaded today changes last month's figures by being read.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from services.progress.domain.insight.asking import Asked, Hours
from services.progress.domain.insight.directory import Directory
from services.progress.domain.insight.measures import Measured, answer, network
from services.progress.domain.insight.period import DEPTH_DAYS, Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.store import insights as store
from services.progress.store.insights import Own
from shared.kernel.period import local_day
from shared.postgres.pool import Connection

Key = TypeVar("Key")
Material = TypeVar("Material", bound=tuple[Any, ...])
Answer = TypeVar("Answer")

AT_ONCE: Final = 50
"""People whose activities are read at a time. They are measured in a thread while the next ones are
read: whoever asks something else of the service meanwhile is answered."""
MARGIN: Final = timedelta(days=2)
"""Around a window: zones, and what overlaps from before its first day."""


class InsightMeasures:
    """The measures of the insight rules, by an organization's settings."""

    def __init__(self, rules: InsightRules) -> None:
        self._rules = rules

    async def insights(
        self, connection: Connection, asked: Sequence[Asked]
    ) -> list[dict[str, Any]]:
        """The contract's `GET /me/insights` for each, with `peers` null, in their order."""
        found: dict[int, dict[str, Any]] = {}
        together = list(_together(asked))
        readings = (partial(self._read, connection, asked, places) for places in together)
        async for places, answers in _measured(zip(together, readings, strict=True), _answers):
            found |= zip(places, answers, strict=True)
        return [found[place] for place in range(len(asked))]

    async def _read(
        self, connection: Connection, asked: Sequence[Asked], places: Sequence[int]
    ) -> tuple[Sequence[Asked], Own, Directory]:
        some = [asked[place] for place in places]
        first = min(min(one.period.before.starts, one.period.depth_starts) for one in some)
        end = max(one.period.ends for one in some)
        known_at, now = some[0].known_at, some[0].now
        people = {one.person for one in some}
        own = await _own(connection, people, known_at, first, end, now)
        directory = await store.find_directory(
            connection, _everybody(people, own), known_at, self._rules
        )
        return some, own, directory

    async def hours(
        self, connection: Connection, people: Collection[str], period: Period, at: datetime
    ) -> Hours:
        """External and internal seconds of people, as known at and begun by a moment."""
        found: Hours = {}
        every = sorted(people)
        together = [every[start : start + AT_ONCE] for start in range(0, len(every), AT_ONCE)]
        readings = (partial(self._read_hours, connection, some, period, at) for some in together)
        async for _, hours in _measured(zip(together, readings, strict=True), _both):
            found |= hours
        return found

    async def _read_hours(
        self, connection: Connection, people: Sequence[str], period: Period, at: datetime
    ) -> tuple[Own, Directory, Period]:
        own = await _own(connection, people, at, period.starts, period.ends, at)
        directory = await store.find_directory(connection, _everybody(people, own), at, self._rules)
        return own, directory, period

    async def network(self, connection: Connection, person: str, now: datetime) -> dict[str, Any]:
        """With whom the last 28 days, today among them, were spent."""
        end = local_day(now, self._rules.zone) + timedelta(days=1)
        first = end - timedelta(days=DEPTH_DAYS)
        own = await _own(connection, [person], now, first, end, now)
        directory = await store.find_directory(
            connection, _everybody([person], own), now, self._rules
        )
        return {
            "starts": first.isoformat(),
            "ends": end.isoformat(),
            "people": network(person, own[person], directory, first, end),
        }


async def _measured(
    readings: Iterable[tuple[Key, Callable[[], Coroutine[Any, Any, Material]]]],
    measure: Callable[..., Answer],
) -> AsyncIterator[tuple[Key, Answer]]:
    """Read one after another and measure what was read in a thread, while the next is read."""
    ahead: tuple[Key, Material] | None = None
    for key, read in readings:
        reading = asyncio.create_task(read())
        try:
            if ahead is not None:
                yield ahead[0], await asyncio.to_thread(measure, *ahead[1])
            ahead = key, await reading
        finally:
            # Nothing is left running on the connection when the measuring or the caller fails.
            reading.cancel()
            await asyncio.wait([reading])
    if ahead is not None:
        yield ahead[0], await asyncio.to_thread(measure, *ahead[1])


def _answers(asked: Sequence[Asked], own: Own, directory: Directory) -> list[dict[str, Any]]:
    return [answer(one, own[one.person], directory) for one in asked]


def _both(own: Own, directory: Directory, period: Period) -> Hours:
    return {one: Measured(one, every, directory).both(period) for one, every in own.items()}


def _together(asked: Sequence[Asked]) -> Iterable[list[int]]:
    """Places of what can be read together: of one moment and one period, some at a time."""
    alike: dict[tuple[datetime, datetime, Period], list[int]] = {}
    for place, one in enumerate(asked):
        alike.setdefault((one.known_at, one.now, one.period), []).append(place)
    for places in alike.values():
        for start in range(0, len(places), AT_ONCE):
            yield places[start : start + AT_ONCE]


async def _own(
    connection: Connection,
    people: Collection[str],
    known_at: datetime,
    first: date,
    end: date,
    now: datetime,
) -> Own:
    begin = datetime.combine(first, time(), UTC) - MARGIN
    last = min(datetime.combine(end, time(), UTC) + MARGIN, now)
    return await store.list_involvements(connection, people, known_at, begin, last)


def _everybody(people: Collection[str], own: Own) -> set[str]:
    found = set(people)
    for every in own.values():
        for one in every:
            found.update(one.people)
    return found
