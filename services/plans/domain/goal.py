"""The seven goal types and their options (success plan rules 3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.plans.domain.refusal import Flaw, pointer
from shared.kernel.money import CURRENCIES, unit_of

ACTIVITY_TYPES: Final = (
    "ad_campaign",
    "email",
    "workflow",
    "microsite",
    "panel",
    "social_post_with_form",
    "custom_activity",
)
NO_OPTION_VALUES: Final[tuple[Any, ...]] = (None, [], False)
"""What an option holds when it asks for nothing: absent, null, an empty list and false are one."""


@dataclass(frozen=True)
class GoalType:
    """What a goal of this type is called when nobody named it, and the options it takes."""

    label: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        return self.required + self.optional


GOAL_TYPES: Final[Mapping[str, GoalType]] = {
    "approved_accounts": GoalType("Approved Accounts"),
    "approved_registered_deals": GoalType(
        "Approved Registered Deals", optional=("deal_types", "products")
    ),
    "campaign_leads": GoalType(
        "Campaign Leads", required=("campaign_tags",), optional=("activity_types",)
    ),
    "closed_won_total_deals_amount": GoalType(
        "Closed Won Total Deals Amount",
        required=("currency",),
        optional=("deal_types", "products"),
    ),
    "completed_certifications": GoalType(
        "Completed Certifications", required=("certification",), optional=("count_earlier",)
    ),
    "custom_partner_field": GoalType("Custom Partner Field (Numeric)", required=("field",)),
    "registered_leads": GoalType("Registered Leads"),
}


@dataclass(frozen=True)
class Goal:
    """A goal type placed in a strategy. `options` holds only what was asked for."""

    goal_id: str
    type: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """`count`, `number` or the currency code."""
        return unit_of(self.type, self.options.get("currency"))


@dataclass(frozen=True)
class GoalGroup:
    """Goals under one heading; both the groups and their goals have an order."""

    group_id: str
    name: str
    goals: tuple[Goal, ...] = ()


def asked_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that ask for something, lists without repetitions."""
    return {
        name: list(dict.fromkeys(value)) if isinstance(value, list) else value
        for name, value in options.items()
        if value not in NO_OPTION_VALUES
    }


def option_flaws(goal_type: str, options: Mapping[str, Any], place: str) -> Iterator[Flaw]:
    """What is wrong with a goal's options; `place` is the pointer of the options."""
    kind = GOAL_TYPES[goal_type]
    given = asked_for(options)
    for name in kind.required:
        if name not in given:
            yield Flaw(place + pointer(name), f"{kind.label} needs this option")
    for name in given:
        if name not in kind.options:
            yield Flaw(place + pointer(name), f"{kind.label} does not take this option")
    if given.get("currency", "EUR") not in CURRENCIES:
        detail = "must be an upper-case ISO 4217 currency code"
        yield Flaw(place + pointer("currency"), detail)
    for index, activity in enumerate(options.get("activity_types") or ()):
        if activity not in ACTIVITY_TYPES:
            detail = f"must be one of {', '.join(ACTIVITY_TYPES)}"
            yield Flaw(place + pointer("activity_types", index), detail)
