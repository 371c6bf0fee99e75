"""The operator's commands, against a stack that works meanwhile."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from shared.messaging.topics import INBOUND
from tests.flow.doors import CHECKOUT, Data, Doors, eventually, fresh
from tests.flow.doors import event as told
from tests.flow.test_spine import APPROVED, WON, days_ago, deal, planned

pytestmark = pytest.mark.flow


class Operator:
    """Runs `python -m deploy.operations` for the stack, with JSON out."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def run(self, *arguments: str, status: int = 0, **environment: str) -> str:
        """What a command prints on standard output; on standard error where it fails on purpose."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.operations", *arguments],
            cwd=CHECKOUT,
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def ask(self, *arguments: str, status: int = 0) -> Any:
        """The JSON that a command prints."""
        here = ("--stack", str(self._doors.stack_file), "--json")
        return json.loads(self.run(*arguments, *here, status=status))


@pytest.fixture
def operator(doors: Doors) -> Operator:
    return Operator(doors)


def in_database(doors: Doors, statement: str, *values: Any) -> None:
    """Do something to progress' tables that no service would do."""

    async def do() -> None:
        connection = await asyncpg.connect(doors.stack["postgres"])
        try:
            await connection.execute("SET search_path = progress")
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    asyncio.run(do())


def settled_plan(doors: Doors, *deals: Callable[[str], Data]) -> tuple[str, str]:
    """A plan of a partner with deals, once all of it is in the figures."""
    partner, _, plan = planned(doors, APPROVED, WON)
    doors.send(*(told("deal", make(partner)) for make in deals))
    doors.settled()
    return partner, plan["plan_id"]


def test_status_says_how_everything_stands(doors: Doors, operator: Operator) -> None:
    doors.settled()
    found = operator.ask("status", status=0 if not letters(operator) else 1)
    assert {one["status"] for one in found["services"].values()} == {"ok"}
    assert {one["source"] for one in found["sources"]} == {"ingest", "plans"}
    assert {name: one["waiting"] >= 0 for name, one in found["outbox"].items()} == {
        "plans": True,
        "progress": True,
        "notifier": True,
    }
    assert {"waiting", "done"} <= found["ticks"].keys()
    assert {"accepted", "failed", "unknown"} <= found["mails"].keys()
    assert found["away"] == []


def letters(operator: Operator) -> list[Data]:
    found: list[Data] = operator.ask("dead-letters", "list")
    return found


def test_a_dead_letter_is_listed_shown_and_replayed(doors: Doors, operator: Operator) -> None:
    known = {one["id"] for one in letters(operator)}
    name = fresh("broken")
    produce(doors, name)
    found = eventually(
        lambda: [one for one in letters(operator) if one["id"] not in known],
        lambda new: any(one["event_id"] == name for one in new),
    )
    letter = next(one for one in found if one["event_id"] == name)
    shown = operator.ask("dead-letters", "show", letter["id"])
    assert shown["errors"][0]["pointer"] == letter["pointer"]
    here = ("--stack", str(doors.stack_file))
    assert json.loads(operator.run("dead-letters", "replay", letter["id"], *here))["replayed"]
    assert letter["id"] not in {one["id"] for one in letters(operator)}
    assert "no dead letter" in operator.run("dead-letters", "show", "x", *here, status=1)


def produce(doors: Doors, event_id: str) -> None:
    """Write an event without a version to the inbound topic."""
    broken = {**told("deal", {"deal_id": "d"}), "id": event_id}

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=doors.stack["kafka"]) as producer:
            kind = [("content-type", b"application/cloudevents+json")]
            await producer.send_and_wait(INBOUND, json.dumps(broken).encode(), headers=kind)

    asyncio.run(send())


def test_a_cell_that_went_wrong_is_found_and_swapped_in(doors: Doors, operator: Operator) -> None:
    _, plan_id = settled_plan(doors, lambda p: deal(doors, p), lambda p: deal(doors, p))
    assert doors.values(plan_id) == ["2", "201.00"]
    in_database(doors, "UPDATE cell SET q1 = q1 + 7 WHERE plan_id = $1::text::uuid", plan_id)
    assert operator.ask("verify", status=1)["differences"] > 0
    compared = operator.ask("rebuild", "--compare-only", status=1)
    assert (compared["plans_differing"], compared["swapped_in"]) == (1, False)
    rebuilt = operator.ask("rebuild")
    assert (rebuilt["plans_differing"], rebuilt["figures_differing"]) == (1, 2)
    assert rebuilt["left"]["plans_differing"] == 0
    assert doors.values(plan_id) == ["2", "201.00"]
    assert operator.ask("verify")["differences"] == 0


def test_records_that_were_lost_changed_or_never_told_are_put_right_from_the_topics(
    doors: Doors, operator: Operator
) -> None:
    lost, changed = fresh("lost"), fresh("changed")
    _, plan_id = settled_plan(
        doors,
        lambda p: deal(doors, p, deal_id=lost),
        lambda p: deal(doors, p, deal_id=changed, amount="50.00"),
        lambda p: deal(doors, p, deal_id=changed, version=2, amount="60.00"),
    )
    in_database(doors, "DELETE FROM record WHERE record_id = $1", lost)
    in_database(doors, "UPDATE record SET amount = 999 WHERE record_id = $1", changed)
    in_database(
        doors,
        "INSERT INTO record SELECT (jsonb_populate_record(r, jsonb_build_object("
        "'record_id', 'phantom-' || r.record_id))).* FROM record r WHERE record_id = $1",
        changed,
    )
    operator.ask("rebuild")  # the figures follow the ledger, right or wrong
    assert doors.values(plan_id) == ["2", "1998.00"]
    found = operator.ask("rebuild", "--from", "topics", "--compare-only", status=1)
    assert (found["records_lacking"], found["records_wrong"]) == (1, 2)
    rebuilt = operator.ask("rebuild", "--from", "topics")
    assert rebuilt["swapped_in"]
    assert rebuilt["left"]["records_wrong"] + rebuilt["left"]["records_lacking"] == 0
    assert doors.values(plan_id) == ["2", "160.50"]
    known_then = doors.progress(plan_id, known_at=doors.now().isoformat())
    assert known_then["goal_groups"][0]["goals"][1]["value"] == "160.50"
    assert operator.ask("verify")["differences"] == 0


def test_figures_are_read_and_events_are_taken_while_a_rebuild_goes_on(
    doors: Doors, operator: Operator
) -> None:
    partner, plan_id = settled_plan(doors, lambda p: deal(doors, p))
    command = [sys.executable, "-m", "deploy.operations", "rebuild", "--from", "topics"]
    with subprocess.Popen(
        [*command, "--stack", str(doors.stack_file), "--json"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        number = 1
        while running.poll() is None:
            doors.tell("deal", **deal(doors, partner, approved_on=days_ago(doors, 9)))
            number += 1
            assert int(doors.values(plan_id)[0]) <= number
        rebuilt = json.loads(running.stdout.read()) if running.stdout else {}
    assert running.returncode == 0
    assert rebuilt["records_wrong"] == rebuilt["records_lacking"] == 0
    doors.shows(plan_id, str(number), f"{number * 100.5:.2f}")
    assert operator.ask("verify")["differences"] == 0


def test_ticks_and_deliveries_are_listed_with_filters(doors: Doors, operator: Operator) -> None:
    for name in ("ticks", "deliveries"):
        assert operator.ask(name, "--limit", "3", "--plan", "nobody") == []
        here = ("--stack", str(doors.stack_file))
        assert ": none" in operator.run(name, "--plan", "nobody", *here)
    refused = operator.run("deliveries", "--state", "gone", *here, status=1)
    assert "422" in refused


def test_config_check_names_everything_at_once_and_no_secret(operator: Operator) -> None:
    given = {
        "MILEPOST_DATABASE_URL_FILE": "/nowhere/url",
        "MILEPOST_SMTP_PORT": "sesame",
        "MILEPOST_SMTP_HOST": "mail.example",
        "MILEPOST_SMTP_TLS": "none",
        "MILEPOST_SMTP_PASSWORD": "open-sesame",
        "MILEPOST_SMPT_USERNAME": "x",
    }
    said = operator.run("config", "check", "notifier", status=1, **given)
    for variable in ("DATABASE_URL_FILE", "OIDC_ISSUER", "OIDC_JWKS", "SMTP_PORT", "SMTP_TLS=none"):
        assert f"MILEPOST_{variable}" in said
    assert "sesame" not in said
    assert "MILEPOST_SMPT_USERNAME is read by nothing" in said


def test_a_local_stacks_settings_are_right(operator: Operator) -> None:
    found = operator.ask("config", "check")
    assert [one["errors"] for one in found["services"]] == [[], [], [], []]


def test_without_a_stack_or_an_environment_the_error_says_what_to_set(operator: Operator) -> None:
    said = operator.run("status", status=1)
    assert "MILEPOST_PLANS_URL" in said
    assert "MILEPOST_OPERATOR_TOKEN" in said
    assert "--stack" in said
