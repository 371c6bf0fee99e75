"""Values that cannot be are refused before anything is installed, and the refusal names them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deploy.chart import CHART
from tests.chart.conftest import Helm

REQUIRED = (
    "kafka/bootstrap",
    "postgresql/host",
    "postgresql/existingSecret",
    "oidc/issuer",
    "oidc/jwks",
    "serviceToken/existingSecret",
    "mail/host",
    "mail/from",
)
WRONG = {
    "environment=staging": "/environment",
    "image.tag=latest": "image.tag",
    "image.pullPolicy=Sometimes": "/image/pullPolicy",
    "kafka.bootstrap=nowhere": "/kafka/bootstrap",
    "kafka.partitions=0": "/kafka/partitions",
    "kafka.bundled=true": "/kafka/bootstrap",
    "postgresql.sslMode=verify-full": "/postgresql/ca/existingSecret",
    "postgresql.port=70000": "/postgresql/port",
    "oidc.jwks=http://id.example": "/oidc/jwks",
    "sessions.existingSecret=Not_A_Name": "/sessions/existingSecret",
    "mail.tls=none": "/mail/tls",
    "mail.username=milepost": "/mail/password/existingSecret",
    "mail.dkim.selector=s1": "/mail/dkim/existingSecret",
    "mail.bounces.address=b@mail.example": "/mail/bounces/existingSecret",
    "progress.replica=2": "replica",
    "progress.replicas=7": "progress.replicas",
    "progress.sessionSeconds=5": "/progress/sessionSeconds",
    "plans.settings.mailHour=8": "mailHour",
    "plans.settings.KAFKA=x": "plans.settings.KAFKA",
    "plans.settings.MILEPOST_MAIL_HOUR=8": "plans.settings.MILEPOST_MAIL_HOUR",
    "notifier.settings.DKIM_KEY=x": "notifier.settings.DKIM_KEY",
    "ingest.secretSettings.SOURCE_A_SECRET.key=x": "/ingest/secretSettings/SOURCE_A_SECRET",
    "ingest.host=https://events.example": "/ingest/host",
    "ingress.enabled=true": "networkPolicies.clients",
    "serviceMonitors.enabled=true": "networkPolicies.monitoring",
}
TOO_MUCH = {
    "progress.scaling.maxReplicas=13": "progress.scaling.maxReplicas",
    "ingest.scaling.minReplicas=7": "ingest.scaling.maxReplicas",
    "plans.host=portal.example": "progress.host",
    "plans.host=": "plans.host",
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_value_is_refused_by_name(helm: Helm, setting: str) -> None:
    assert WRONG[setting] in helm.refusal("minimal", setting)


@pytest.mark.parametrize("setting", TOO_MUCH)
def test_values_that_contradict_each_other_are_refused_by_name(helm: Helm, setting: str) -> None:
    assert TOO_MUCH[setting] in helm.refusal("everything", setting)


def test_everything_that_is_required_is_asked_for_at_once(helm: Helm) -> None:
    done = helm.run("template", "m", CHART)
    assert done.returncode
    assert [name for name in REQUIRED if f"/{name}'" not in done.stderr] == []


def test_the_schema_and_the_defaults_know_the_same_values() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(_told(schema)) - {"global"} == set(_given(defaults, set(_told(schema))))


def _told(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Paths of the values that are described one by one."""
    for name, inner in schema["properties"].items():
        here = f"{path}{name}"
        if "properties" in inner:
            yield from _told(inner, f"{here}.")
        else:
            yield here


def _given(values: dict[str, Any], leaves: set[str], path: str = "") -> Iterator[str]:
    for name, inner in values.items():
        here = f"{path}{name}"
        if isinstance(inner, dict) and here not in leaves:
            yield from _given(inner, leaves, f"{here}.")
        else:
            yield here
