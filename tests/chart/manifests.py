"""Reading rendered manifests: pods wherever they stand, what selects them, their environment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import yaml

Manifest = dict[str, Any]
MAKE_PODS = ("Deployment", "StatefulSet", "Job", "Pod")


@dataclass(frozen=True)
class Pod:
    """A pod, or what pods are made after."""

    owner: Manifest
    labels: Mapping[str, str]
    spec: Manifest

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def container(self) -> Manifest:
        [only] = self.spec["containers"]
        found: Manifest = only
        return found

    @property
    def ports(self) -> dict[str, int]:
        return {one["name"]: one["containerPort"] for one in self.container.get("ports", [])}

    @property
    def environment(self) -> dict[str, Manifest]:
        """Variable → its entry."""
        entries = self.container.get("env", [])
        found = {entry["name"]: entry for entry in entries}
        assert len(found) == len(entries), "a variable is set twice"
        return found

    def is_chosen_by(self, selector: Mapping[str, Any]) -> bool:
        return selector.items() <= self.labels.items()


@dataclass(frozen=True)
class Rendered:
    """All manifests of a release."""

    manifests: tuple[Manifest, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        return cls(tuple(one for one in yaml.safe_load_all(text) if one))

    def of_kind(self, kind: str) -> list[Manifest]:
        return [one for one in self.manifests if one["kind"] == kind]

    def named(self, kind: str, name: str) -> Manifest:
        [found] = [one for one in self.of_kind(kind) if one["metadata"]["name"] == name]
        return found

    @property
    def pods(self) -> list[Pod]:
        return list(self._pods())

    def _pods(self) -> Iterator[Pod]:
        for one in self.manifests:
            if one["kind"] not in MAKE_PODS:
                continue
            made = one if one["kind"] == "Pod" else one["spec"]["template"]
            yield Pod(one, made["metadata"]["labels"], made["spec"])

    def pod(self, component: str) -> Pod:
        [found] = [pod for pod in self.pods if pod.component == component]
        return found

    def chosen_by(self, selector: Mapping[str, Any]) -> list[Pod]:
        return [pod for pod in self.pods if pod.is_chosen_by(selector)]
