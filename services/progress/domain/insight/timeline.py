"""How many microseconds each activity takes of a person's time (insight rules, section 3)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from services.progress.domain.insight.rules import InsightRules

MICROSECOND = timedelta(microseconds=1)


class Involvement(NamedTuple):
    """A person's part in an activity that counts, as the table of that name holds it."""

    interaction_id: str
    kind: str
    starts: datetime
    own_from: datetime
    own_until: datetime | None
    response_rank: int
    is_sender: bool
    own_messages: int
    all_messages: int
    chat_id: str | None
    people: Sequence[str]

    @property
    def order(self) -> tuple[datetime, str]:
        return self.starts, self.interaction_id

    @property
    def likelihood(self) -> tuple[int, int, datetime, str]:
        """Of two at the same time the lower is the one that was attended."""
        return self.response_rank, len(self.people), self.own_from, self.interaction_id


def time_of(own: Sequence[Involvement], rules: InsightRules) -> dict[str, int]:
    """Interaction id → microseconds of one person's time; `own` is everything it took part in."""
    taken = {one.interaction_id: 0 for one in own}
    taken |= dict(_emails([one for one in own if one.kind == "email"], rules))
    taken |= dict(_chats((one for one in own if one.kind == "chat"), rules))
    for one, microseconds in _appointments([one for one in own if one.own_until is not None]):
        taken[one.interaction_id] += microseconds
    return taken


def _emails(own: Sequence[Involvement], rules: InsightRules) -> Iterator[tuple[str, int]]:
    """Each email takes its time, or as long as it is until the next."""
    ordered = sorted(own, key=lambda one: one.order)
    for place, one in enumerate(ordered):
        whole = rules.email_sent if one.is_sender else rules.email_received
        if place + 1 < len(ordered):
            whole = min(whole, ordered[place + 1].starts - one.starts)
        yield one.interaction_id, whole // MICROSECOND


def _chats(own: Iterable[Involvement], rules: InsightRules) -> Iterator[tuple[str, int]]:
    sent, read = rules.chat_own // MICROSECOND, rules.chat_others // MICROSECOND
    for one in own:
        others = one.all_messages - one.own_messages
        yield one.interaction_id, one.own_messages * sent + others * read


def _appointments(own: Iterable[Involvement]) -> Iterator[tuple[Involvement, int]]:
    """Meetings and calls on one time line: a moment that several claim goes to the likeliest."""
    for cluster in _clusters(own):
        if len(cluster) == 1:
            [one] = cluster
            yield one, _length(one.own_from, one.own_until)
            continue
        by_likelihood = sorted(cluster, key=lambda one: one.likelihood)
        moments = sorted({at for one in cluster for at in (one.own_from, one.own_until) if at})
        for begin, end in pairwise(moments):
            there = (one for one in by_likelihood if _covers(one, begin))
            attended = next(there, None)
            if attended is not None:
                yield attended, _length(begin, end)


def _clusters(own: Iterable[Involvement]) -> Iterator[list[Involvement]]:
    """Appointments that overlap, directly or through others, together."""
    cluster: list[Involvement] = []
    until: datetime | None = None
    for one in sorted(own, key=lambda one: one.own_from):
        if one.own_until is None or one.own_until <= one.own_from:
            continue
        if until is not None and one.own_from >= until:
            yield cluster
            cluster, until = [], None
        cluster.append(one)
        until = one.own_until if until is None else max(until, one.own_until)
    if cluster:
        yield cluster


def _covers(one: Involvement, moment: datetime) -> bool:
    return one.own_until is not None and one.own_from <= moment < one.own_until


def _length(begin: datetime, end: datetime | None) -> int:
    return (end - begin) // MICROSECOND if end is not None else 0
