"""The chart, rendered by helm for each of its example value files. No cluster is needed.

Skipped where there is no helm and none can be brought, except in CI.
"""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from deploy.chart import CHART, NoHelmError, find_helm
from tests.chart.manifests import Rendered

EXAMPLES = sorted((CHART / "ci").glob("*.yaml"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("chart")


class Helm:
    """Runs helm with a home of its own."""

    def __init__(self, binary: Path, home: Path) -> None:
        self._binary = binary
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        self.render = cache(self._render)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._binary, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def refusal(self, example: str, *settings: str) -> str:
        """What helm says against these values."""
        done = self.run("template", "m", CHART, *_options(example, settings))
        assert done.returncode, "nobody minded"
        return done.stderr

    def _render(self, example: str, *settings: str, release: str = "sales") -> Rendered:
        """The manifests for an example, with `key=value` laid over it."""
        place = ("--namespace", "milepost", "--kube-version", "1.34.0")
        done = self.run("template", release, CHART, *place, *_options(example, settings))
        assert done.returncode == 0, done.stderr
        return Rendered.of(done.stdout)


def _options(example: str, settings: tuple[str, ...]) -> list[str]:
    options = ["--values", str(CHART / "ci" / f"{example}.yaml")]
    for setting in settings:
        options += ["--set", setting]
    return options


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    try:
        return Helm(find_helm(), tmp_path_factory.mktemp("helm"))
    except NoHelmError as failure:
        if os.environ.get("CI") == "true":
            pytest.fail(str(failure))
        pytest.skip(str(failure))


@pytest.fixture(params=[path.stem for path in EXAMPLES])
def example(request: pytest.FixtureRequest) -> str:
    """The name of an example value file; tests run for each."""
    name: str = request.param
    return name


@pytest.fixture
def rendered(helm: Helm, example: str) -> Rendered:
    """The manifests for that example."""
    return helm.render(example)
