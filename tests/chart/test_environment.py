"""Every variable that the chart sets is one that is read, and every one that is needed is set."""

import ast
import inspect
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg.connect_utils
import pytest

from deploy import migrate, topics
from deploy.local.home import PREFIX
from deploy.operations.settings_check import SETTINGS, unknown_variables
from services.ingest.handlers.sources import open_sources
from shared.runtime.settings import find_flaws
from shared.runtime.tracing import ENDPOINTS
from tests.architecture.source import ROOT, SERVICES
from tests.chart.conftest import Helm
from tests.chart.manifests import Pod, Rendered

SECRET = "a-secret-of-32-characters-or-more-with-@:/%-in-it"

OF_LIBRARIES = {"PGPASSWORD", *ENDPOINTS}
"""The database driver's, and OpenTelemetry's."""
READ_ADDRESS: Any = getattr(asyncpg.connect_utils, "_parse_connect_dsn_and_args")  # noqa: B009


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Told":
    for name in list(os.environ):
        if name.startswith((PREFIX, "PG")):
            monkeypatch.delenv(name)
    return Told(monkeypatch, tmp_path)


class Told:
    """Gives this process the environment that a pod would have, its secrets as files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._folder = folder

    def as_in(self, pod: Pod) -> None:
        files = self._files(pod)
        for name, entry in pod.environment.items():
            value = entry.get("value", SECRET)
            if name.startswith(PREFIX) and name.endswith("_FILE"):
                value = str(files[value])
            self._monkeypatch.setenv(name, value)

    def _files(self, pod: Pod) -> dict[str, Path]:
        """Path in the pod → a file here, for what the volume of secrets holds."""
        [mount] = [
            one["mountPath"] for one in pod.container["volumeMounts"] if one["name"] == "secrets"
        ] or [""]
        found = {}
        for volume in pod.spec["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                for item in source["secret"]["items"]:
                    here = self._folder / item["path"]
                    here.write_text(SECRET + "\n")
                    found[f"{mount}/{item['path']}"] = here
        return found


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_would_start_with_what_it_is_told(
    told: Told, rendered: Rendered, service: str
) -> None:
    told.as_in(rendered.pod(service))
    assert find_flaws(SETTINGS[service]) == []
    assert list(unknown_variables()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_only_what_it_reads_itself(rendered: Rendered, service: str) -> None:
    read = {f"{PREFIX}{field.upper()}" for field in SETTINGS[service].model_fields}
    for name in rendered.pod(service).environment:
        if name not in OF_LIBRARIES and not name.startswith(f"{PREFIX}SOURCE_"):
            assert name in read or name.removesuffix("_FILE") in read


def test_a_source_of_the_settings_is_one_that_the_image_has(told: Told, helm: Helm) -> None:
    told.as_in(helm.render("everything").pod("ingest"))
    assert "hubspot-deals" in open_sources(ROOT / "deploy" / "sources", os.environ)


@pytest.mark.parametrize(("component", "module"), [("migrate", migrate), ("topics", topics)])
def test_jobs_are_told_what_they_read(rendered: Rendered, component: str, module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    read = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(PREFIX)
    }
    if component == "migrate":
        read = {name for name in read if name.isupper() and "<" not in name and name != PREFIX}
        read |= {f"{PREFIX}{service.upper()}_PASSWORD" for service in migrate.SERVICES}
    told = set(rendered.pod(component).environment) - {"PGPASSWORD"}
    assert told == read


@pytest.mark.parametrize("service", SERVICES)
def test_the_driver_finds_the_password_of_the_services_own_role(
    told: Told, helm: Helm, service: str
) -> None:
    pod = helm.render("minimal").pod(service)
    told.as_in(pod)
    given = dict.fromkeys(inspect.signature(READ_ADDRESS).parameters)
    addresses, parameters, *_ = READ_ADDRESS(**given | {"dsn": os.environ["MILEPOST_DATABASE_URL"]})
    assert addresses == [("postgres.data.svc", 5432)]
    assert (parameters.user, parameters.password) == (f"milepost_{service}", SECRET)
    assert parameters.database == "milepost"
    assert parameters.sslmode.name == "require"
    [key] = {pod.environment["PGPASSWORD"]["valueFrom"]["secretKeyRef"]["key"]}
    assert key == f"{service}-password"


def test_migrations_go_by_the_administrators_role(helm: Helm) -> None:
    told = helm.render("everything").pod("migrate").environment
    address = urlsplit(told["MILEPOST_ADMIN_DATABASE_URL"]["value"])
    assert (address.username, address.password, address.path) == ("owner", None, "/sales")
    assert told["PGPASSWORD"]["valueFrom"]["secretKeyRef"]["key"] == "admin-password"
    assert "sslrootcert=/run/database/ca.crt" in address.query
    mounts = helm.render("everything").pod("migrate").container["volumeMounts"]
    assert {"name": "database-ca", "mountPath": "/run/database", "readOnly": True} in mounts


def test_large_numbers_are_spelled_out(helm: Helm) -> None:
    rendered = helm.render("everything")
    told = rendered.pod("ingest").environment
    assert told["MILEPOST_MAX_UPLOAD"]["value"] == "2147483648"
    assert rendered.pod("notifier").environment["MILEPOST_WEBHOOK_RETRY_DAYS"]["value"] == "1.5"


def test_traces_go_where_the_values_say_and_may_get_there(helm: Helm) -> None:
    rendered = helm.render("everything")
    for service in SERVICES:
        told = rendered.pod(service).environment
        assert (
            told["OTEL_EXPORTER_OTLP_ENDPOINT"]["value"] == "http://collector.monitoring.svc:4318"
        )
        [policy] = [
            one
            for one in rendered.of_kind("NetworkPolicy")
            if rendered.pod(service).is_chosen_by(one["spec"]["podSelector"]["matchLabels"])
        ]
        assert {"ports": [{"port": 4318}]} in policy["spec"]["egress"]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in helm.render("minimal").pod("plans").environment


def test_links_lead_to_the_hosts_that_browsers_know(helm: Helm) -> None:
    told = helm.render("everything").pod("plans").environment
    found = {name: told[f"{PREFIX}{name}_URL"]["value"] for name in ("PUBLIC", "PORTAL", "MAILS")}
    assert found == {
        "PUBLIC": "https://console.example",
        "PORTAL": "https://portal.example",
        "MAILS": "https://mail.example",
    }
