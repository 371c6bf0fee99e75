"""A version of a record, as the ledger keeps it."""

from datetime import date, datetime
from typing import Final, NamedTuple

FIELD_SEPARATOR: Final = "\x1f"
"""Between the parts of a field's id: a slash may stand in a part, this never does."""


class Version(NamedTuple):
    """One version: since when it is known, its values as the rules need them, and its body.

    The order is that of the staging table, to which versions are copied as they are.
    """

    known_from: datetime
    version: int
    day: date | None
    won_day: date | None
    deleted: bool
    record_id: str
    kind: str
    partner_id: str | None
    amount: str | None
    currency: str | None
    deal_type: str | None
    labels: str | None
    """As PostgreSQL spells an array."""
    campaign_id: str | None
    activity_type: str | None
    user_id: str | None
    subject: str | None
    body: str


class BrokenEventError(ValueError):
    """An event of a known type that cannot be read; `errors` point to what is wrong."""

    def __init__(self, *errors: dict[str, str]) -> None:
        super().__init__(errors[0]["detail"])
        self.errors = list(errors)

    @classmethod
    def at(cls, pointer: str, detail: str) -> "BrokenEventError":
        return cls({"pointer": pointer, "detail": detail})


def name_of(kind: str, record_id: str) -> str:
    """How explanations name a record: `deal/d1`, `partner_field/PARTNER/FIELD/DAY`."""
    return f"{kind}/{record_id.replace(FIELD_SEPARATOR, '/')}"
