"""Seller plans: their dates, states and names (seller insights rules, section 1)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any, Final, Literal

from services.plans.domain.naming import name_key
from services.plans.domain.refusal import ConflictError, Flaw, InvalidError
from shared.events.seller_plans import Cadence

State = Literal["draft", "scheduled", "active", "completed", "stopped"]
STATES: Final[tuple[State, ...]] = ("draft", "scheduled", "active", "completed", "stopped")
DEFAULT_NAME: Final = "Seller success plan"
DURATION: Final = timedelta(days=84)
LATEST_YEAR: Final = 2999
A_WEEK: Final = 7


@dataclass(frozen=True)
class SellerPlanDraft:
    """A seller plan as a client sends it; None = as it is, or the default."""

    name: str | None = None
    cadence: Cadence | None = None
    start_date: date | None = None


@dataclass(frozen=True)
class SellerPlan:
    """A seller plan after its `revision`-th change."""

    seller_plan_id: str
    revision: int
    name: str
    cadence: Cadence
    start_date: date
    created_at: datetime
    scheduled_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def end_date(self) -> date:
        """The first day after it."""
        return end_of(self.start_date)

    def state_on(self, day: date) -> State:
        """Draft until it is started, then by the calendar, unless it was stopped."""
        if self.stopped_at is not None:
            return "stopped"
        if self.scheduled_at is None:
            return "draft"
        if day < self.start_date:
            return "scheduled"
        return "active" if day < self.end_date else "completed"

    def revised(self, draft: SellerPlanDraft, day: date) -> "SellerPlan":
        """The plan after an edit, or itself when nothing changes.

        Raises ConflictError for an edit that its state does not take, InvalidError for a start in
        the past.
        """
        after = replace(
            self,
            name=draft.name or self.name,
            cadence=draft.cadence or self.cadence,
            start_date=draft.start_date or self.start_date,
        )
        if after == self:
            return self
        state = self.state_on(day)
        if state in ("completed", "stopped"):
            raise ConflictError(f"The plan is {state}; it is kept as it is")
        if state == "active" and after != replace(self, name=after.name):
            raise ConflictError("The plan is active; its dates and cadence stay as they are")
        if after.start_date != self.start_date:
            check_start(after.start_date, day)
        return replace(after, revision=self.revision + 1)

    def scheduled(self, at: datetime, day: date) -> "SellerPlan":
        """The plan once it is started. Raises ConflictError when it cannot be."""
        state = self.state_on(day)
        if state != "draft":
            raise ConflictError(f"The plan is {state}; only a draft can be started")
        if self.start_date < day:
            raise ConflictError("The start date has passed; choose another one")
        return replace(self, revision=self.revision + 1, scheduled_at=at)

    def stopped(self, at: datetime, day: date) -> "SellerPlan":
        """The plan once it is stopped. Raises ConflictError unless it is scheduled or active."""
        state = self.state_on(day)
        if state not in ("scheduled", "active"):
            raise ConflictError(f"The plan is {state}; only a scheduled or active one can stop")
        return replace(self, revision=self.revision + 1, stopped_at=at)


def begin_seller_plan(
    draft: SellerPlanDraft, name: str, seller_plan_id: str, at: datetime, day: date
) -> SellerPlan:
    """A new draft. Raises InvalidError for a start in the past."""
    if draft.start_date is not None:
        check_start(draft.start_date, day)
    return SellerPlan(
        seller_plan_id=seller_plan_id,
        revision=1,
        name=name,
        cadence=draft.cadence or "monthly",
        start_date=draft.start_date or default_start(day),
        created_at=at,
    )


def check_start(start: date, day: date) -> None:
    """Raises InvalidError for a start that lies in the past, or beyond all calendars."""
    if start < day:
        raise InvalidError([Flaw("/start_date", "must not lie in the past")])
    if start.year > LATEST_YEAR:
        raise InvalidError([Flaw("/start_date", f"must not lie after {LATEST_YEAR}")])


def default_start(day: date) -> date:
    """The first Sunday after a day; after a Sunday it is the next one."""
    return day + timedelta(days=A_WEEK - day.isoweekday() % A_WEEK)


def end_of(start: date) -> date:
    """The first day after a plan that starts on a day."""
    return start + DURATION


def default_name(taken: Collection[str]) -> str:
    """The default name, numbered from 2 on when it is taken. `taken` holds name keys."""
    names = (DEFAULT_NAME if n == 1 else f"{DEFAULT_NAME} {n}" for n in count(1))
    return next(name for name in names if name_key(name) not in taken)


ERRORS: Final = ("unknown", "unlicensed", "opted_out", "in_another_plan")
"""Why a candidate fails, in the order of the checks: the first that fails counts."""


@dataclass(frozen=True)
class Validation:
    """What came of validating a list, in numbers alone."""

    candidates: int
    qualified: int
    errors: dict[str, int] | None
    minimum_group_size: int

    @property
    def ready(self) -> bool:
        """Whether a plan with these people can start."""
        return self.qualified >= self.minimum_group_size

    def answer(self) -> dict[str, Any]:
        """The numbers as they are told."""
        return {
            "candidates": self.candidates,
            "qualified": self.qualified,
            "errors": self.errors,
            "minimum_group_size": self.minimum_group_size,
            "ready": self.ready,
        }


def sum_up(found: dict[str | None, int], minimum: int) -> Validation:
    """The validation of candidates, counted by the error of each (None = qualified).

    Below the minimum group size the kinds are withheld: the file of one address would be a
    question about one person.
    """
    qualified = found.get(None, 0)
    errors = {kind: found.get(kind, 0) for kind in ERRORS} if qualified >= minimum else None
    return Validation(sum(found.values()), qualified, errors, minimum)


def told_count(matched: int, minimum: int) -> int | None:
    """How many people filters match; None where the number would single people out."""
    return matched if matched >= minimum else None
