"""What the notifier does: take ticks, plan mails, write down what came of them, stop mails."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.notifier import store
from services.notifier.domain.delivery import (
    ENDINGS,
    PARTNER_PROGRESS,
    SELLER_INSIGHTS,
    Doubt,
    State,
    UnknownPolicy,
    impersonal,
    resolve,
)
from services.notifier.domain.statement import (
    PlannedDelivery,
    Statement,
    plan_deliveries,
    skip_reason,
)
from services.notifier.sellers import store as sellers_store
from services.notifier.store import End, InDoubt, Link, Start, Told
from services.notifier.webhooks import store as webhooks_store
from services.notifier.webhooks.telling import delivery_events
from shared.events.deliveries import DELIVERY_RECORDED, DeliveryRecorded
from shared.events.envelope import Envelope
from shared.events.plans import TickDue
from shared.events.seller_plans import SellerTickDue
from shared.messaging import outbox
from shared.messaging.message import Message
from shared.messaging.topics import DELIVERIES
from shared.postgres.pool import Connection

SOURCE: Final = "/milepost/notifier"
TEMPLATES: Final = {PARTNER_PROGRESS: "partner_progress/1", SELLER_INSIGHTS: "seller_insights/1"}
"""The edition of the template that a stream's mails are planned with."""
_HEARD_OF: Final = ENDINGS | {State.UNKNOWN}

Read = tuple[Statement, str]
"""A statement and the text it was read from."""


async def take_ticks(
    connection: Connection, ticks: Sequence[TickDue | SellerTickDue], received_at: datetime
) -> int:
    """Let due ticks wait for their statements. Returns how many are new."""
    partners = [tick for tick in ticks if isinstance(tick, TickDue)]
    sellers = [_about_participant(tick) for tick in ticks if isinstance(tick, SellerTickDue)]
    new = 0
    for stream, some in ((PARTNER_PROGRESS, partners), (SELLER_INSIGHTS, sellers)):
        if some:
            new += await store.add_ticks(connection, some, stream, received_at)
    # The topics have no order between them: a tick may come after its participant has left.
    about = {tick.partner_id for tick in sellers}
    former = await sellers_store.find_former(connection, about) if about else []
    await forget_participants(connection, former, received_at)
    return new


def _about_participant(tick: SellerTickDue) -> TickDue:
    """A seller's tick in the columns of a tick: whom it is about is a random id."""
    return TickDue(
        tick_id=tick.tick_id,
        plan_id=tick.seller_plan_id,
        strategy_id="",
        partner_id=tick.participant_id,
        period=tick.period,
        due_at=tick.due_at,
    )


async def forget_participants(
    connection: Connection, participants: Sequence[str], at: datetime
) -> list[Told]:
    """Forget who has left: the address goes, what was planned is held back."""
    if not participants:
        return []
    told = await sellers_store.forget_participants(connection, participants, at)
    await tell(connection, told, at)
    return told


async def plan_mails(
    connection: Connection, answers: Sequence[Read], domain: str, at: datetime
) -> list[Told]:
    """Turn the statements of waiting ticks into deliveries, or skip a tick and say why.

    Returns the new deliveries. Ticks that were planned meanwhile are left as they are.
    """
    waiting = await store.lock_waiting_ticks(connection, [s.tick_id for s, _ in answers])
    due = [(s, text) for s, text in answers if s.tick_id in waiting]
    planned = [
        (statement, delivery)
        for statement, _ in due
        for delivery in plan_deliveries(statement, domain=domain)
    ]
    mailed = {statement.tick_id for statement, _ in planned}
    await store.add_statements(
        connection, {s.tick_id: text for s, text in due if s.tick_id in mailed}
    )
    told = []
    for stream, template in TEMPLATES.items():
        some = [one for one in planned if one[0].stream == stream]
        told += await store.add_deliveries(connection, stream, template, some, at)
    await _forget_ended(connection, told, at)
    await store.mark_ticks_decided(connection, _decided(due, planned, told), at)
    await tell(connection, told, at)
    return told


def _decided(
    due: Sequence[Read],
    planned: Sequence[tuple[Statement, PlannedDelivery]],
    told: Sequence[Told],
) -> dict[str, tuple[str, str | None]]:
    wanted = {statement.tick_id for statement, _ in planned}
    new = {delivery.tick_id for delivery in told}
    decided: dict[str, tuple[str, str | None]] = {}
    for statement, _ in due:
        tick = statement.tick_id
        if tick in new:
            decided[tick] = ("planned", None)
        elif tick in wanted:
            decided[tick] = ("skipped", "already_planned")
        else:
            decided[tick] = ("skipped", skip_reason(statement))
    return decided


async def record_turn(
    connection: Connection,
    worker: str,
    ends: Sequence[End],
    starts: Sequence[Start],
    at: datetime,
) -> tuple[list[Told], set[str]]:
    """Write down outcomes and what goes into DATA next, in one transaction.

    Returns what was recorded, and the ids of the deliveries that may be sent now.
    """
    told = await store.record_outcomes(connection, [_discreet(e) for e in ends], at) if ends else []
    await _forget_ended(connection, told, at)
    await tell(connection, told, at)
    started = await store.mark_sending(connection, worker, starts) if starts else set()
    return told, started


def _discreet(end: End) -> End:
    """What is written down of an attempt: of a private stream nothing that names anybody."""
    is_private = end.claim.stream == SELLER_INSIGHTS
    return replace(end, settlement=impersonal(end.settlement)) if is_private else end


async def take_over(connection: Connection, at: datetime) -> list[Told]:
    """Free what dead workers held and hold back what nobody wants. Returns what changed."""
    await webhooks_store.free_calls_of_the_dead(connection)
    freed = await store.take_from_the_dead(connection)
    held = await store.hold_back_mails(connection)
    await _forget_ended(connection, [*freed, *held], at)
    await tell(connection, [*freed, *held], at)
    return [*freed, *held]


@dataclass(frozen=True, slots=True)
class DoubtRules:
    """How deliveries in doubt are resolved."""

    policy: UnknownPolicy
    settle_time: timedelta
    wait: timedelta


async def settle_doubts(
    connection: Connection,
    doubts: Sequence[InDoubt],
    archived: Mapping[str, bool],
    rules: DoubtRules,
    at: datetime,
) -> list[Told]:
    """End the doubts that can be ended; `archived` is what an archive knows, by Message-ID.

    Returns the deliveries concerned.
    """
    settled = []
    for doubt in doubts:
        found = archived.get(doubt.message_id)
        state = resolve(
            Doubt(doubt.age, found),
            policy=rules.policy,
            settle_time=rules.settle_time,
            wait=rules.wait,
        )
        if state is not None:
            settled.append((doubt, state, _GROUNDS[found]))
    if not settled:
        return []
    told = await store.settle_doubt(connection, settled, at)
    await _forget_ended(connection, told, at)
    await tell(connection, told, at)
    return told


_GROUNDS: Final = {
    True: "found in the mail archive",
    False: "not in the mail archive: sent again",
    None: "in doubt for the time the policy sets: sent again",
}
"""On what ground a doubt was ended, by what the archive knew."""


async def stop_mails(connection: Connection, link: Link, at: datetime) -> list[Told]:
    """Unsubscribe a recipient from a stream; asking again changes nothing."""
    told = await store.suppress(connection, link, "unsubscribed", at)
    await _forget_ended(connection, told, at)
    await tell(connection, told, at)
    return told


async def confirm_arrival(connection: Connection, delivery_id: str, at: datetime) -> bool:
    """Take an operator's word that an unknown delivery arrived. False where none is unknown."""
    told = await store.confirm_arrival(connection, delivery_id, at, "confirmed by an operator")
    await _forget_ended(connection, told, at)
    await tell(connection, told, at)
    return bool(told)


async def _forget_ended(connection: Connection, told: Iterable[Told], at: datetime) -> None:
    """Of a private stream nothing is kept of what was said, nor of who has left meanwhile."""
    private = [one for one in told if one.stream == SELLER_INSIGHTS]
    if not private:
        return
    ended = {one.tick_id for one in private if one.state in ENDINGS}
    await sellers_store.forget_statements(connection, ended)
    ticks = {one.tick_id for one in private}
    former = await sellers_store.find_former_of_ticks(connection, ticks)
    await forget_participants(connection, former, at)


async def tell(connection: Connection, deliveries: Iterable[Told], at: datetime) -> None:
    """Put the outcomes that others hear of into the outbox, and plan calls of webhooks."""
    heard_of = [one for one in deliveries if one.state in _HEARD_OF]
    if heard_of:
        await outbox.put(connection, [_message(one, at) for one in heard_of])
        await webhooks_store.add_webhook_events(connection, delivery_events(heard_of, at), at)


def _message(delivery: Told, at: datetime) -> Message:
    event = DeliveryRecorded(
        delivery_id=delivery.delivery_id,
        tick_id=delivery.tick_id,
        stream=delivery.stream,
        plan_id=delivery.plan_id,
        period=delivery.period,
        state=delivery.state.value,  # type: ignore[arg-type] # one of _HEARD_OF
        attempts=delivery.attempts,
        message_id=delivery.message_id,
        reason=delivery.reason,
        recorded_at=at,
    )
    envelope = Envelope(id=delivery.event_id, type=DELIVERY_RECORDED, source=SOURCE, accepted_at=at)
    return Message(DELIVERIES, delivery.plan_id, event.value(), envelope)
