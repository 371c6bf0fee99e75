"""Why a request is not granted. Doors turn these into answers."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Flaw:
    """One field at fault: where it stands in the body (JSON pointer) and what is wrong with it."""

    pointer: str
    detail: str


class RefusalError(Exception):
    """A request that is understood and not granted."""


class NotFoundError(RefusalError):
    """There is no such thing."""


class ConflictError(RefusalError):
    """The request is at odds with how things stand."""


class StaleError(RefusalError):
    """Somebody else has changed it since it was read."""


class InvalidError(RefusalError):
    """The input is not valid; `flaws` names every field at fault."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        super().__init__("The input is not valid")
        self.flaws = list(flaws)


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of a place in a body."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
