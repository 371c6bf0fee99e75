"""What the chart makes fits together, and is what a cluster with strict rules takes."""

import importlib.util
import tomllib
from itertools import chain
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.chart import CHART, CHECKOUT
from services.ingest.consumers import GROUP
from services.progress.consumers import Consumers
from services.progress.settings import ProgressSettings
from shared.kernel.clock import SystemClock
from shared.messaging import topics
from shared.messaging.consumer import make_broker
from shared.postgres.pool import create_pool
from tests.architecture.source import SERVICES
from tests.chart.conftest import Helm
from tests.chart.manifests import Manifest, Pod, Rendered

RULES = "deploy/observability/rules/milepost.yml"
OF_OTHERS = {"PrometheusRule", "ScaledObject", "ServiceMonitor"}
"""Kinds that Kubernetes itself does not know."""
VERSIONS = ("1.30", "1.37")


def test_helm_finds_nothing_to_say(helm: Helm, example: str) -> None:
    done = helm.run("lint", CHART, "--strict", "--values", CHART / "ci" / f"{example}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_take_every_manifest(rendered: Rendered, version: str) -> None:
    for one in rendered.manifests:
        if one["kind"] not in OF_OTHERS:
            kubernetes_validate.validate(one, version, strict=True)


def test_the_versions_of_chart_and_project_agree() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == project["version"]


def test_names_are_told_apart_and_are_short_enough(helm: Helm, example: str) -> None:
    long = "a-release-of-some-team-with-a-name-that-is-fifty-3"
    one, other = helm.render(example), helm.render(example, release=long)
    names = [(made["kind"], made["metadata"]["name"]) for made in one.manifests]
    assert len(set(names)) == len(names)
    others = [(made["kind"], made["metadata"]["name"]) for made in other.manifests]
    assert set(names).isdisjoint(others)
    for kind, name in others:
        # A pod of a StatefulSet has a label with its name and a revision's behind.
        assert len(name) <= (52 if kind == "StatefulSet" else 63)
    for pod in one.pods:
        assert not other.chosen_by(pod.labels)


# --- selectors and ports -------------------------------------------------------------------------


def test_each_service_has_one_workload_one_service_and_one_budget(rendered: Rendered) -> None:
    for name in SERVICES:
        pod = rendered.pod(name)
        chosen = pod.owner["spec"]["selector"]["matchLabels"]
        assert [found.component for found in rendered.chosen_by(chosen)] == [name]
        for kind in ("Service", "PodDisruptionBudget"):
            [only] = [
                one
                for one in rendered.of_kind(kind)
                if pod.is_chosen_by(_selector(one)) and one["spec"].get("clusterIP") != "None"
            ]
            assert only["metadata"]["name"] == pod.owner["metadata"]["name"]


def test_every_selector_chooses_one_kind_of_pod(rendered: Rendered) -> None:
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet"):
        for one in rendered.of_kind(kind):
            chosen = rendered.chosen_by(_selector(one))
            assert len({pod.component for pod in chosen}) == 1, one["metadata"]


def test_ports_are_named_as_pods_name_them(rendered: Rendered) -> None:
    for service in rendered.of_kind("Service"):
        for pod in rendered.chosen_by(_selector(service)):
            for port in service["spec"]["ports"]:
                assert pod.ports[port["targetPort"]] == port["port"]
    for pod in rendered.pods:
        for probe in _probes(pod):
            for way in ("httpGet", "tcpSocket"):
                assert way not in probe or probe[way]["port"] in pod.ports
    for policy in rendered.of_kind("NetworkPolicy"):
        [pod] = rendered.chosen_by(_selector(policy))
        told = [
            port["port"] for rule in policy["spec"].get("ingress", []) for port in rule["ports"]
        ]
        assert set(told) == set(pod.ports)


def test_probes_ask_what_services_answer(rendered: Rendered) -> None:
    for name in SERVICES:
        container = rendered.pod(name).container
        assert container["startupProbe"]["httpGet"]["path"] == "/livez"
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_alerts_are_those_of_the_project(helm: Helm) -> None:
    [rule] = helm.render("everything").of_kind("PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHECKOUT / RULES).read_text())


def test_monitors_find_each_service_once(helm: Helm) -> None:
    rendered = helm.render("everything")
    monitors = rendered.of_kind("ServiceMonitor")
    assert len(monitors) == len(SERVICES)
    for monitor in monitors:
        chosen = monitor["spec"]["selector"]["matchLabels"].items()
        [service] = [
            one
            for one in rendered.of_kind("Service")
            if chosen <= one["metadata"]["labels"].items()
        ]
        [endpoint] = monitor["spec"]["endpoints"]
        assert endpoint["path"] == "/metrics"
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert monitor["spec"]["namespaceSelector"]["matchNames"] == ["milepost"]


def test_ingresses_lead_to_services_by_a_host_each(helm: Helm) -> None:
    rendered = helm.render("everything")
    hosts = []
    for ingress in rendered.of_kind("Ingress"):
        [rule] = ingress["spec"]["rules"]
        [path] = rule["http"]["paths"]
        service = rendered.named("Service", path["backend"]["service"]["name"])
        assert path["backend"]["service"]["port"]["name"] == service["spec"]["ports"][0]["name"]
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
        hosts.append(rule["host"])
    assert len(set(hosts)) == len(SERVICES)


# --- safety --------------------------------------------------------------------------------------


def test_secrets_are_named_and_never_made(rendered: Rendered) -> None:
    assert rendered.of_kind("Secret") == []
    assert rendered.of_kind("ConfigMap") == []
    for pod in rendered.pods:
        for name, entry in pod.environment.items():
            if name.endswith(("PASSWORD", "_KEY", "_SECRET", "_TOKEN")):
                assert entry["valueFrom"]["secretKeyRef"]["name"]
            assert ":" not in entry.get("value", "").partition("//")[2].rpartition("@")[0]


def test_pods_may_do_nothing_that_they_do_not_need(rendered: Rendered) -> None:
    for pod in rendered.pods:
        assert pod.spec["automountServiceAccountToken"] is False
        # A Service named milepost-port would come as MILEPOST_PORT.
        assert pod.spec["enableServiceLinks"] is False
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        own = pod.container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is (pod.component != "kafka")
        assert pod.container["resources"]["limits"]["memory"]
        assert pod.container["resources"]["requests"]["cpu"]


def test_images_have_a_version(rendered: Rendered) -> None:
    for pod in rendered.pods:
        _, colon, tag = pod.container["image"].rpartition(":")
        assert colon
        assert tag not in ("", "latest")


def test_every_pod_has_one_policy_for_both_ways(rendered: Rendered) -> None:
    policies = rendered.of_kind("NetworkPolicy")
    for pod in rendered.pods:
        [policy] = [one for one in policies if pod.is_chosen_by(_selector(one))]
        assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}


def test_policies_let_pods_reach_what_they_are_told_of(rendered: Rendered) -> None:
    """Every host and port of a pod's environment is one that its policy lets it reach."""
    for pod in rendered.pods:
        [policy] = [
            one for one in rendered.of_kind("NetworkPolicy") if pod.is_chosen_by(_selector(one))
        ]
        rules = policy["spec"].get("egress", [])
        open_ports = {port["port"] for rule in rules for port in rule["ports"]}
        assert open_ports >= set(_ports_told(pod))
        if pod.component != "postgresql":
            assert 53 in open_ports


def _ports_told(pod: Pod) -> list[int]:
    told = {name: entry.get("value", "") for name, entry in pod.environment.items()}
    found = [
        int(one.rpartition(":")[2]) for one in told.get("MILEPOST_KAFKA", "").split(",") if one
    ]
    for name in ("DATABASE_URL", "ADMIN_DATABASE_URL", "PLANS_URL", "PROGRESS_URL", "INGEST_URL"):
        address = told.get(f"MILEPOST_{name}", "").partition("//")[2].partition("/")[0]
        found += [int(address.rpartition(":")[2])] if address else []
    if port := told.get("MILEPOST_SMTP_PORT"):
        found.append(int(port))
    return found


# --- jobs and scaling ----------------------------------------------------------------------------


def test_migrations_come_before_topics_and_both_before_the_services(helm: Helm) -> None:
    rendered = helm.render("minimal")
    hooks = {}
    for job in rendered.of_kind("Job"):
        notes = job["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "before-hook-creation" in notes["helm.sh/hook-delete-policy"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        assert importlib.util.find_spec(container["command"][-1])
        hooks[container["command"][-1]] = int(notes["helm.sh/hook-weight"])
    assert sorted(hooks, key=lambda module: hooks[module]) == ["deploy.migrate", "deploy.topics"]


def test_a_job_may_speak_before_it_begins_to(rendered: Rendered) -> None:
    """A hook's policy is a hook before it; of a plain job, a plain one."""
    for component in ("migrate", "topics"):
        pod = rendered.pod(component)
        [policy] = [
            one for one in rendered.of_kind("NetworkPolicy") if pod.is_chosen_by(_selector(one))
        ]
        notes = [one["metadata"].get("annotations", {}) for one in (policy, pod.owner)]
        first, then = [one.get("helm.sh/hook-weight") for one in notes]
        assert (first is None) == (then is None)
        assert first is None or int(first) < int(then)
        assert notes[0].get("helm.sh/hook") == notes[1].get("helm.sh/hook")


def test_what_comes_along_is_prepared_after_it_and_anew_for_each_revision(helm: Helm) -> None:
    jobs = helm.render("bundled").of_kind("Job")
    assert len(jobs) == 2
    for job in jobs:
        assert "annotations" not in job["metadata"]
        assert job["metadata"]["name"].endswith("-1")
        assert job["spec"]["backoffLimit"] > 3  # the server may take its time to come


def test_a_single_node_is_asked_for_single_copies(helm: Helm) -> None:
    told = helm.render("bundled").pod("topics").environment
    assert told["MILEPOST_REPLICATION"]["value"] == "1"


def test_a_replica_of_progress_has_its_pods_name_as_its_place(rendered: Rendered) -> None:
    pod = rendered.pod("progress")
    assert pod.owner["kind"] == "StatefulSet"
    place = pod.environment["MILEPOST_GROUP_PLACE"]["valueFrom"]
    assert place == {"fieldRef": {"fieldPath": "metadata.name"}}
    headless = rendered.named("Service", pod.owner["spec"]["serviceName"])
    assert headless["spec"]["clusterIP"] == "None"
    others = [found for found in rendered.pods if found.component != "progress"]
    assert not any("MILEPOST_GROUP_PLACE" in found.environment for found in others)


async def test_scaling_goes_by_the_lag_of_groups_that_there_are(helm: Helm) -> None:
    heard = {(GROUP, topics.INBOUND), *(await _heard_by_progress())}
    for scaled in helm.render("everything").of_kind("ScaledObject"):
        for trigger in scaled["spec"]["triggers"]:
            told = trigger["metadata"]
            assert (told["consumerGroup"], told["topic"]) in heard
            assert told["limitToPartitionsWithLag"] == "true"
            assert told["lagThreshold"].isdigit()
            assert all(isinstance(value, str) for value in told.values())


async def _heard_by_progress() -> list[tuple[str | None, str]]:
    settings: Any = ProgressSettings.model_construct()
    pool = await create_pool("postgresql://nobody@127.0.0.1:1/none")
    consumers = Consumers(make_broker("127.0.0.1:1", client_id="t"), pool, SystemClock(), settings)
    await pool.close()
    return [(one.group, topic) for one in consumers.subscriptions for topic in one.topics]


def test_what_is_scaled_keeps_its_replicas_at_an_upgrade_and_shrinks_slowly(helm: Helm) -> None:
    rendered = helm.render("everything")
    scaled = rendered.of_kind("ScaledObject")
    assert len(scaled) == 2
    for one in scaled:
        target = one["spec"]["scaleTargetRef"]
        workload = rendered.named(target["kind"], target["name"])
        assert "replicas" not in workload["spec"]
        behavior = one["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 600
        [policy] = behavior["scaleDown"]["policies"]
        assert policy["value"] == 1


def test_what_is_switched_off_is_not_made(helm: Helm) -> None:
    off = [f"{part}.enabled=false" for part in ("jobs", "podDisruptionBudgets", "networkPolicies")]
    kinds = {one["kind"] for one in helm.render("minimal", *off).manifests}
    assert kinds == {"Deployment", "StatefulSet", "Service", "Pod"}


def _selector(one: Manifest) -> dict[str, str]:
    spec = one["spec"]
    found = spec.get("selector") or spec["podSelector"]
    labels: dict[str, str] = found.get("matchLabels", found)
    return labels


def _probes(pod: Pod) -> list[Manifest]:
    kinds = ("startupProbe", "livenessProbe", "readinessProbe")
    return list(chain(pod.container[kind] for kind in kinds if kind in pod.container))
