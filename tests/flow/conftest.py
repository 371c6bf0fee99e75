"""What flow tests share."""

from collections.abc import Iterator

import pytest

from tests.backends.stack import RunningStack
from tests.flow.doors import Doors


@pytest.fixture(scope="session")
def doors(stack: RunningStack) -> Iterator[Doors]:
    """The doors of the stack that flow tests share."""
    opened = Doors(stack.home / "stack.json")
    yield opened
    opened.http.close()
