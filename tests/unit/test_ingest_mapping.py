"""Mappings are refused with the path of what is wrong, and say what they cannot use."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from deploy.local.cli import typer_app
from deploy.local.home import LocalError
from services.ingest.domain.cloud_event import Event
from services.ingest.domain.mapped import judge_items
from services.ingest.domain.mapping import (
    MappingFaultError,
    PayloadFaultError,
    SourceMapping,
    read_mapping,
)
from services.ingest.handlers.sources import SourceFaultError, open_sources

NOW = datetime(2026, 3, 1, 8, 0, 30, tzinfo=UTC)
SECRET = "a-secret-of-sixteen"
LEAD = """
description: leads
source: forms
signature: {scheme: header, name: X-Key}
constants: {house: example.com}
tables: {channels: {"1": email, "2": panel}}
items: leads
events:
  - record: lead
    when: id
    data:
      lead_id: to_string(id)
      version: epoch_ms(changed)
      partner_id: partner
      activity_type: translate(channel, 'channels')
      captured_on: utc_day(changed)
"""


def changed(*replacements: tuple[str, str]) -> str:
    text = LEAD
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(MappingFaultError) as caught:
        read_mapping("forms", text)
    return caught.value.faults


def lead(**changes: Any) -> dict[str, Any]:
    told = {"id": 7, "changed": "2026-03-01T08:00:00Z", "partner": "p1", "channel": 1}
    return {"leads": [told | changes]}


def judged(mapping: SourceMapping, payload: Any) -> list[Any]:
    zone = ZoneInfo("America/New_York")
    return [one for item in judge_items(mapping, payload, NOW, zone) for one in item]


@pytest.fixture
def mapping() -> SourceMapping:
    return read_mapping("forms", LEAD)


@pytest.mark.parametrize(
    ("old", "new", "path", "detail"),
    [
        ("to_string(id)", "to_string(id", "events[0].data.lead_id", "is no JMESPath expression"),
        ("when: id", "when: '['", "events[0].when", "is no JMESPath expression"),
        ("items: leads", "items: leads[", "items", "is no JMESPath expression"),
        ("epoch_ms(changed)", "age(changed)", "events[0].data.version", "no function age()"),
        ("utc_day(changed)", "utc_day()", "events[0].data.captured_on", "takes 1 arguments, not 0"),
        ("'channels'", "'chanels'", "events[0].data.activity_type", "no table 'chanels'"),
        ("'channels'", "channel", "events[0].data.activity_type", "in single quotes"),
        (
            "partner_id: partner",
            "partner_id: constant('hous')",
            "events[0].data.partner_id",
            "'hous'",
        ),
        ("record: lead", "record: leed", "events[0].record", "records are partner, deal"),
        ("partner_id: partner", "partnr_id: partner", "events[0].data.partnr_id", "is no field"),
        ("      captured_on: utc_day(changed)\n", "", "events[0].data", "lacks captured_on"),
        ("record: lead", "record: lead\n    change: gone", "events[0].change", "'deleted'"),
        ("partner_id: partner", "partner_id: 7", "events[0].data.partner_id", "valid string"),
        ("source: forms", "source: forms\nsauce: 1", "sauce", "not permitted"),
        ("name: X-Key", "nam: X-Key", "signature.nam", "not permitted"),
        (", name: X-Key", "", "signature", "the scheme header needs a name"),
        ("scheme: header", "scheme: hubspot_v3", "signature", "takes no name"),
        ("source: forms", "source: forms\nsource: forms", "line 4", "names 'source' twice"),
        ("items: leads", "items: [", "line 9", "expected"),
    ],
)
def test_a_faulty_mapping_is_refused_with_the_path_of_the_fault(
    old: str, new: str, path: str, detail: str
) -> None:
    found = faults(changed((old, new)))
    assert [where for where, _ in found if where == path], found
    assert any(detail in what for where, what in found if where == path), found


def test_all_faults_are_told_at_once() -> None:
    both = changed(("utc_day(changed)", "utc_day("), ("when: id", "when: '['"))
    assert {path for path, _ in faults(both)} == {"events[0].when", "events[0].data.captured_on"}


def test_an_empty_file_is_no_mapping() -> None:
    assert faults("") == [("", "Input should be a valid dictionary or instance of MappingForm")]


def test_a_good_item_becomes_an_event(mapping: SourceMapping) -> None:
    [found] = judged(mapping, lead())
    assert isinstance(found.result, Event)
    assert found.result.id == "lead/7/1772352000000/recorded"
    assert found.result.source == "forms"
    assert found.result.value == (
        b'{"activity_type":"email","captured_on":"2026-03-01","lead_id":"7",'
        b'"partner_id":"p1","version":1772352000000}'
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (
            {"channel": "3"},
            {
                "pointer": "/data/activity_type",
                "detail": "the table 'channels' has no entry for '3'",
                "mapping": "events[0].data.activity_type",
            },
        ),
        (
            {"partner": None},
            {
                "pointer": "/data/partner_id",
                "detail": "is required",
                "mapping": "events[0].data.partner_id",
            },
        ),
        (
            {"channel": {"private": "words"}},
            {
                "pointer": "/data/activity_type",
                "detail": "is neither a text nor a number",
                "mapping": "events[0].data.activity_type",
            },
        ),
    ],
)
def test_what_is_wrong_with_an_item_is_told_with_its_place_in_the_mapping(
    mapping: SourceMapping, change: dict[str, Any], error: dict[str, str]
) -> None:
    [found] = judged(mapping, lead(**change))
    assert found.errors == [error]


def test_a_time_that_is_none_is_told_once_for_each_field_made_of_it(
    mapping: SourceMapping,
) -> None:
    [found] = judged(mapping, lead(changed="a private word"))
    assert [(e["pointer"], e["detail"]) for e in found.errors] == [
        ("/data/version", "is no time that can be read"),
        ("/data/captured_on", "is no time that can be read"),
    ]


def test_a_wrong_type_is_told_without_the_value() -> None:
    mapping = read_mapping("forms", changed(("partner_id: partner", "partner_id: lower(partner)")))
    [found] = judged(mapping, lead(partner=["a private word"]))
    assert found.errors[0]["detail"] == "lower() takes string or null, not array"
    assert "private" not in str(found.errors)


def test_a_condition_that_fails_is_told_too() -> None:
    mapping = read_mapping("forms", changed(("when: id", "when: starts_with(id, 'a')")))
    [found] = judged(mapping, lead())
    assert [(e["pointer"], e["mapping"]) for e in found.errors] == [("", "events[0].when")]


def test_an_item_without_a_rule_gives_nothing(mapping: SourceMapping) -> None:
    assert judged(mapping, {"leads": [{"id": None}, {}]}) == []


@pytest.mark.parametrize("payload", [{}, [], None, {"leads": {"id": 1}}, "text", 7])
def test_a_payload_without_its_list_is_refused(mapping: SourceMapping, payload: Any) -> None:
    with pytest.raises(PayloadFaultError, match="items: gives no list"):
        judged(mapping, payload)


def test_items_that_are_anything_at_all_do_no_harm(mapping: SourceMapping) -> None:
    odd: list[Any] = [
        None,
        7,
        "text",
        [],
        [[1]],
        {"id": {}},
        {"id": 1, "changed": True, "partner": 7},
    ]
    found = judged(mapping, {"leads": odd})
    assert [one.index for one in found if one.errors] == [6]


# --- which doors are open -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web-forms.yaml").write_text(LEAD)
    return tmp_path


def test_a_mapping_with_a_secret_is_open_and_one_without_is_not(folder: Path) -> None:
    (folder / "other.yaml").write_text(LEAD)
    opened = open_sources(folder, {"MILEPOST_SOURCE_WEB_FORMS_SECRET": SECRET})
    assert {name: source.secret for name, source in opened.items()} == {"web-forms": SECRET}
    assert SECRET not in repr(opened)


def test_a_secret_may_stand_in_a_file(folder: Path) -> None:
    (folder / "secret").write_text(f"{SECRET}\n")
    variables = {"MILEPOST_SOURCE_WEB_FORMS_SECRET_FILE": str(folder / "secret")}
    assert open_sources(folder, variables)["web-forms"].secret == SECRET


def test_without_a_folder_there_are_no_doors() -> None:
    assert open_sources(None, {}) == {}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"MILEPOST_SOURCE_FORMS_SECRET": SECRET}, "FORMS_SECRET: there is no mapping"),
        ({"MILEPOST_SOURCE_WEB_FORMS_SECRET": "short"}, "FORMS_SECRET: has fewer than 16"),
        ({"MILEPOST_SOURCE_WEB_FORMS_SECRET_FILE": "nowhere"}, "FILE: FileNotFoundError"),
        (
            {"MILEPOST_SOURCE_WEB_FORMS_SECRET": SECRET, "MILEPOST_SOURCE_WEB_FORMS_KEY": "none"},
            "FORMS_KEY: is no RSA private key",
        ),
    ],
)
def test_secrets_that_do_not_fit_keep_the_service_from_starting(
    folder: Path, variables: dict[str, str], told: str
) -> None:
    with pytest.raises(SourceFaultError, match=told) as caught:
        open_sources(folder, variables)
    assert "short" not in str(caught.value)


def test_faulty_mappings_keep_the_service_from_starting_and_all_are_told(folder: Path) -> None:
    (folder / "one.yaml").write_text("description: x")
    (folder / "Two.yaml").write_text(LEAD)
    with pytest.raises(SourceFaultError) as caught:
        open_sources(folder, {})
    assert "one: source: Field required" in str(caught.value)
    assert "Two: a mapping's file is named in small letters" in str(caught.value)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceFaultError, match="MILEPOST_SOURCES: there is no folder"):
        open_sources(tmp_path / "away", {})


# --- at the desk ----------------------------------------------------------------------------------


def test_the_command_names_the_path_in_a_faulty_mapping(folder: Path) -> None:
    (folder / "web-forms.yaml").write_text(changed(("to_string(id)", "to_string(id")))
    (folder / "sample.json").write_text("{}")
    arguments = [str(folder / "web-forms.yaml"), str(folder / "sample.json")]
    for command in (["check", arguments[0]], ["test", *arguments]):
        done = CliRunner().invoke(typer_app, ["sources", *command])
        assert isinstance(done.exception, LocalError)
        assert str(done.exception).startswith("web-forms: events[0].data.lead_id: is no JMESPath")


@pytest.mark.parametrize(
    ("sample", "told"),
    [("{", "sample.json: is not valid JSON"), ("{}", "web-forms: items: gives no list")],
)
def test_the_command_says_what_is_wrong_with_a_sample(folder: Path, sample: str, told: str) -> None:
    (folder / "sample.json").write_text(sample)
    arguments = [str(folder / "web-forms.yaml"), str(folder / "sample.json")]
    done = CliRunner().invoke(typer_app, ["sources", "test", *arguments])
    assert isinstance(done.exception, LocalError)
    assert str(done.exception).startswith(told)


def test_the_command_says_that_a_mapping_is_in_order(folder: Path) -> None:
    done = CliRunner().invoke(typer_app, ["sources", "check", str(folder / "web-forms.yaml")])
    assert (done.stdout, done.exit_code) == ("web-forms: in order\n", 0)
