"""What the notifier hears: due ticks, who has left a seller plan, goals that were reached."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import Counter
from pydantic import ValidationError

from services.notifier import handlers
from services.notifier.domain.webhook import WebhookEvent, goal_event
from services.notifier.journal import count
from services.notifier.schedule import ticks_total
from services.notifier.webhooks.store import add_webhook_events
from shared.events.envelope import from_headers
from shared.events.plans import TICK_DUE, TickDue
from shared.events.progress import GOAL_CROSSED, GoalCrossed
from shared.events.seller_plans import (
    PARTICIPANT_CHANGED,
    SELLER_TICK_DUE,
    ParticipantChanged,
    SellerTickDue,
)
from shared.kernel.clock import Clock
from shared.messaging import dead_letter
from shared.messaging.message import Record
from shared.postgres.pool import Pool
from shared.web.problems import errors_of

GROUP: Final = "milepost.notifier"
_log = structlog.get_logger(__name__)
_skipped = Counter(
    "milepost_notifier_skipped_total", "Events of a type that is not known", ["type"]
)

Errors = Sequence[dict[str, str]]
Tick = TickDue | SellerTickDue
Event = Tick | ParticipantChanged | GoalCrossed
MODELS: Final[dict[str, type[Event]]] = {
    TICK_DUE: TickDue,
    SELLER_TICK_DUE: SellerTickDue,
    PARTICIPANT_CHANGED: ParticipantChanged,
    GOAL_CROSSED: GoalCrossed,
}


class BrokenTickError(ValueError):
    """A record that says it is a tick and cannot be read as one."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors[0]["detail"])
        self.errors = errors


def on_ticks(
    pool: Pool, clock: Clock, *, on_new: Callable[[], None]
) -> Callable[[list[Record]], Awaitable[None]]:
    """The handler of the ticks topic: good ticks wait, broken ones become dead letters."""

    async def handle(records: list[Record]) -> None:
        heard = _sorted_out(records)
        async with pool.acquire() as connection, connection.transaction():
            now = clock.now()
            new = await handlers.take_ticks(connection, list(heard.ticks.values()), now)
            held = await handlers.forget_participants(connection, heard.left, now)
            await add_webhook_events(connection, heard.crossed, now)
            for record, errors in heard.broken:
                await dead_letter.put(connection, record, errors, now)
        ticks_total.labels("received").inc(new)
        count(held)
        if new:
            on_new()

    return handle


def to_dead_letters(pool: Pool, clock: Clock) -> Callable[[Record, Exception], Awaitable[None]]:
    """Keeps a record that the handler could not deal with, for a reason nobody foresaw."""

    async def keep(record: Record, failure: Exception) -> None:
        errors = [{"pointer": "", "detail": f"{type(failure).__name__}: {failure}"}]
        async with pool.acquire() as connection:
            await dead_letter.put(connection, record, errors, clock.now())

    return keep


@dataclass
class _Heard:
    """What some records tell, by what it is."""

    ticks: dict[str, Tick] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    """Participants that have left."""
    crossed: list[WebhookEvent] = field(default_factory=list)
    broken: list[tuple[Record, Errors]] = field(default_factory=list)


def _sorted_out(records: Sequence[Record]) -> _Heard:
    found = _Heard()
    for record in records:
        try:
            event = read_event(record)
        except BrokenTickError as failure:
            _log.warning("broken_tick", offset=record.offset, error=str(failure))
            found.broken.append((record, failure.errors))
            continue
        match event:
            case ParticipantChanged():
                found.left += [] if event.taking_part else [event.participant_id]
            case GoalCrossed():
                found.crossed.append(goal_event(from_headers(record.headers).id, event))
            case TickDue() | SellerTickDue():
                found.ticks.setdefault(event.tick_id, event)
            case None:
                continue
    return found


def read_event(record: Record) -> Event | None:
    """What a record tells; None for an event of a type that is not known here.

    Raises BrokenTickError with pointers to what is wrong.
    """
    try:
        event_type = from_headers(record.headers).type
    except ValueError as failure:
        raise BrokenTickError([{"pointer": "", "detail": str(failure)}]) from None
    model = MODELS.get(event_type)
    if model is None:
        _skipped.labels(event_type[:100]).inc()
        return None
    try:
        tick = model.model_validate_json(record.value or b"")
    except ValidationError as failure:
        raise BrokenTickError(errors_of(failure)) from None
    nulled = [name for name, value in tick if isinstance(value, str) and "\x00" in value]
    if nulled:
        raise BrokenTickError(
            [{"pointer": f"/{name}", "detail": "must not contain a null byte"} for name in nulled]
        )
    return tick
