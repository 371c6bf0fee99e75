"""Answers that several doors give."""

from typing import Any, Final

from services.ingest import metrics
from services.ingest.handlers.events import Outcome
from shared.web.problems import Problem

COME_BACK_SOON: Final = {"Retry-After": "1"}
COME_BACK_LATER: Final = {"Retry-After": "3"}
MOST_POINTERS: Final = 100


def overloaded() -> Problem:
    """429: too much at the same time."""
    metrics.turned_away.labels("overloaded").inc()
    return Problem(
        429, "Too much at the moment", "send the same again in a moment", headers=COME_BACK_SOON
    )


def kafka_away(failure: Exception) -> Problem:
    """503: nothing was accepted."""
    metrics.turned_away.labels("kafka").inc()
    return Problem(
        503,
        "Kafka does not answer",
        f"nothing was accepted, send the same again: {failure}",
        headers=COME_BACK_LATER,
    )


def told(outcome: Outcome) -> dict[str, Any]:
    """What became of the events of a request. Raises a 422 problem when none was acceptable."""
    rejected = [
        {"index": at, "id": rejection.id, "errors": rejection.errors}
        for at, rejection in outcome.rejected
    ]
    answer = {"accepted": len(outcome.accepted), "rejected": rejected}
    if outcome.accepted:
        return answer
    raise Problem(
        422,
        "No event is acceptable" if rejected else "There is no event in the body",
        errors=_pointers(outcome),
        extra=answer,
    )


def _pointers(outcome: Outcome) -> list[dict[str, str]]:
    """The faults of all events; where there are several events their place comes first."""
    several = len(outcome.rejected) > 1
    found = [
        {**fault, "pointer": f"/{at}{fault['pointer']}" if several else fault["pointer"]}
        for at, rejection in outcome.rejected[:MOST_POINTERS]
        for fault in rejection.errors
    ]
    return found[:MOST_POINTERS]
