"""Success plans: one strategy, one partner (success plan rules 4)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from services.plans.domain.target import Target

LABEL_FOR: Final = timedelta(days=7)


@dataclass(frozen=True)
class Partner:
    """A partner as the directory knows it now."""

    partner_id: str
    name: str
    groups: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True)
class Plan:
    """A plan after its `revision`-th change."""

    plan_id: str
    strategy_id: str
    partner_id: str
    revision: int
    created_at: datetime
    targets: Mapping[str, Target] = field(default_factory=dict)
    label: str | None = None
    labelled_at: datetime | None = None

    def label_at(self, now: datetime) -> str | None:
        """`new` or `updated` for some days after an import; opening the plan takes it away."""
        if self.labelled_at is None or now >= self.labelled_at + LABEL_FOR:
            return None
        return self.label


def ineligibility(partner: Partner | None, strategy_groups: Collection[str]) -> str | None:
    """Why no new plan can be made for a partner; None when one can.

    The partner must be known, active, and in one of the strategy's groups; a strategy without
    groups is for every partner.
    """
    if partner is None:
        return "no partner with this id is known"
    if not partner.active:
        return "the partner is not active"
    if strategy_groups and not set(strategy_groups) & set(partner.groups):
        return "the partner is in none of the strategy's partner groups"
    return None
