"""When to try again, and when to stop trying. Chance comes from the delivery's own id."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

_DOUBLINGS = 30


@dataclass(frozen=True)
class Backoff:
    """Pauses that double from `first` to `longest`, until `give_up_after` has been waited."""

    first: timedelta
    longest: timedelta
    give_up_after: timedelta | None = None

    def pause(self, attempt: int) -> timedelta:
        """How long to wait after the `attempt`-th try (1 = the first)."""
        doubled = self.first * (1 << min(attempt - 1, _DOUBLINGS))
        return min(doubled, self.longest)

    def spread(self, attempt: int, key: str) -> timedelta:
        """The pause, up to a quarter longer by an id: deferred mails do not come all at once."""
        share = UUID(key).int % 1000 / 4000
        return self.pause(attempt) * (1 + share)

    def is_spent(self, attempt: int) -> bool:
        """Whether the pauses so far add up to the time after which to give up."""
        if self.give_up_after is None:
            return False
        doubling = [self.pause(n) for n in range(1, min(attempt, _DOUBLINGS) + 1)]
        rest = max(attempt - _DOUBLINGS, 0) * self.longest
        return sum(doubling, timedelta()) + rest >= self.give_up_after
