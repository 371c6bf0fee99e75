"""Why a figure is what it is: contributions and verdicts as they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from services.progress.domain.goal import KINDS
from services.progress.domain.version import FIELD_SEPARATOR
from shared.events.plans import Goal, StrategySnapshot
from shared.kernel.money import plain

PLURALS: Final = {
    "account": "accounts",
    "deal": "deals",
    "lead": "leads",
    "certification": "certifications",
    "partner_field": "fields",
}


@dataclass(frozen=True)
class Appraisal:
    """What a goal makes of a record: a day, an amount, a quarter; or why it does not count."""

    goal_id: UUID
    day: date | None
    amount: Decimal | None
    quarter: int | None
    refusal: str | None


def record_key(name: str, partner_id: str) -> tuple[str, str] | None:
    """Kind and id of a record by its name in explanations; None for what is no such name.

    A field is named by its partner, and only the plan's own partner is ever asked about.
    """
    kind, _, record_id = name.partition("/")
    if kind not in PLURALS or not record_id:
        return None
    if kind != "partner_field":
        return kind, record_id
    own = f"{partner_id}/"
    field, separator, day = record_id.removeprefix(own).rpartition("/")
    if not record_id.startswith(own) or not separator or not field:
        return None
    return kind, FIELD_SEPARATOR.join((partner_id, field, day))


def contribution(row: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """A contribution as it is shown."""
    return {
        "record": row["record"],
        "version": row["version"],
        "day": row["day"].isoformat(),
        "amount": plain(row["amount"], unit),
        "quarter": row["quarter"],
    }


def verdicts(
    strategy: StrategySnapshot,
    kind: str,
    found: Mapping[str, Appraisal],
    *,
    until: date,
    deleted: bool,
) -> list[dict[str, Any]]:
    """What every goal of a strategy says to a record, in the order of the goals."""
    goals = [goal for group in strategy.goal_groups for goal in group.goals]
    return [_verdict(goal, kind, found.get(goal.goal_id), until, deleted=deleted) for goal in goals]


def _verdict(
    goal: Goal, kind: str, found: Appraisal | None, until: date, *, deleted: bool
) -> dict[str, Any]:
    reason = _reason(goal, kind, found, until, deleted=deleted)
    counted = found if reason is None else None
    return {
        "goal_id": goal.goal_id,
        "goal_name": goal.name,
        "counts": reason is None,
        "amount": plain(counted.amount or Decimal(0), goal.unit) if counted else None,
        "quarter": counted.quarter if counted else None,
        "day": counted.day.isoformat() if counted and counted.day else None,
        "reason": reason,
    }


def _reason(
    goal: Goal, kind: str, found: Appraisal | None, until: date, *, deleted: bool
) -> str | None:
    if deleted:
        return "The record was deleted."
    wanted = KINDS[goal.type]
    if wanted != kind:
        return f"The goal counts {PLURALS[wanted]}, not {PLURALS[kind]}."
    if found is None:
        return "The record is not the partner's."
    if found.refusal is not None:
        return found.refusal
    if found.day is not None and found.day > until:
        return f"It counts from {found.day.isoformat()} on."
    return None
