"""The local stack, driven by its commands: the contract's "Local stack" line by line."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local.home import SERVICES
from deploy.local.process import started_at
from tests.backends.base import run
from tests.backends.stack import RunningStack

MakeStack = Callable[..., RunningStack]
pytestmark = [pytest.mark.local, pytest.mark.slow]


@pytest.fixture(scope="module")
def made(make_stack: MakeStack) -> Iterator[RunningStack]:
    stack = make_stack()
    yield stack
    stack.down()


@pytest.fixture
def own(made: RunningStack) -> RunningStack:
    """A stack of this module's own, with everything up."""
    made.restart()
    return made


def test_stack_json_says_where_everything_is(own: RunningStack) -> None:
    said = own.description
    for service in SERVICES:
        assert httpx.get(f"{said[service]}/readyz", trust_env=False).status_code == 200
    host, _, port = said["kafka"].partition(":")
    socket.create_connection((host, int(port)), timeout=5).close()
    assert said["postgres"].startswith("postgresql://")
    assert Path(said["mail_dir"]).is_dir()
    assert set(said["tokens"]) >= {
        "administrator",
        "channel_manager",
        "analyst",
        "limited_analyst",
        "source",
        "service",
    }
    assert set(said["pids"]) >= set(SERVICES)
    assert all(started_at(pid) for pid in said["pids"].values())
    assert all(Path(said["logs"][part]).exists() for part in said["pids"])


def test_a_second_up_is_harmless(own: RunningStack) -> None:
    before = own.description
    own.up()
    assert own.description == before


@pytest.mark.parametrize("part", ["kafka", "postgres", "mail", "plans"])
def test_a_killed_part_stays_down_until_up_and_the_rest_stays_up(
    own: RunningStack, part: str
) -> None:
    before = own.description
    own.kill(part)
    time.sleep(0.5)
    if part in before["pids"]:
        status = own.command("status", check=False)
        assert status.returncode == 1
        assert f"ended by itself: {part}" in status.stderr
    own.restart()
    after = own.description
    untouched = [name for name in before["pids"] if name != part]
    assert [after["pids"][n] for n in untouched] == [before["pids"][n] for n in untouched]
    assert [after[key] for key in (*SERVICES, "kafka", "smtp")] == [
        before[key] for key in (*SERVICES, "kafka", "smtp")
    ]


def test_up_brings_everything_back_after_all_of_it_was_killed(own: RunningStack) -> None:
    offset = run(lambda: _produce(own.description["kafka"], b"kept"))
    for part in (*SERVICES, "mail", "postgres", "kafka"):
        own.kill(part)
    began = time.monotonic()
    own.restart()
    assert time.monotonic() - began < 60
    assert run(lambda: _read(own.description["kafka"], offset)) == b"kept"


def test_the_clock_jumps_runs_on_and_never_goes_back(own: RunningStack) -> None:
    start = own.clock()
    jumped = own.clock(start + timedelta(days=40))
    assert timedelta(days=40) <= jumped - start < timedelta(days=40, minutes=1)
    refused = own.command("clock", start.isoformat(), check=False)
    assert refused.returncode == 1
    assert "never goes back" in refused.stderr
    assert jumped <= own.clock() < jumped + timedelta(minutes=1)
    for nonsense in ("yesterday", "2030-01-01T00:00:00", "2030-02-30T00:00:00Z"):
        assert own.command("clock", nonsense, check=False).returncode == 1


def test_tokens_outlive_clock_moves_and_are_signed_by_the_stacks_own_key(
    own: RunningStack,
) -> None:
    before = own.description["tokens"]["administrator"]
    token = own.token("partner_admin", partner="p1", email="a@p1.example")
    own.clock(own.clock() + timedelta(days=400))
    for known in (before, own.token("administrator")):
        answer = httpx.get(
            f"{own.description['plans']}/v1/strategies",
            headers={"Authorization": f"Bearer {known}"},
            trust_env=False,
        )
        assert answer.status_code == 200
    keys = KeySet.import_key_set(json.loads((own.home / "issuer" / "jwks.json").read_text()))
    claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert claims["roles"] == ["partner_admin"]
    assert (claims["partner_id"], claims["email"]) == ("p1", "a@p1.example")
    assert datetime.fromtimestamp(claims["exp"], UTC).year == 2100
    assert own.command("token", "--role", "boss", check=False).returncode == 1


def test_dead_letters_are_one_object_a_line(own: RunningStack) -> None:
    lines = own.command("dead-letters").stdout.splitlines()
    for line in lines:
        assert {"id", "event_id", "type", "pointer", "error"} <= set(json.loads(line))
    missing = own.command("dead-letters", "replay", "nothing", check=False)
    assert missing.returncode == 1
    assert "no dead letter" in missing.stderr


def test_a_frozen_part_is_ended_too(own: RunningStack) -> None:
    own.kill("mail", signal.SIGSTOP)
    own.kill("mail", signal.SIGKILL)
    own.restart()


def test_two_stacks_live_side_by_side_and_down_leaves_no_process(
    own: RunningStack, make_stack: MakeStack
) -> None:
    port = str(_free_port())
    other = make_stack(
        MILEPOST_CLOCK="2031-05-01T00:00:00Z",
        MILEPOST_TIME_ZONE="Asia/Tokyo",
        MILEPOST_INGEST_PORT=port,
    ).up()
    ours, theirs = own.description, other.description
    assert theirs["ingest"] == f"http://127.0.0.1:{port}"
    addresses = ("kafka", "postgres", "mail_dir", "smtp", *SERVICES)
    assert all(ours[key] != theirs[key] for key in addresses)
    assert other.clock().isoformat().startswith("2031-05-01T00:")
    foreign = httpx.get(
        f"{theirs['plans']}/v1/strategies",
        headers={"Authorization": f"Bearer {ours['tokens']['administrator']}"},
        trust_env=False,
    )
    assert foreign.status_code == 401
    other.clock("2031-06-01T00:00:00Z")
    other.down()
    assert processes_of(other) == []
    assert not (other.home / "stack.json").exists()
    assert all(started_at(pid) for pid in ours["pids"].values())

    other.up()  # the same data, ports, clock and settings
    again = other.description
    assert [again[key] for key in addresses] == [theirs[key] for key in addresses]
    assert other.clock().isoformat().startswith("2031-06-01T00:")
    assert _environment(again["pids"]["plans"])["MILEPOST_TIME_ZONE"] == "Asia/Tokyo"

    other.down(wipe=True)
    assert processes_of(other) == []
    assert [entry.name for entry in other.home.iterdir()] == ["lock"]


def test_a_port_that_is_set_but_taken_is_named(make_stack: MakeStack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = make_stack(MILEPOST_INGEST_PORT=port).command("up", check=False)
    assert refused.returncode == 1
    assert f"MILEPOST_INGEST_PORT={port}: another program listens there" in refused.stderr


def test_a_crashed_service_is_named_with_the_end_of_its_log(make_stack: MakeStack) -> None:
    stack = make_stack(MILEPOST_MAIL_HOUR="noon")
    crashed = stack.command("up", check=False)
    assert crashed.returncode == 1
    assert "plans crashed (exit status 78)" in crashed.stderr
    assert f"The end of its log, {stack.home}/log/plans.log:" in crashed.stderr
    assert "error: MILEPOST_MAIL_HOUR: Input should be a valid integer" in crashed.stderr
    assert "noon" not in crashed.stderr
    stack.down(wipe=True)


def processes_of(stack: RunningStack) -> list[psutil.Process]:
    """Every process that was started for a stack, found by its environment and its folder."""
    home = str(stack.home)
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _belongs_to(process, home)
    ]


def _belongs_to(process: psutil.Process, home: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        told = process.environ().get("MILEPOST_HOME") == home
        return told or any(home in part for part in (process.cwd(), *process.cmdline()))
    except psutil.Error:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(pid: int) -> dict[str, str]:
    return dict(psutil.Process(pid).environ())


async def _produce(bootstrap: str, value: bytes) -> int:
    from aiokafka import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        metadata = await producer.send_and_wait("milepost.deliveries.v1", value, partition=0)
    return int(metadata.offset)


async def _read(bootstrap: str, offset: int) -> bytes:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        partition = TopicPartition("milepost.deliveries.v1", 0)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        record = await consumer.getone()
    return bytes(record.value)
