"""Measuring: people's insights over the tables, inside the caller's transaction and scope.

Nothing of it is kept: a contact that is uploaded today changes last month's figures by being read.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from services.progress.domain.insight.asking import Asked, Hours
from services.progress.domain.insight.directory import Directory
from services.progress.domain.insight.measures import Measured, answer, network
from services.progress.domain.insight.period import DEPTH_DAYS, Period
from services.progress.domain.insight.rules import InsightRules
from services.progress.store import insights as store
from services.progress.store.insights import Own
from shared.kernel.period import local_day
from shared.postgres.pool import Connection

AT_ONCE: Final = 100
"""People whose activities are in memory at a time. They are measured in a thread: whoever asks
something else of the service meanwhile is answered."""
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
        for places in _together(asked):
            found |= await self._answer(connection, asked, places)
        return [found[place] for place in range(len(asked))]

    async def _answer(
        self, connection: Connection, asked: Sequence[Asked], places: Sequence[int]
    ) -> dict[int, dict[str, Any]]:
        some = [asked[place] for place in places]
        first = min(min(one.period.before.starts, one.period.depth_starts) for one in some)
        end = max(one.period.ends for one in some)
        known_at, now = some[0].known_at, some[0].now
        people = {one.person for one in some}
        own = await _own(connection, people, known_at, first, end, now)
        directory = await store.find_directory(
            connection, _everybody(people, own), known_at, self._rules
        )
        answers = await asyncio.to_thread(_answers, some, own, directory)
        return dict(zip(places, answers, strict=True))

    async def hours(
        self, connection: Connection, people: Collection[str], period: Period, at: datetime
    ) -> Hours:
        """External and internal seconds of people, as known at and begun by a moment."""
        found: Hours = {}
        every = sorted(people)
        for start in range(0, len(every), AT_ONCE):
            some = every[start : start + AT_ONCE]
            own = await _own(connection, some, at, period.starts, period.ends, at)
            directory = await store.find_directory(
                connection, _everybody(some, own), at, self._rules
            )
            found |= await asyncio.to_thread(_both, own, directory, period)
        return found

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
