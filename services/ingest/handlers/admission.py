"""How much is let in at the same time; who comes when it is full is told to come back."""

from collections.abc import Iterator
from contextlib import contextmanager


class OverloadedError(Exception):
    """Too much is being dealt with at the moment."""


class Ticket:
    """What one request holds of the room there is."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self.held = 0

    def take(self, size: int) -> None:
        """Hold so many bytes more. Raises OverloadedError when there is no room for them."""
        if self._admission.bytes_held + size > self._admission.max_bytes:
            raise OverloadedError
        self.held += size
        self._admission.bytes_held += size


class Admission:
    """Room for so many requests, and for so many bytes of them together."""

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.max_requests = max_requests
        self.max_bytes = max_bytes
        self.requests = 0
        self.bytes_held = 0

    @contextmanager
    def admit(self) -> Iterator[Ticket]:
        """A ticket until the block ends. Raises OverloadedError when all are taken."""
        if self.requests >= self.max_requests:
            raise OverloadedError
        self.requests += 1
        ticket = Ticket(self)
        try:
            yield ticket
        finally:
            self.requests -= 1
            self.bytes_held -= ticket.held
