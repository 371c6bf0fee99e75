"""Filters over organizational attributes: whom they mean (seller insights rules, section 1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.plans.domain.refusal import Flaw, InvalidError, pointer
from shared.kernel.zones import iana_zone

Operator = Literal["equals", "not_equals"]
Field = Literal["manager", "organization", "level", "function", "time_zone"]
OPERATORS: Final[dict[str, Operator]] = {"equals": "equals", "not_equals": "not_equals"}
FIELDS: Final[dict[str, Field]] = {
    "ManagerId": "manager",
    "manager_id": "manager",
    "Organization": "organization",
    "organization": "organization",
    "LevelDesignation": "level",
    "level": "level",
    "FunctionType": "function",
    "function": "function",
    "TimeZone": "time_zone",
    "time_zone": "time_zone",
}
"""Attribute names of the organizational format and of the records → field of a person's row.

Who somebody is, and whether they are licensed or have opted out, is no attribute to filter by.
"""
LABELS: Final = ("Organization", "FunctionType", "LevelDesignation", "ManagerId", "TimeZone")
"""The attributes that are offered, by the names people know from their files."""


@dataclass(frozen=True)
class PeopleFilter:
    """One condition: the value of an attribute is one of these, or none of them."""

    attribute: str
    operator: Operator
    values: tuple[str, ...]

    @property
    def field(self) -> Field | None:
        """The field of a row that is meant; None = a custom attribute."""
        return FIELDS.get(self.attribute)

    def spelled(self) -> dict[str, Any]:
        """The filter as the query takes it."""
        return {
            "attribute": self.attribute,
            "field": self.field,
            "negated": self.operator == "not_equals",
            "values": list(self.values),
        }


@dataclass(frozen=True)
class FilterDraft:
    """A filter as a client sends it."""

    attribute: str
    operator: str
    values: Sequence[str]


def custom_names(drafts: Sequence[FilterDraft]) -> set[str]:
    """The attributes that only the custom ones could be."""
    return {draft.attribute for draft in drafts if draft.attribute not in FIELDS}


def read_filters(drafts: Sequence[FilterDraft], custom: Collection[str]) -> list[PeopleFilter]:
    """What is meant, given the custom attributes that people have.

    Raises InvalidError naming everything at fault; no filter at all is no way to say "everybody".
    """
    flaws: list[Flaw] = [] if drafts else [Flaw("/filters", "name at least one filter")]
    filters = []
    for index, draft in enumerate(drafts):
        found = list(_flaws(draft, custom))
        flaws += [Flaw(pointer("filters", index, *place), text) for place, text in found]
        if not found:
            operator = OPERATORS[_operator(draft.operator)]
            filters.append(PeopleFilter(draft.attribute, operator, _values(draft)))
    if flaws:
        raise InvalidError(flaws)
    return filters


def _flaws(
    draft: FilterDraft, custom: Collection[str]
) -> Sequence[tuple[tuple[str | int, ...], str]]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if not draft.attribute.strip():
        found.append((("attribute",), "must not be blank"))
    elif draft.attribute not in FIELDS and draft.attribute not in custom:
        found.append((("attribute",), "no such attribute is known"))
    if _operator(draft.operator) not in OPERATORS:
        found.append((("operator",), "must be equals or not_equals"))
    if not draft.values:
        found.append((("values",), "name at least one value"))
    blank = [place for place, value in enumerate(draft.values) if not value.strip()]
    return [*found, *((("values", place), "must not be blank") for place in blank)]


def _operator(text: str) -> str:
    return text.strip().lower().replace(" ", "_")


def _values(draft: FilterDraft) -> tuple[str, ...]:
    """Values compare letter by letter, but for addresses and the names of time zones."""
    field = FIELDS.get(draft.attribute)
    if field == "manager":
        return tuple(value.strip().lower() for value in draft.values)
    if field == "time_zone":
        return tuple(iana_zone(value) or value for value in draft.values)
    return tuple(draft.values)
