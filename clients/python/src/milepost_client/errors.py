"""What sending may end with."""


class MilepostError(Exception):
    """Sending ended before everything was sent."""

    def __init__(self, said: str, *, accepted: int = 0) -> None:
        super().__init__(said)
        self.accepted = accepted
        """How many events had been acknowledged by then."""


class RefusedError(MilepostError):
    """Nothing of this kind will ever be taken: the token, the role or the address is wrong."""


class UnavailableError(MilepostError):
    """Milepost did not take events for longer than the client was to wait."""
