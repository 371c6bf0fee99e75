"""The committed AsyncAPI document is what the door plates and the events' models say."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest

from deploy.documents import FOLDER, SERVICES, asyncapi, schemas
from tests.contract.test_samples import SAMPLES

SCHEMAS = dict(schemas())


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def test_the_committed_document_is_current() -> None:
    committed = json.loads((FOLDER / "asyncapi.json").read_text())
    assert committed == json.loads(json.dumps(asyncapi())), "run `make documents`"


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()
    for reference in set(_references(document)):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


@pytest.mark.parametrize("topic", SCHEMAS)
def test_the_committed_schema_of_a_topic_is_current(topic: str) -> None:
    committed = json.loads((FOLDER / "schemas" / f"{topic}.schema.json").read_text())
    assert committed == SCHEMAS[topic], "run `make documents`"
    jsonschema.Draft7Validator.check_schema(committed)


@pytest.mark.parametrize("event_type", SAMPLES)
def test_what_is_published_is_valid_under_the_schema_of_its_topic(event_type: str) -> None:
    sample = SAMPLES[event_type]
    value = json.loads(sample["canonical"]) if "canonical" in sample else sample["data"]
    topics = [
        topic
        for topic, channel in asyncapi()["channels"].items()
        if event_type in channel["messages"]
    ]
    assert topics
    for topic in topics:
        jsonschema.validate(value, SCHEMAS[topic], cls=jsonschema.Draft7Validator)


def test_only_topics_have_schemas() -> None:
    files = {path.name.removesuffix(".schema.json") for path in (FOLDER / "schemas").iterdir()}
    assert files == set(SCHEMAS)


@pytest.mark.parametrize("service", SERVICES)
def test_the_openapi_documents_are_openapi(service: str) -> None:
    document = json.loads((FOLDER / f"{service}.openapi.json").read_text())
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)
