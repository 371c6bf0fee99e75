"""Events as Milepost takes them: CloudEvents 1.0 of the records that the contract names."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict, get_args
from uuid import uuid4

Kind = Literal[
    "partner",
    "deal",
    "account",
    "campaign",
    "lead",
    "certification",
    "partner_field",
    "interaction",
    "person",
    "crm_account",
    "crm_contact",
    "seller_assignment",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)


class Event(TypedDict):
    """An event; `source` is filled in by the client where it is empty."""

    specversion: Literal["1.0"]
    id: str
    type: str
    source: str
    data: Mapping[str, Any]


def recorded(
    kind: Kind, data: Mapping[str, Any], *, event_id: str | None = None, source: str = ""
) -> Event:
    """A record as it stands now: its ids, `version` and everything about it.

    Raises ValueError for a kind of record that Milepost does not know.
    """
    return _event(kind, "recorded", data, event_id, source)


def deleted(
    kind: Kind, data: Mapping[str, Any], *, event_id: str | None = None, source: str = ""
) -> Event:
    """A record that is gone: its ids and `version`. Raises ValueError as `recorded` does."""
    return _event(kind, "deleted", data, event_id, source)


def _event(
    kind: str, what: str, data: Mapping[str, Any], event_id: str | None, source: str
) -> Event:
    if kind not in KINDS:
        raise ValueError(f"no kind of record: {kind}; {', '.join(KINDS)}")
    return {
        "specversion": "1.0",
        "id": event_id or str(uuid4()),
        "type": f"milepost.{kind}.{what}.v1",
        "source": source,
        "data": data,
    }


def line(event: Event, source: str) -> bytes:
    """An event as a line of NDJSON. Raises TypeError for a float: amounts are decimal."""
    told = event if event["source"] else {**event, "source": source}
    _refuse_floats(told["data"], "/data")
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_spelled).encode()


def _spelled(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be told: {value!r}")


def _refuse_floats(value: object, pointer: str) -> None:
    if isinstance(value, float):
        raise TypeError(f"{pointer} is a float; amounts are told as Decimal or str")
    if isinstance(value, Mapping):
        for name, one in value.items():
            _refuse_floats(one, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for at, one in enumerate(value):
            _refuse_floats(one, f"{pointer}/{at}")
