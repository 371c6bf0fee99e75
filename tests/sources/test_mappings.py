"""Every mapping that comes with the product gives, for recorded payloads, what it always gave.

`SAMPLE.golden.json` beside a sample is what `sources test` prints for it. Samples hold words in
places that are never read; they must not come out again.
"""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.cli import typer_app
from deploy.local.home import CHECKOUT
from services.ingest.handlers.sources import read_mappings

MAPPINGS = CHECKOUT / "deploy" / "sources"
SAMPLES = Path(__file__).parent / "samples"
RECEIVED_AT = "2026-03-01T08:00:00Z"
CASES = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.glob("*/*.json")
    if not path.name.endswith(".golden.json")
)


def printed(case: str) -> tuple[str, int]:
    sample = SAMPLES / case
    mapping = MAPPINGS / f"{sample.parent.name}.yaml"
    arguments = ["sources", "test", str(mapping), str(sample), "--received-at", RECEIVED_AT]
    done = CliRunner().invoke(typer_app, arguments, catch_exceptions=False)
    return done.stdout, done.exit_code


@pytest.mark.parametrize("case", CASES)
def test_a_recorded_payload_gives_what_it_always_gave(case: str) -> None:
    output, status = printed(case)
    golden = (SAMPLES / case).with_suffix(".golden.json")
    expected = json.loads(golden.read_text())
    assert json.loads(output) == expected
    assert status == bool(expected["rejected"])


@pytest.mark.parametrize("case", CASES)
def test_subjects_and_descriptions_stay_where_they_are(case: str) -> None:
    assert "words that stay where they are" not in printed(case)[0]


def test_some_samples_hold_words_that_must_not_come_out() -> None:
    holding = {
        path.parent.name
        for path in SAMPLES.glob("*/*.json")
        if "words that stay where they are" in path.read_text()
    }
    assert holding == set(read_mappings(MAPPINGS))


def test_every_mapping_has_samples_that_give_events() -> None:
    giving = {
        path.parent.name
        for path in SAMPLES.glob("*/*.golden.json")
        if json.loads(path.read_text())["accepted"]
    }
    assert giving == set(read_mappings(MAPPINGS))


def test_every_mapping_is_told_of_in_the_documentation() -> None:
    text = (CHECKOUT / "docs" / "sources.md").read_text()
    assert [name for name in read_mappings(MAPPINGS) if f"`{name}`" not in text] == []
