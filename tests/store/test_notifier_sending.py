"""Every delivery ends in one accepted mail or a named state, whatever the mail server does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.notifier import handlers, store
from services.notifier.domain.delivery import Settlement, State, UnknownPolicy
from services.notifier.mail.archive import FolderArchive
from services.notifier.mail.smtp import Envelope, MailConnection
from tests.store.notifier_parts import (
    DROP,
    DUE,
    HANG,
    ChaosSink,
    Desk,
    Received,
    ended,
    statement,
    tick,
)


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[ChaosSink]:
    made = await ChaosSink(folder=tmp_path).start()
    yield made
    await made.stop()


ACCEPTED = Settlement(State.ACCEPTED, queue_id="q9")


def once(stage: str, answer: bytes) -> Any:
    """The answer at a stage the first time it is reached; everything as usual afterwards."""
    left = [answer]
    return lambda at, _mail: left.pop() if at == stage and left else None


async def test_what_is_planned_is_accepted_once(desk: Desk, sink: ChaosSink) -> None:
    many = [statement(f"p{n}", f"a@p{n}.example", f"b@p{n}.example") for n in range(100)]
    await desk.plan(*many)
    async with desk.sending():
        await desk.until(ended("accepted"))
    rows = await desk.deliveries()
    assert sink.ids() == sorted(row["message_id"] for row in rows.values())
    assert {row["attempts"] for row in rows.values()} == {1}
    assert {row["accepted_at"] for row in rows.values()} == {desk.clock.now()}
    assert {row["queue_id"] for row in rows.values()} == {"OK: queued as q1"}
    assert sink.connections <= desk.settings.smtp_connections
    assert set((await desk.tick_states()).values()) == {("done", None)}
    assert await desk.pool.fetchval("SELECT count(*) FROM outbox") == 200


async def test_the_envelope_has_one_recipient(desk: Desk, sink: ChaosSink) -> None:
    await desk.plan(statement("p1", "ann@one.example", "bob@one.example"))
    async with desk.sending():
        await desk.until(ended("accepted"))
    assert sorted(mail.recipient for mail in sink.mails) == ["ann@one.example", "bob@one.example"]
    assert {mail.sender for mail in sink.mails} == {"milepost@mail.example"}


@pytest.mark.parametrize(
    ("stage", "answer"),
    [
        ("connect", b"421 busy\r\n"),
        ("connect", DROP),
        ("mail", b"451 later\r\n"),
        ("mail", b"421 closing\r\n"),
        ("mail", DROP),
        ("rcpt", b"450 greylisted\r\n"),
        ("rcpt", HANG),
        ("rcpt", b"nonsense\r\n"),
        ("data", b"451 later\r\n"),
        ("data", DROP),
        ("message", b"451 later\r\n"),
        ("message", b"421 closing\r\n"),
        ("message", b"452 full\r\n"),
    ],
)
async def test_what_was_certainly_not_taken_is_sent_again(
    desk: Desk, sink: ChaosSink, stage: str, answer: bytes
) -> None:
    sink.answer = once(stage, answer)
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("accepted"))
    row = (await desk.deliveries())["ann@one.example"]
    assert sink.ids() == [row["message_id"]]
    assert row["attempts"] == (1 if stage == "connect" else 2)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "message"])
async def test_a_refusal_for_good_ends_that_delivery_only(
    desk: Desk, sink: ChaosSink, stage: str
) -> None:
    sink.answer = once(stage, b"550 no such user\r\n")
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(20)))
    async with desk.sending():
        states = await desk.until(ended("accepted", "failed"))
    assert sorted(states.values()) == ["accepted"] * 19 + ["failed"]
    failed = [row for row in (await desk.deliveries()).values() if row["state"] == "failed"]
    assert failed[0]["last_error"] == "550 no such user"
    assert len(sink.mails) == 19


async def test_a_server_that_defers_for_ever_is_given_up(desk: Desk, sink: ChaosSink) -> None:
    desk.settings = desk.settings.model_copy(update={"mail_retry_days": 0.5 / 86400})
    sink.answer = lambda stage, _mail: b"451 later\r\n" if stage == "rcpt" else None
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("failed"))
    row = (await desk.deliveries())["ann@one.example"]
    assert row["last_error"] == "given up: 451 later"
    assert row["attempts"] > 1


@pytest.mark.parametrize(
    ("stage", "answer", "arrived"),
    [
        ("message", HANG, False),
        ("message", DROP, False),
        ("message+", HANG, True),
        ("message+", DROP, True),
        ("message+", b"what?\r\n", True),
    ],
)
async def test_a_message_without_an_answer_is_in_doubt_and_the_archive_settles_it(
    desk: Desk, sink: ChaosSink, tmp_path: Path, stage: str, answer: bytes, arrived: bool
) -> None:
    sink.answer = once(stage, answer)
    await desk.plan(statement("p1", "ann@one.example"))
    keeper = desk.keeper_with(FolderArchive(tmp_path))
    async with desk.sending():
        await desk.until(ended("unknown"))
        assert len(sink.mails) == arrived
        await keeper.settle_doubts()
        await desk.until(ended("accepted"))
    row = (await desk.deliveries())["ann@one.example"]
    assert sink.ids() == [row["message_id"]]
    assert row["attempts"] == (1 if arrived else 2)


async def test_without_an_archive_a_doubt_waits_and_is_sent_again_with_the_same_id(
    desk: Desk, sink: ChaosSink
) -> None:
    sink.answer = once("message", DROP)
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("unknown"))
        await desk.keeper.settle_doubts()
        assert await desk.states() == {"ann@one.example": "unknown"}
        await desk.keeper_with(wait=0).settle_doubts()
        await desk.until(ended("accepted"))
    assert sink.ids() == [(await desk.deliveries())["ann@one.example"]["message_id"]]


async def test_a_held_doubt_waits_for_an_operator(desk: Desk, sink: ChaosSink) -> None:
    sink.answer = once("message+", DROP)
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("unknown"))
        await desk.keeper_with(policy=UnknownPolicy.HOLD, wait=0).settle_doubts()
    row = (await desk.deliveries())["ann@one.example"]
    assert row["state"] == "unknown"
    async with desk.pool.acquire() as connection, connection.transaction():
        assert await handlers.confirm_arrival(connection, str(row["delivery_id"]), DUE)
    assert await desk.states() == {"ann@one.example": "accepted"}
    assert len(sink.mails) == 1


async def test_an_archive_that_cannot_be_read_says_nothing(desk: Desk, sink: ChaosSink) -> None:
    sink.answer = once("message", DROP)
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.sending():
        await desk.until(ended("unknown"))
        await desk.keeper_with(FolderArchive(Path("nowhere"))).settle_doubts()
        assert await desk.states() == {"ann@one.example": "unknown"}


async def test_while_the_mail_server_is_away_everything_waits_and_then_goes_on(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(50)))
    await sink.stop()
    async with desk.sending():
        await desk.until(lambda _: desk.server.failure is not None)
        await desk.until(ended("planned"))
        with pytest.raises(Exception, match="Connect"):
            await desk.server.check()
        await sink.start()
        await desk.until(ended("accepted"))
    await desk.server.check()
    rows = await desk.deliveries()
    assert sink.ids() == sorted(row["message_id"] for row in rows.values())
    assert {row["attempts"] for row in rows.values()} == {1}


async def test_a_mail_server_that_dies_in_mid_stream_loses_nothing(
    desk: Desk, sink: ChaosSink, tmp_path: Path
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(200)))
    keeper = desk.keeper_with(FolderArchive(tmp_path))
    async with desk.sending():
        await desk.until(lambda states: list(states.values()).count("accepted") > 20)
        await sink.stop()
        await asyncio.sleep(0.5)
        await sink.start()
        while not ended("accepted")(await desk.states()):
            await keeper.settle_doubts()
            await asyncio.sleep(0.1)
    rows = await desk.deliveries()
    assert sink.ids() == sorted(row["message_id"] for row in rows.values())


async def test_two_processes_share_the_mails(desk: Desk, sink: ChaosSink) -> None:
    other = Desk(desk.pool, desk.settings, desk.stub)
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(600)))
    async with desk.sending(), other.sending():
        await desk.until(ended("accepted"), 30)
    assert len(sink.mails) == 600
    assert len(set(sink.ids())) == 600


async def test_what_a_dead_process_had_claimed_is_sent_by_another(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(10)))
    async with desk.pool.acquire() as connection:
        assert len(await store.claim_deliveries(connection, desk.worker, 10)) == 10
    await desk.die()
    heir = Desk(desk.pool, desk.settings, desk.stub)
    async with heir.sending():
        await heir.keeper.take_over()
        await heir.until(ended("accepted"))
    assert len(sink.mails) == 10


async def test_what_a_dead_process_had_in_data_is_in_doubt(desk: Desk, sink: ChaosSink) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    await _start(desk)
    heir = Desk(desk.pool, desk.settings, desk.stub)
    await heir.keeper.beat()
    await heir.keeper.take_over()
    assert await desk.states() == {"ann@one.example": "sending"}
    await desk.die()
    await heir.keeper.take_over()
    row = (await desk.deliveries())["ann@one.example"]
    assert (row["state"], row["attempts"]) == ("unknown", 1)
    assert "process ended" in row["last_error"]
    told = await desk.pool.fetchval("SELECT value FROM outbox")
    assert b'"state":"unknown"' in told


async def _start(desk: Desk) -> store.Claim:
    async with desk.pool.acquire() as connection, connection.transaction():
        claim = (await store.claim_deliveries(connection, desk.worker, 10))[0]
        start = store.Start(claim, DUE)
        _, granted = await handlers.record_turn(connection, desk.worker, [], [start], DUE)
    assert granted == {claim.delivery_id}
    return claim


async def test_one_thought_dead_may_settle_its_doubt_but_not_overrule_its_heir(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    claim = await _start(desk)
    end = store.End(claim, ACCEPTED)
    await desk.die()
    heir = Desk(desk.pool, desk.settings, desk.stub)
    await heir.keeper.beat()
    await heir.keeper.take_over()
    await heir.keeper_with(wait=0).settle_doubts()
    await _start(heir)
    async with desk.pool.acquire() as connection, connection.transaction():
        assert await handlers.record_turn(connection, desk.worker, [end], [], DUE) == ([], set())
        again = [store.Start(claim, DUE)]
        assert await handlers.record_turn(connection, desk.worker, [], again, DUE) == ([], set())
    assert await desk.states() == {"ann@one.example": "sending"}


async def test_a_late_word_ends_a_doubt(desk: Desk, sink: ChaosSink) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    claim = await _start(desk)
    await desk.die()
    await desk.keeper.take_over()
    assert await desk.states() == {"ann@one.example": "unknown"}
    async with desk.pool.acquire() as connection, connection.transaction():
        end = store.End(claim, ACCEPTED)
        await handlers.record_turn(connection, desk.worker, [end], [], DUE)
    assert await desk.states() == {"ann@one.example": "accepted"}


async def test_an_admin_who_unsubscribes_after_the_claim_gets_nothing(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    async with desk.pool.acquire() as connection, connection.transaction():
        claim = (await store.claim_deliveries(connection, desk.worker, 10))[0]
        link = store.Link(claim.stream, claim.recipient, None)
        await handlers.stop_mails(connection, link, DUE)
        starts = [store.Start(claim, DUE)]
        _, granted = await handlers.record_turn(connection, desk.worker, [], starts, DUE)
    assert granted == set()
    assert await desk.states() == {"ann@one.example": "suppressed"}


async def test_a_mail_planned_while_its_admin_unsubscribes_is_held_back(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(statement("p1", "ann@one.example"))
    await desk.pool.execute(
        "INSERT INTO suppression VALUES ('partner_progress', 'ann@one.example', 'left', $1)", DUE
    )
    async with desk.sending():
        await asyncio.sleep(0.2)
        assert await desk.states() == {"ann@one.example": "planned"}
        await desk.keeper.take_over()
        await desk.until(ended("suppressed"))
    assert sink.mails == []


async def test_a_statement_that_cannot_be_written_fails_by_name(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(statement("p1", "ann@one.example"), statement("p2", "bob@two.example"))
    await desk.pool.execute(
        "UPDATE statement SET content = '{}' WHERE tick_id = $1", tick("p1").tick_id
    )
    async with desk.sending():
        states = await desk.until(ended("accepted", "failed"))
    assert states == {"ann@one.example": "failed", "bob@two.example": "accepted"}
    assert "tick_id" in (await desk.deliveries())["ann@one.example"]["last_error"]


async def test_stopping_finishes_what_is_in_data_and_gives_back_the_rest(
    desk: Desk, sink: ChaosSink
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(400)))
    async with desk.sending():
        await desk.until(lambda states: "accepted" in states.values())
    async with desk.pool.acquire() as connection:
        await store.sign_off(connection, desk.worker)
    states = await desk.states()
    assert set(states.values()) == {"accepted", "planned"}
    assert len(sink.mails) == list(states.values()).count("accepted")


async def test_an_idle_server_may_hang_up_without_harm(desk: Desk, sink: ChaosSink) -> None:
    async with desk.sending():
        await desk.plan(statement("p1", "ann@one.example"))
        desk.sender.wake()
        await desk.until(ended("accepted"))
        await sink.stop()
        await sink.start()
        await desk.plan(statement("p1", "ann@one.example", period="2026-04"))
        desk.sender.wake()
        await desk.until(lambda _: len(sink.mails) == 2)
    attempts = await desk.pool.fetch("SELECT attempts FROM delivery")
    assert [row["attempts"] for row in attempts] == [1, 1]


class CrashError(BaseException):
    """The process ends here: nothing behind it runs."""


CRASHES = ["claimed", "connected", "sending", "in data", "answered", "before record"]


@pytest.mark.parametrize("point", CRASHES)
async def test_a_crash_at_any_step_loses_nothing_and_repeats_nothing(
    desk: Desk, sink: ChaosSink, tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that crashes does nothing more; another takes over with the archive at hand."""
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(30)))
    await _run_until_it_crashes(desk, sink, point, monkeypatch)
    await desk.die()
    in_data = list((await desk.states()).values()).count("sending")
    assert in_data <= desk.settings.smtp_connections
    heir = Desk(desk.pool, desk.settings, desk.stub)
    keeper = heir.keeper_with(FolderArchive(tmp_path))
    async with heir.sending():
        await heir.keeper.take_over()
        await keeper.settle_doubts()
        await heir.until(ended("accepted"))
    rows = await heir.deliveries()
    assert sink.ids() == sorted(row["message_id"] for row in rows.values())


async def _run_until_it_crashes(
    desk: Desk, sink: ChaosSink, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = asyncio.Event()
    begun = 0

    async def die(*_arguments: Any, **_named: Any) -> Any:
        crashed.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        if point == "claimed":
            patch.setattr("services.notifier.sender.Sender._is_ready", die)
        elif point == "connected":
            patch.setattr("services.notifier.sender.Journal.turn", die)
        elif point == "sending":
            patch.setattr("services.notifier.mail.smtp.MailConnection.send", die)
        elif point in ("in data", "answered"):
            stage = "message" if point == "in data" else "message+"

            def answer(at: str, _mail: Received) -> bytes | None:
                nonlocal begun
                begun += at == stage
                if at == stage and begun > 10:
                    crashed.set()
                    return HANG
                return None

            sink.answer = answer
        else:
            patch.setattr("services.notifier.store.record_outcomes", die)
        await desk.keeper.beat()
        running = asyncio.create_task(desk.sender.run())
        await asyncio.wait_for(crashed.wait(), 10)
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    sink.answer = lambda _stage, _mail: None


async def test_the_journal_waits_for_the_database_and_forgets_nothing(
    desk: Desk, sink: ChaosSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(30)))
    real, failures = store.record_outcomes, 3

    async def fails(*arguments: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionResetError("the database went away")
        return await real(*arguments)

    monkeypatch.setattr("services.notifier.store.record_outcomes", fails)
    async with desk.sending():
        await desk.until(ended("accepted"))
    assert failures == 0
    assert len(sink.mails) == 30
    assert {row["attempts"] for row in (await desk.deliveries()).values()} == {1}


async def test_a_turn_that_cannot_be_written_harms_no_other(
    desk: Desk, sink: ChaosSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(30)))
    real = store.mark_sending

    async def fails(connection: Any, worker: str, starts: Any) -> Any:
        if any(start.claim.recipient == "a@p7.example" for start in starts):
            raise ValueError("a value that no table takes")
        return await real(connection, worker, starts)

    monkeypatch.setattr("services.notifier.store.mark_sending", fails)
    async with desk.sending():
        states = await desk.until(lambda s: list(s.values()).count("accepted") == 29)
    assert states["a@p7.example"] == "claimed"
    assert len(sink.mails) == 29


async def test_a_fault_while_handing_over_leaves_a_doubt_and_the_rest_goes_on(
    desk: Desk, sink: ChaosSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.plan(*(statement(f"p{n}", f"a@p{n}.example") for n in range(30)))
    real = MailConnection.send

    async def fails(self: MailConnection, envelope: Envelope, message: bytes) -> Any:
        if envelope.recipient == "a@p7.example":
            raise RuntimeError("a fault of ours")
        return await real(self, envelope, message)

    with monkeypatch.context() as patch:
        patch.setattr(MailConnection, "send", fails)
        async with desk.sending():
            states = await desk.until(ended("accepted", "unknown"))
    assert states.pop("a@p7.example") == "unknown"
    assert set(states.values()) == {"accepted"}
    async with desk.sending():
        await desk.keeper_with(FolderArchive(tmp_path)).settle_doubts()
        await desk.until(ended("accepted"))
    assert len(set(sink.ids())) == len(sink.mails) == 30


async def test_the_keeper_gives_others_time_after_an_outage(desk: Desk) -> None:
    keeper = desk.keeper
    await keeper.beat()
    assert not keeper._may_judge()
    keeper._beating_since = (keeper._beating_since or 0) - timedelta(seconds=10).total_seconds()
    assert keeper._may_judge()
    keeper._last_beat -= 6
    await keeper.beat()
    assert not keeper._may_judge()
