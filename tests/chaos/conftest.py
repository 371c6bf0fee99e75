"""What the tests of a module that kill parts play on."""

from collections.abc import Callable, Iterator

import pytest

from tests.backends.stack import RunningStack
from tests.chaos.play import Play, begin


@pytest.fixture(scope="module")
def play(make_stack: Callable[..., RunningStack]) -> Iterator[Play]:
    stack = make_stack().up()
    yield begin(stack)
    stack.down(wipe=True)
