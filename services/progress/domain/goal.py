"""Plans and goals as the rules need them: rows of the tables `plan` and `goal`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from shared.events.plans import Goal, PlanSnapshot, StrategySnapshot

KINDS: Final = {
    "approved_accounts": "account",
    "approved_registered_deals": "deal",
    "campaign_leads": "lead",
    "closed_won_total_deals_amount": "deal",
    "completed_certifications": "certification",
    "custom_partner_field": "partner_field",
    "registered_leads": "lead",
}
"""The kind of records that each type of goal counts."""

COUNTED_SINGLY: Final = frozenset({"account", "deal", "lead"})
"""Kinds whose records count each by itself, so that figures move by differences."""


class PlanRow(NamedTuple):
    """A plan's partner and quarters; `counts` when both strategy and partner are known."""

    plan_id: UUID
    partner_id: str
    strategy_id: UUID
    start_date: date | None
    q2: date | None
    q3: date | None
    q4: date | None
    end_date: date | None
    counts: bool


class GoalRow(NamedTuple):
    """A goal as a rule; None where it asks for nothing."""

    strategy_id: UUID
    goal_id: UUID
    type: str
    kind: str
    deal_types: list[str] | None
    labels: list[str] | None
    activity_types: list[str] | None
    currency: str | None
    subject: str | None
    count_earlier: bool


@dataclass(frozen=True)
class Scope:
    """Plans and the goals of their strategies: what a figure is asked of."""

    plans: list[PlanRow]
    goals: list[GoalRow]

    @property
    def counted_singly(self) -> list[GoalRow]:
        return [goal for goal in self.goals if goal.kind in COUNTED_SINGLY]

    @property
    def counted_together(self) -> list[GoalRow]:
        return [goal for goal in self.goals if goal.kind not in COUNTED_SINGLY]

    @property
    def kinds_counted_singly(self) -> list[str]:
        return sorted({goal.kind for goal in self.counted_singly})


def rules_of(strategy: StrategySnapshot) -> list[GoalRow]:
    """The goals of a strategy as rules; none when it is deleted."""
    if strategy.deleted:
        return []
    strategy_id = UUID(strategy.strategy_id)
    return [_rule(strategy_id, goal) for group in strategy.goal_groups for goal in group.goals]


def _rule(strategy_id: UUID, goal: Goal) -> GoalRow:
    options = goal.options
    return GoalRow(
        strategy_id,
        UUID(goal.goal_id),
        goal.type,
        KINDS[goal.type],
        _asked(options.deal_types),
        _asked(options.campaign_tags if goal.type == "campaign_leads" else options.products),
        _asked(options.activity_types),
        options.currency,
        options.field if goal.type == "custom_partner_field" else options.certification,
        options.count_earlier,
    )


def _asked(words: Iterable[str]) -> list[str] | None:
    return list(words) or None


def plan_row(plan: PlanSnapshot, strategy: StrategySnapshot, *, partner_is_known: bool) -> PlanRow:
    """A plan's row by what its snapshot and its strategy's say."""
    start, q2, q3, q4 = strategy.quarter_starts
    return PlanRow(
        UUID(plan.plan_id),
        plan.partner_id,
        UUID(plan.strategy_id),
        start,
        q2,
        q3,
        q4,
        strategy.end_date,
        partner_is_known,
    )
