"""The notifier's tables. Every function takes a connection; the SQL stands in `sql/`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from services.notifier.domain.delivery import Settlement, State
from services.notifier.domain.statement import PlannedDelivery, Statement
from shared.events.plans import TickDue
from shared.kernel.ids import named_id
from shared.postgres.pool import Connection, Pool
from shared.postgres.queries import Queries

QUERIES: Final = Queries(Path(__file__).parent / "sql")
Reader: TypeAlias = "Connection | Pool"
"""One statement needs no transaction: a pool will do."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in the hands of one worker: what to render, to whom, and the fence that counts."""

    delivery_id: str
    tick_id: str
    stream: str
    plan_id: str
    period: str
    recipient: str
    recipient_name: str
    message_id: str
    attempts: int
    fence: int
    content: str
    token: str
    locale: str | None = None
    """In which language to write, by the recipient's choice or by what is told of it."""


@dataclass(frozen=True, slots=True)
class Start:
    """A claim that is about to go into DATA, and the Date it will carry."""

    claim: Claim
    dated_at: datetime


@dataclass(frozen=True, slots=True)
class End:
    """What came of a claim."""

    claim: Claim
    settlement: Settlement


@dataclass(frozen=True, slots=True)
class Told:
    """A delivery that came to a state others hear of."""

    delivery_id: str
    tick_id: str
    stream: str
    plan_id: str
    period: str
    state: State
    attempts: int
    message_id: str
    reason: str | None

    @property
    def event_id(self) -> str:
        """The same ending of the same try is the same event, however often it is written."""
        return named_id(self.delivery_id, self.state, str(self.attempts))


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A delivery that may or may not have arrived."""

    delivery_id: str
    message_id: str
    fence: int
    began_at: datetime | None
    age: timedelta


@dataclass(frozen=True, slots=True)
class Link:
    """Whose mails of which stream an unsubscribe link stops; `since` says that it has."""

    stream: str
    recipient: str
    since: datetime | None
    locale: str | None = None
    """The language that the recipient chose."""


async def add_ticks(
    connection: Connection, ticks: Sequence[TickDue], stream: str, received_at: datetime
) -> int:
    """Take ticks over; those known already stay as they are. Returns how many are new."""
    rows = await connection.fetch(
        QUERIES["add_ticks"],
        [tick.tick_id for tick in ticks],
        stream,
        received_at,
        [tick.plan_id for tick in ticks],
        [tick.strategy_id for tick in ticks],
        [tick.partner_id for tick in ticks],
        [tick.period for tick in ticks],
        [tick.due_at for tick in ticks],
    )
    return len(rows)


async def claim_ticks(connection: Connection, worker: str, most: int) -> dict[str, int]:
    """Take waiting ticks of the earliest due time into hand: tick id → tries, this one included."""
    async with connection.transaction():
        await connection.execute(QUERIES["walk_the_index"])
        rows = await connection.fetch(QUERIES["claim_ticks"], worker, most)
    return {row["tick_id"]: row["attempts"] for row in rows}


async def put_ticks_back(
    connection: Connection, worker: str, pauses: dict[str, timedelta], error: str
) -> None:
    """Let ticks wait again, each for a pause, and say why."""
    await connection.execute(
        QUERIES["put_ticks_back"], worker, list(pauses), list(pauses.values()), error
    )


async def lock_waiting_ticks(connection: Connection, tick_ids: Sequence[str]) -> dict[str, str]:
    """Those of the ticks that still wait, locked until the transaction ends: id → stream."""
    rows = await connection.fetch(QUERIES["lock_waiting_ticks"], list(tick_ids))
    return {row["tick_id"]: row["stream"] for row in rows}


async def add_statements(connection: Connection, contents: dict[str, str]) -> None:
    """Freeze what the mails of ticks are rendered from."""
    await connection.execute(QUERIES["add_statements"], list(contents), list(contents.values()))


async def add_deliveries(
    connection: Connection,
    stream: str,
    template: str,
    planned: Sequence[tuple[Statement, PlannedDelivery]],
    planned_at: datetime,
) -> list[Told]:
    """Plan deliveries and their unsubscribe links; those planned before are left alone.

    Returns the new ones, suppressed where the recipient wants no mail of the stream.
    """
    if not planned:
        return []
    recipients = [delivery.recipient for _, delivery in planned]
    await connection.execute(QUERIES["add_links"], stream, recipients)
    rows = await connection.fetch(
        QUERIES["add_deliveries"],
        stream,
        template,
        planned_at,
        [delivery.delivery_id for _, delivery in planned],
        [statement.tick_id for statement, _ in planned],
        [statement.plan_id for statement, _ in planned],
        [statement.period for statement, _ in planned],
        recipients,
        [delivery.recipient_name for _, delivery in planned],
        [delivery.message_id for _, delivery in planned],
        [statement.due_at for statement, _ in planned],
        [delivery.state for _, delivery in planned],
        [delivery.error for _, delivery in planned],
        [delivery.locale for _, delivery in planned],
    )
    return as_told(rows)


async def mark_ticks_decided(
    connection: Connection, decided: dict[str, tuple[str, str | None]], at: datetime
) -> None:
    """Write down what became of ticks: id → (state, reason)."""
    states = [state for state, _ in decided.values()]
    reasons = [reason for _, reason in decided.values()]
    await connection.execute(QUERIES["mark_ticks_decided"], list(decided), states, reasons, at)


async def claim_deliveries(connection: Connection, worker: str, most: int) -> list[Claim]:
    """Take planned deliveries into hand, the earliest due first; no two workers get the same."""
    async with connection.transaction():
        await connection.execute(QUERIES["walk_the_index"])
        rows = await connection.fetch(QUERIES["claim_deliveries"], worker, most)
    return as_claims(rows)


def as_claims(rows: Iterable[Any]) -> list[Claim]:
    """Rows of deliveries that were claimed."""
    return [_claim(row) for row in rows]


def _claim(row: Any) -> Claim:
    return Claim(
        delivery_id=str(row["delivery_id"]),
        tick_id=row["tick_id"],
        stream=row["stream"],
        plan_id=row["plan_id"],
        period=row["period"],
        recipient=row["recipient"],
        recipient_name=row["recipient_name"],
        message_id=row["message_id"],
        attempts=row["attempts"],
        fence=row["fence"],
        content=row["content"],
        token=row["token"].hex,
        locale=row["chosen"] or row["locale"],
    )


async def mark_sending(connection: Connection, worker: str, starts: Sequence[Start]) -> set[str]:
    """Say that deliveries go into DATA now. Returns those that still are this worker's to send."""
    rows = await connection.fetch(
        QUERIES["mark_sending"],
        worker,
        [start.claim.delivery_id for start in starts],
        [start.claim.fence for start in starts],
        [start.dated_at for start in starts],
    )
    return {str(row["delivery_id"]) for row in rows}


async def record_outcomes(connection: Connection, ends: Sequence[End], at: datetime) -> list[Told]:
    """Write down what came of attempts; an outcome of an older fence is not written."""
    rows = await connection.fetch(
        QUERIES["record_outcomes"],
        at,
        [end.claim.delivery_id for end in ends],
        [end.claim.fence for end in ends],
        [end.settlement.state for end in ends],
        [end.settlement.queue_id for end in ends],
        [end.settlement.error for end in ends],
        [end.settlement.retry_after for end in ends],
    )
    return as_told(rows)


async def put_deliveries_back(connection: Connection, worker: str, claims: Sequence[Claim]) -> None:
    """Give claims back that were not begun."""
    await connection.execute(
        QUERIES["put_deliveries_back"],
        worker,
        [claim.delivery_id for claim in claims],
        [claim.fence for claim in claims],
    )


async def take_from_the_dead(connection: Connection) -> list[Told]:
    """Free what dead workers held: ticks and claims wait again, what was in DATA is in doubt."""
    await connection.execute(QUERIES["free_ticks_of_the_dead"])
    rows = await connection.fetch(QUERIES["take_from_the_dead"])
    await connection.execute(QUERIES["forget_dead_workers"])
    return as_told(rows)


async def deliveries_in_doubt(connection: Connection, most: int) -> list[InDoubt]:
    """Deliveries that may or may not have arrived, those longest in doubt first."""
    rows = await connection.fetch(QUERIES["deliveries_in_doubt"], most)
    return [
        InDoubt(
            str(row["delivery_id"]), row["message_id"], row["fence"], row["began_at"], row["age"]
        )
        for row in rows
    ]


async def settle_doubt(
    connection: Connection, settled: Iterable[tuple[InDoubt, State, str]], at: datetime
) -> list[Told]:
    """End doubts: accepted, or planned to be sent again; the note says on what ground."""
    found = list(settled)
    rows = await connection.fetch(
        QUERIES["settle_doubt"],
        at,
        [doubt.delivery_id for doubt, _, _ in found],
        [doubt.fence for doubt, _, _ in found],
        [state for _, state, _ in found],
        [note for _, _, note in found],
    )
    return as_told(rows)


async def send_again(connection: Reader, delivery_id: str, note: str) -> bool:
    """Plan a failed or unknown delivery anew, by an operator's choice."""
    return bool(await connection.fetch(QUERIES["send_again"], delivery_id, note))


async def confirm_arrival(
    connection: Connection, delivery_id: str, at: datetime, note: str
) -> list[Told]:
    """Take an unknown delivery as arrived, by an operator's word."""
    return as_told(await connection.fetch(QUERIES["confirm_arrival"], delivery_id, at, note))


async def find_delivery(connection: Reader, delivery_id: str) -> dict[str, Any] | None:
    """A delivery as the log shows it, or None."""
    row = await connection.fetchrow(QUERIES["find_delivery"], delivery_id)
    return None if row is None else dict(row)


async def list_deliveries(
    connection: Reader,
    plan_id: str | None,
    period: str | None,
    state: str | None,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[dict[str, Any]]:
    """The delivery log, latest planned first, from behind a (planned_at, delivery_id)."""
    at, key = after or (None, None)
    rows = await connection.fetch(QUERIES["list_deliveries"], plan_id, period, state, at, key, most)
    return [dict(row) for row in rows]


async def list_ticks(
    connection: Reader,
    plan_id: str | None,
    period: str | None,
    state: str | None,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[dict[str, Any]]:
    """Ticks and what became of them, latest due first, from behind a (due_at, tick_id)."""
    at, key = after or (None, None)
    rows = await connection.fetch(QUERIES["list_ticks"], plan_id, period, state, at, key, most)
    return [dict(row) for row in rows]


async def find_link(connection: Reader, token: str) -> Link | None:
    """What an unsubscribe link stops, or None for a token of nobody."""
    row = await connection.fetchrow(QUERIES["find_link"], token)
    return (
        None if row is None else Link(row["stream"], row["recipient"], row["since"], row["locale"])
    )


async def list_deliveries_to(connection: Reader, recipient: str) -> list[dict[str, Any]]:
    """Everything that was or is to be sent to an address, the latest first; no content."""
    rows = await connection.fetch(QUERIES["list_deliveries_to"], recipient)
    return [dict(row) for row in rows]


async def list_streams(connection: Reader, recipient: str) -> list[Link]:
    """The streams that write to a recipient, and since when they are stopped."""
    rows = await connection.fetch(QUERIES["list_streams"], recipient)
    return [Link(row["stream"], recipient, row["since"], row["locale"]) for row in rows]


async def choose_language(connection: Reader, recipient: str, code: str) -> None:
    """Write to a recipient in a language from the next mail on, in every stream."""
    await connection.execute(QUERIES["choose_language"], recipient, code)


async def begin_again(connection: Connection, link: Link) -> None:
    """Write to a recipient again, who says so; what was held back stays so."""
    await connection.execute(QUERIES["begin_again"], link.stream, link.recipient)


async def suppress(connection: Connection, link: Link, reason: str, since: datetime) -> list[Told]:
    """Send a recipient no more mails of a stream, planned ones included."""
    await connection.execute(QUERIES["add_suppression"], link.stream, link.recipient, reason, since)
    return await hold_back_mails(connection)


async def hold_back_mails(connection: Connection) -> list[Told]:
    """Suppress what is planned for recipients who want no mail of its stream."""
    return as_told(await connection.fetch(QUERIES["hold_back_mails"]))


async def beat(connection: Connection, worker: str, lease: timedelta) -> None:
    """Say that a worker is alive, and for how long it may be taken to be."""
    await connection.execute(QUERIES["beat"], worker, lease)


async def sign_off(connection: Connection, worker: str) -> None:
    """Give back what a worker has not begun, and forget the worker."""
    await connection.execute(QUERIES["free_own_deliveries"], worker)
    await connection.execute(QUERIES["free_own_ticks"], worker)
    await connection.execute(QUERIES["sign_off"], worker)


def as_told(rows: Iterable[Any]) -> list[Told]:
    """Rows of deliveries that came to another state."""
    return [
        Told(
            delivery_id=str(row["delivery_id"]),
            tick_id=row["tick_id"],
            stream=row["stream"],
            plan_id=row["plan_id"],
            period=row["period"],
            state=State(row["state"]),
            attempts=row["attempts"],
            message_id=row["message_id"],
            reason=row["last_error"],
        )
        for row in rows
    ]


async def measure_ticks(connection: Connection) -> tuple[int, datetime | None]:
    """How many ticks wait, and the due time of the oldest."""
    row = await connection.fetchrow(QUERIES["measure_ticks"])
    return (row["waiting"], row["oldest_due_at"]) if row else (0, None)


async def summarize(pool: Pool) -> tuple[dict[str, int], dict[str, int]]:
    """How many ticks and how many deliveries there are, by state."""
    ticks = await pool.fetch(QUERIES["summarize_ticks"])
    deliveries = await pool.fetch(QUERIES["summarize_deliveries"])
    return (
        {row["state"]: row["number"] for row in ticks},
        {row["state"]: row["number"] for row in deliveries},
    )


async def measure_deliveries(connection: Connection) -> dict[str, int]:
    """How many deliveries have not ended, by state."""
    rows = await connection.fetch(QUERIES["measure_deliveries"])
    return {row["state"]: row["number"] for row in rows}


async def tell_time(connection: Reader) -> datetime:
    """What the database's clock says."""
    moment: datetime = await connection.fetchval(QUERIES["tell_time"])
    return moment


async def ping(connection: Reader) -> None:
    """Raise unless the database answers and the tables are there."""
    await connection.fetchval(QUERIES["ping"])
