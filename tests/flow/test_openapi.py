"""The committed OpenAPI documents are what the running services say of themselves."""

import json

import pytest

from deploy.documents import FOLDER, SERVICES
from tests.flow.doors import Doors

pytestmark = pytest.mark.flow


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_document_is_current(doors: Doors, service: str) -> None:
    committed = json.loads((FOLDER / f"{service}.openapi.json").read_text())
    assert doors.get(service, "/openapi.json") == committed, "run `make documents`"
