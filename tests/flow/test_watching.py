"""Alerts and dashboards are held to the metrics that services really have."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.home import CHECKOUT, SERVICES
from tests.flow.doors import Doors, event, eventually
from tests.flow.test_spine import APPROVED, deal, planned

HERE = Path(__file__).parent
FOLDER = CHECKOUT / "deploy" / "observability"
RULES = FOLDER / "rules" / "milepost.yml"
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"up"}
_NAME = re.compile(r"\b(?:milepost|process)_[a-z0-9_]+|\bup\b")
_SELECTOR = re.compile(r"\{[^{}]*\}")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_BY = re.compile(r"\bby\s*\(([^)]*)\)")
OF_SCRAPES = {"job", "instance", "le"}


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of alerts and dashboards, with where it stands."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for dashboard in DASHBOARDS:
        for panel in json.loads(dashboard.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{dashboard.stem}: {panel['title']}", target["expr"]


@pytest.fixture(scope="module")
def exposed(doors: Doors) -> dict[str, set[str]]:
    """Sample → its labels, of all four services; a metric that has no sample yet has no labels."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        text = httpx.get(f"{doors.stack[service]}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(text):
            for name in names_of(family):
                found.setdefault(name, set())
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


def names_of(family: Any) -> list[str]:
    """The samples that a metric has once it has any."""
    tails = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    return [family.name + tail for tail in tails.get(family.type, [""])]


@pytest.mark.flow
@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_every_metric_that_is_named_exists(
    exposed: dict[str, set[str]], place: str, expression: str
) -> None:
    without_selectors = _SELECTOR.sub("", expression)
    names = set(_NAME.findall(_BY.sub("", without_selectors))) - OF_PROMETHEUS
    assert names <= exposed.keys(), place
    known = set().union(*(exposed[name] for name in names)) | OF_SCRAPES
    if not any(exposed[name] for name in names):
        return  # nothing has happened yet that would show its labels
    for labels in _BY.findall(without_selectors):
        assert {one.strip() for one in labels.split(",")} <= known, place
    for selector in _SELECTOR.findall(expression):
        assert set(_MATCHER.findall(selector)) <= known, place


@pytest.mark.flow
def test_no_label_of_any_metric_names_a_person_or_a_plan(doors: Doors) -> None:
    """Labels are bounded: kinds, states, topics, routes."""
    allowed = {
        *("method", "route", "status", "door", "type", "outcome", "reason", "record", "state"),
        *("partition", "topic", "group", "lane", "kind", "le"),
        *("implementation", "major", "minor", "patchlevel", "version", "generation"),
    }
    for service in SERVICES:
        text = httpx.get(f"{doors.stack[service]}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                assert set(sample.labels) <= allowed, family.name
                assert not any("@" in value for value in sample.labels.values()), family.name
                assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", str(sample.labels)), family.name


@pytest.mark.flow
def test_a_deals_trace_is_in_the_logs_of_who_dealt_with_it(doors: Doors) -> None:
    """From the request by the header of the Kafka record to the transaction; no person is named."""
    partner, _, plan = planned(doors, APPROVED)
    trace = uuid4().hex
    answer = doors.call(
        "POST",
        "ingest",
        "/v1/events",
        role="source",
        content=json.dumps(event("deal", deal(doors, partner))),
        headers={
            "Content-Type": "application/cloudevents+json",
            "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        },
    )
    assert answer.status_code == 202
    doors.shows(plan["plan_id"], "1")

    def lines(service: str) -> list[dict[str, Any]]:
        log = Path(doors.stack["logs"][service]).read_text().splitlines()
        return [json.loads(line) for line in log if trace in line]

    [request] = eventually(lambda: lines("ingest"), bool)
    assert request["trace_id"] == trace
    assert request["route"] == "/v1/events"
    [committed] = eventually(lambda: lines("progress"), bool)
    assert trace in committed["traces"]
    assert committed["trace_id"] != trace


def test_every_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
            assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]


def test_alerts_fire_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: prometheus)")
    done = subprocess.run(
        [promtool, "test", "rules", str(HERE / "alerts.test.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_would_take_its_settings(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: prometheus)")
    settings = (FOLDER / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(
        settings.replace("/etc/prometheus/rules", str(RULES.parent))
    )
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_are_whole(dashboard: Path) -> None:
    found = json.loads(dashboard.read_text())
    assert found["uid"] == f"milepost-{dashboard.stem}"
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in found["panels"]:
        assert panel["datasource"]["uid"] == "${source}"
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
