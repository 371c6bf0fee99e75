"""What flow tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.doors import Doors


@pytest.fixture(scope="session")
def doors(request: pytest.FixtureRequest) -> Iterator[Doors]:
    """The doors of the stack that flow tests share.

    `MILEPOST_TEST_STACK` may name the `stack.json` of one that runs already, to try a test again
    and again without waiting for a stack of its own.
    """
    running = os.environ.get("MILEPOST_TEST_STACK")
    stack_file = Path(running) if running else request.getfixturevalue("stack").home / "stack.json"
    opened = Doors(stack_file)
    yield opened
    opened.http.close()
