"""What is committed names no machine: no home folders, no hosts, no download addresses."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT

MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:home|Users|root|work|tmp|private|mnt)/[\w.-]+")
ADDRESS = re.compile(r"\b[a-z][a-z+.-]*://([^/\s\"'`<>)\]:,;\\{}]+)")
NOBODYS = re.compile(
    r"^(?:.*@)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]"
    r"|(?:[\w.-]+\.)?example(?:\.(?:com|org|net))?|[\w.-]+\.(?:test|invalid|local|svc|localdomain)|…|\.\.\.)$"
)
STANDARDS = {"www.w3.org", "json-schema.org", "cloudevents.io", "www.rfc-editor.org", "spdx.org"}
LICENCE = {"www.apache.org"}
LOCK = re.compile(
    r"^\s*(?:--(?:extra-)?index-url|--find-links|-f|-i|--trusted-host)\b|https?://|@ file:"
)


def committed(*patterns: str) -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield path


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except UnicodeDecodeError:
        return []


def test_no_document_or_source_names_a_path_of_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in committed()
        if path != Path(__file__)
        for number, line in enumerate(_lines(path), 1)
        if MACHINE_PATH.search(line) and "inside the container" not in line
    ]
    assert found == []


SERVICES = ("ingest", "plans", "progress", "notifier")
INSIDE = {"issuer", "postgres", "prometheus", *SERVICES, *(f"milepost_{name}" for name in SERVICES)}
"""The compose file's containers, and the roles that stand before their passwords."""


IN_COMPOSE = {"docker-compose.yml", "observability"}


def test_no_document_names_a_host() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {host}"
        for path in committed("*.md", "*.toml", "Makefile", "*.yml", "*.yaml", "*.txt", "*.in")
        for number, line in enumerate(_lines(path), 1)
        for host in ADDRESS.findall(line)
        if not NOBODYS.match(host) and host not in STANDARDS | LICENCE
        if host not in INSIDE or not (IN_COMPOSE & set(path.parts))
    ]
    assert found == []


def test_locks_carry_no_download_addresses() -> None:
    locks = [*committed("requirements/*", "*.lock", "requirements*.txt")]
    assert locks, "there are no locks"
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line}"
        for path in locks
        for number, line in enumerate(_lines(path), 1)
        if LOCK.search(line)
    ]
    assert found == []


def test_every_lock_pins_by_hash() -> None:
    for path in committed("requirements/*.txt"):
        text = path.read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        pins = [line for line in lines if not line.lstrip().startswith("#")]
        assert [line[:80] for line in pins if "==" in line and "--hash=" not in line] == []


def test_nothing_of_the_dataset_is_committed() -> None:
    names = [path.name for path in committed("*.csv")]
    assert not {"sales_pipeline.csv", "sales_teams.csv", "accounts.csv"} & set(names)
