"""The committed AsyncAPI document is what the door plates and the events' models say."""

import json
from collections.abc import Iterator
from typing import Any

from deploy.documents import FOLDER, asyncapi


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
