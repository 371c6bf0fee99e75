"""docker-compose.yml brought up: a deal comes in, a mail goes out, people sign in, replicas share.

It runs with `MILEPOST_TEST_COMPOSE=1`, as CI does where there is an engine: it builds images.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from deploy.local.home import CHECKOUT, SERVICES
from deploy.local.issuer import STANDING_ROLES
from tests.chaos.replicas import free_port
from tests.flow.doors import Doors, event, eventually, fresh
from tests.flow.test_spine import APPROVED

pytestmark = [pytest.mark.compose, pytest.mark.slow]

PROJECT = "milepost-test"
UP_S = 240.0
MOST_BYTES = 200e6


def docker(*arguments: str) -> Any:
    """What docker says, as JSON."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


class Compose:
    """The project's own `docker compose`, on ports of the test's own."""

    def __init__(self) -> None:
        entry, issuer, mail = free_port(), free_port(), free_port()
        self.entry = f"http://127.0.0.1:{entry}"
        self.mail = f"http://127.0.0.1:{mail}"
        self._environment = {
            **os.environ,
            "MILEPOST_ENTRY_PORT": str(entry),
            "MILEPOST_ISSUER_PORT": str(issuer),
            "MILEPOST_MAILPIT_PORT": str(mail),
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "compose", "-p", PROJECT, *arguments],
            cwd=CHECKOUT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=UP_S * 2,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def doors(self, folder: Path) -> Doors:
        """The doors of all services, which are one: the entry point."""
        tokens = {
            role: self.run("exec", "-T", "ingest", "cat", f"/keys/{role}.token").strip()
            for role in STANDING_ROLES
        }
        stack_file = folder / "stack.json"
        stack_file.write_text(json.dumps({**dict.fromkeys(SERVICES, self.entry), "tokens": tokens}))
        return Doors(stack_file)

    def mails(self, recipient: str) -> list[dict[str, Any]]:
        found = httpx.get(f"{self.mail}/api/v1/messages", trust_env=False).json()["messages"]
        return [mail for mail in found if recipient in json.dumps(mail)]

    def logs(self, service: str) -> list[dict[str, Any]]:
        lines = self.run("logs", "--no-log-prefix", "--no-color", service).splitlines()
        # Some versions of compose begin a line with codes for a terminal.
        return [json.loads(line[line.index("{") :]) for line in lines if "{" in line]


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    if os.environ.get("MILEPOST_TEST_COMPOSE") != "1":
        pytest.skip("MILEPOST_TEST_COMPOSE is not 1: images are built and containers started")
    assert shutil.which("docker"), "MILEPOST_TEST_COMPOSE=1, and there is no docker"
    found = Compose()
    found.run("build", "--quiet")
    try:
        began = time.monotonic()
        found.run("up", "-d", "--wait", "--wait-timeout", str(int(UP_S)))
        print(f"docker compose up -d --wait: {time.monotonic() - began:.1f} s")  # noqa: T201
        yield found
    finally:
        found.run("down", "-v", "--remove-orphans", "--timeout", "5")


@pytest.fixture(scope="module")
def doors(compose: Compose, tmp_path_factory: pytest.TempPathFactory) -> Doors:
    return compose.doors(tmp_path_factory.mktemp("compose"))


def test_a_deal_comes_in_and_a_mail_goes_out(compose: Compose, doors: Doors) -> None:
    """By the entry point alone; the trace of the deal is in the logs of who dealt with it."""
    today = datetime.now(UTC).date()
    person = f"{fresh('ada')}@partner.example"
    partner = doors.partner(admins=[person])
    plan = doors.plan(doors.strategy(APPROVED, start=today - timedelta(days=60)), partner)
    trace = f"{time.time_ns():032x}"
    told = {"deal_id": fresh("d"), "version": 1, "partner_id": partner, "status": "approved"}
    answer = doors.call(
        "POST",
        "ingest",
        "/v1/events",
        role="source",
        json=event("deal", {**told, "approved_on": str(today)}),
        headers={
            "Content-Type": "application/cloudevents+json",
            "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        },
    )
    assert answer.status_code == 202, answer.text
    eventually(
        lambda: doors.progress(plan["plan_id"])["goal_groups"][0]["goals"][0]["value"],
        lambda value: value == "1",
    )
    for service in ("ingest", "progress"):
        eventually(
            lambda service=service: compose.logs(service),  # type: ignore[misc]
            lambda lines: any(
                trace in (line.get("trace_id"), *line.get("traces", [])) for line in lines
            ),
        )
    due = (today + timedelta(days=40)).isoformat() + "T12:00:00Z"
    compose.run("run", "--rm", "-T", "clock", due)
    mails = eventually(lambda: compose.mails(person), bool, within=60)
    text = httpx.get(f"{compose.mail}/api/v1/message/{mails[0]['ID']}", trust_env=False).text
    assert f"{compose.entry}/portal/plans/{plan['plan_id']}" in text
    ticks = doors.get("notifier", "/v1/ticks", params={"plan_id": plan["plan_id"]})["items"]
    traces = {line.get("trace_id") for line in compose.logs("notifier")}
    assert ticks[0]["tick_id"].replace("-", "") in traces
    status = json.loads(compose.run("run", "--rm", "-T", "operations", "status", "--json"))
    assert {one["status"] for one in status["services"].values()} == {"ok"}


def test_people_sign_in_and_stay_signed_in_at_every_page(compose: Compose) -> None:
    with httpx.Client(trust_env=False, timeout=30, follow_redirects=True) as browser:
        offer = browser.get(f"{compose.entry}/strategies")
        assert offer.status_code == 200, offer.text
        fields = dict(parse_qsl(urlsplit(str(offer.url)).query))
        page = browser.post(
            str(offer.url.copy_with(query=None)),
            data={**fields, "role": "administrator", "email": "robin@supplier.example"},
        )
        assert page.status_code == 200, page.text
        assert str(page.url) == f"{compose.entry}/strategies"
        for path in ("/", "/strategies", "/partners", "/portal-pages", "/mails", "/questions"):
            seen = browser.get(compose.entry + path)
            assert seen.status_code == 200, path
            for file in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', seen.text)):
                assert browser.get(compose.entry + file).status_code == 200, file


def test_replicas_of_progress_share_the_partitions(compose: Compose) -> None:
    compose.run("up", "-d", "--wait", "--no-recreate", "--scale", "progress=3", "progress")

    def held() -> list[float]:
        names = compose.run("ps", "-q", "progress").split()
        read = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/metrics').read().decode())"
        found = []
        for name in names:
            done = subprocess.run(
                ["docker", "exec", name, "python", "-c", read],
                capture_output=True,
                text=True,
                check=True,
            )
            pattern = r'milepost_consumer_partitions\{[^}]*"milepost.activity.v1"\} ([\d.]+)'
            found.append(sum(float(number) for number in re.findall(pattern, done.stdout)))
        return found

    eventually(held, lambda found: found == [2, 2, 2], within=60)


def test_containers_are_bound_as_they_say(compose: Compose) -> None:
    for service in ("ingest", "plans", "progress", "notifier", "entry"):
        [name, *_] = compose.run("ps", "-q", service).split()
        told = docker("inspect", name)[0]
        assert told["HostConfig"]["ReadonlyRootfs"], service
        assert told["HostConfig"]["CapDrop"] == ["ALL"], service
        assert told["Config"]["User"] == "10001:10001", service
        image = docker("image", "inspect", told["Image"])[0]
        assert image["Size"] < MOST_BYTES, service
        assert told["State"]["Health"]["Status"] == "healthy", service
