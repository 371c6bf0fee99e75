"""Settings: everything that is wrong is named at once, and no value is repeated."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.operations.settings_check import unknown_variables
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import find_flaws, load
from tests.architecture.source import ROOT, SERVICES

RIGHT = {
    "MILEPOST_DATABASE_URL": "postgresql://user:open-sesame@db/milepost",
    "MILEPOST_OIDC_ISSUER": "https://id.example",
    "MILEPOST_OIDC_JWKS": "https://id.example/jwks",
    "MILEPOST_PROGRESS_URL": "http://progress",
    "MILEPOST_SERVICE_TOKEN": "open-sesame",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("MILEPOST_")]:
        monkeypatch.delenv(name)
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_what_is_right_has_no_flaws() -> None:
    assert find_flaws(NotifierSettings) == []


def test_wrong_values_and_contradictions_are_found_together(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delenv("MILEPOST_PROGRESS_URL")
    environment.setenv("MILEPOST_SMTP_PORT", "open-sesame")
    environment.setenv("MILEPOST_CLOCK_FILE", "/clock")
    environment.setenv("MILEPOST_MAIL_BOUNCES", "bounces@mail.example")
    environment.setenv("MILEPOST_DKIM_SELECTOR", "s1")
    found = "\n".join(find_flaws(NotifierSettings))
    assert "MILEPOST_PROGRESS_URL is not set" in found
    for variable in ("SMTP_PORT", "CLOCK_FILE", "MAIL_BOUNCES", "DKIM_SELECTOR"):
        assert f"MILEPOST_{variable}" in found
    assert "sesame" not in found


def test_a_value_beside_its_file_is_a_contradiction(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://other")
    environment.setenv("MILEPOST_DATABASE_URL_FILE", str(file))
    [flaw] = find_flaws(NotifierSettings)
    assert "MILEPOST_DATABASE_URL and MILEPOST_DATABASE_URL_FILE" in flaw


def test_a_file_that_is_not_there_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("MILEPOST_DATABASE_URL")
    environment.setenv("MILEPOST_DATABASE_URL_FILE", "/nowhere")
    environment.setenv("MILEPOST_CLOCK_FILE", "/clock")
    found = find_flaws(NotifierSettings)
    assert found[0].startswith("MILEPOST_DATABASE_URL_FILE names /nowhere")
    assert any("MILEPOST_CLOCK_FILE" in flaw for flaw in found[1:])


def test_a_misspelled_variable_is_told_from_those_that_something_reads(
    environment: pytest.MonkeyPatch,
) -> None:
    for name in ("SERVICE", "SOURCE_CRM_SECRET", "SOURCE_CRM_KEY_FILE", "DKIM_KEY_FILE"):
        environment.setenv(f"MILEPOST_{name}", "x")
    environment.setenv("MILEPOST_TIMEZONE", "UTC")
    environment.setenv("MILEPOST_SOURCE_CRM", "x")
    assert list(unknown_variables()) == ["MILEPOST_SOURCE_CRM", "MILEPOST_TIMEZONE"]


def test_loading_what_is_wrong_ends_the_process(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("MILEPOST_TIME_ZONE", "Mars/Olympus")
    with pytest.raises(SystemExit) as ended:
        load(NotifierSettings)
    assert ended.value.code == 78
    assert "MILEPOST_TIME_ZONE" in capsys.readouterr().err


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_starts_without_its_settings(service: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "MILEPOST_DATABASE_URL": "postgresql://u:open-sesame@db/x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 78
    assert "error: MILEPOST_OIDC_ISSUER is not set" in done.stderr
    assert "sesame" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
