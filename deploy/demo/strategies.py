"""One strategy per regional office, with a goal of each of the seven types."""

from dataclasses import dataclass, field
from typing import Any, Final

from deploy.demo.generated import COUNTED_TAGS, FIELD, certification
from deploy.demo.moving import PlanYear
from deploy.demo.sales import Sales
from deploy.demo.told import CURRENCY

WON: Final = "Closed won"
DEALS: Final = "Registered deals"
ACCOUNTS: Final = "New accounts"
CAMPAIGN_LEADS: Final = "Campaign leads"
OWN_LEADS: Final = "Own leads"
CERTIFIED: Final = "Certified people"
INSTALLED: Final = "Installed base"


@dataclass(frozen=True)
class PlannedGoal:
    """A goal as the demo plans it; its name is what tells it from the others."""

    name: str
    type: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_money(self) -> bool:
        return "currency" in self.options


@dataclass(frozen=True)
class PlannedGroup:
    name: str
    goals: tuple[PlannedGoal, ...]


def groups_of_goals(sales: Sales) -> tuple[PlannedGroup, ...]:
    """The goal groups that every strategy of the demo has."""
    best = sales.series()[0]
    won, amount = "closed_won_total_deals_amount", {"currency": CURRENCY}
    return (
        PlannedGroup(
            "Sales",
            (
                PlannedGoal(WON, won, amount),
                PlannedGoal(f"{best} closed won", won, {**amount, "deal_types": [best]}),
                PlannedGoal(DEALS, "approved_registered_deals"),
                PlannedGoal(ACCOUNTS, "approved_accounts"),
            ),
        ),
        PlannedGroup(
            "Marketing",
            (
                PlannedGoal(
                    CAMPAIGN_LEADS, "campaign_leads", {"campaign_tags": list(COUNTED_TAGS)}
                ),
                PlannedGoal(OWN_LEADS, "registered_leads"),
            ),
        ),
        PlannedGroup(
            "Training and service",
            (
                PlannedGoal(
                    CERTIFIED,
                    "completed_certifications",
                    {"certification": certification(sales)},
                ),
                PlannedGoal(INSTALLED, "custom_partner_field", {"field": FIELD}),
            ),
        ),
    )


def strategy_name(group: str) -> str:
    return f"{group} partner success"


def strategy_body(group: str, sales: Sales, year: PlanYear) -> dict[str, Any]:
    """The body that makes a regional office's strategy."""
    return {
        "name": strategy_name(group),
        "description": f"The sample year of {group}, from {sales.origin}. Leads, campaigns, "
        "certifications and the installed base are generated.",
        "start_date": str(year.starts),
        "partner_groups": [group],
        "goal_groups": [
            {"name": planned.name, "goals": [_goal(goal) for goal in planned.goals]}
            for planned in groups_of_goals(sales)
        ],
    }


def _goal(goal: PlannedGoal) -> dict[str, Any]:
    return {"name": goal.name, "type": goal.type, "options": goal.options}
