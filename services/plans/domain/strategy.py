"""Strategies: the template of a plan year (success plan rules 2)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from services.plans.domain.goal import GOAL_TYPES, Goal, GoalGroup, asked_for, option_flaws
from services.plans.domain.refusal import Flaw, InvalidError, pointer
from shared.kernel.period import Status, status_on, year_end

FIRST_GROUP: Final = "New Group"
MOST_GROUPS: Final = 50
MOST_GOALS: Final = 200


@dataclass(frozen=True)
class GoalDraft:
    """A goal as a client sends it; an id says that it is one the strategy has already."""

    type: str
    name: str = ""
    goal_id: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GroupDraft:
    """A goal group as a client sends it."""

    name: str
    goals: Sequence[GoalDraft] = ()
    group_id: str | None = None


@dataclass(frozen=True)
class StrategyDraft:
    """A whole strategy as a client sends it."""

    name: str
    start_date: date
    description: str | None = None
    partner_groups: Sequence[str] = ()
    goal_groups: Sequence[GroupDraft] = ()


@dataclass(frozen=True)
class Strategy:
    """A strategy after its `revision`-th change."""

    strategy_id: str
    revision: int
    name: str
    description: str | None
    start_date: date
    partner_groups: tuple[str, ...]
    goal_groups: tuple[GoalGroup, ...]
    created_at: datetime
    changed_at: datetime

    @property
    def end_date(self) -> date:
        """The first day after the plan year."""
        return year_end(self.start_date)

    @property
    def goals(self) -> dict[str, Goal]:
        """Its goals by id, in their order."""
        return {goal.goal_id: goal for group in self.goal_groups for goal in group.goals}

    def status_on(self, day: date) -> Status:
        return status_on(day, self.start_date, self.end_date)

    def has_ended(self, day: date) -> bool:
        return self.status_on(day) == "ended"

    def revised(self, draft: StrategyDraft, new_id: Callable[[], str], at: datetime) -> "Strategy":
        """The strategy with everything replaced; itself when nothing differs.

        Goals and groups whose ids the draft gives stay what they are. Raises InvalidError.
        """
        groups = arrange(draft, self.goal_groups, new_id)
        replaced = replace(
            self,
            name=draft.name,
            description=draft.description,
            start_date=draft.start_date,
            partner_groups=tuple(dict.fromkeys(draft.partner_groups)),
            goal_groups=groups,
        )
        if replaced == self:
            return self
        return replace(replaced, revision=self.revision + 1, changed_at=at)


def begin_strategy(draft: StrategyDraft, new_id: Callable[[], str], at: datetime) -> Strategy:
    """A new strategy out of a draft. Raises InvalidError."""
    groups = arrange(draft, (), new_id)
    return Strategy(
        strategy_id=new_id(),
        revision=1,
        name=draft.name,
        description=draft.description,
        start_date=draft.start_date,
        partner_groups=tuple(dict.fromkeys(draft.partner_groups)),
        goal_groups=groups,
        created_at=at,
        changed_at=at,
    )


def arrange(
    draft: StrategyDraft, before: Sequence[GoalGroup], new_id: Callable[[], str]
) -> tuple[GoalGroup, ...]:
    """The goal groups that a draft asks for, given those there were before.

    Ids in the draft must be known, stand once, and belong to a goal of the same type. Without
    any group there is one, `New Group`. Raises InvalidError naming everything at fault.
    """
    flaws = list(_flaws(draft.goal_groups, before))
    if flaws:
        raise InvalidError(flaws)
    groups = tuple(_group(one, new_id) for one in draft.goal_groups)
    return groups or (_first_group(before, new_id),)


def _first_group(before: Sequence[GoalGroup], new_id: Callable[[], str]) -> GoalGroup:
    """The group of a strategy without any; it keeps its id when nothing is asked for again."""
    if len(before) == 1 and not before[0].goals and before[0].name == FIRST_GROUP:
        return before[0]
    return GoalGroup(new_id(), FIRST_GROUP)


def _group(draft: GroupDraft, new_id: Callable[[], str]) -> GoalGroup:
    return GoalGroup(
        group_id=draft.group_id or new_id(),
        name=draft.name,
        goals=tuple(
            Goal(
                goal_id=goal.goal_id or new_id(),
                type=goal.type,
                name=goal.name or GOAL_TYPES[goal.type].label,
                options=asked_for(goal.options),
            )
            for goal in draft.goals
        ),
    )


def _flaws(drafts: Sequence[GroupDraft], before: Sequence[GoalGroup]) -> Iterator[Flaw]:
    if len(drafts) > MOST_GROUPS:
        yield Flaw("/goal_groups", f"at most {MOST_GROUPS} goal groups")
    if sum(len(group.goals) for group in drafts) > MOST_GOALS:
        yield Flaw("/goal_groups", f"at most {MOST_GOALS} goals in a strategy")
    groups = {group.group_id for group in before}
    types = {goal.goal_id: goal.type for group in before for goal in group.goals}
    seen: set[str] = set()
    for g, group in enumerate(drafts):
        place = pointer("goal_groups", g)
        yield from _id_flaws(group.group_id, groups, seen, place + "/group_id")
        for n, goal in enumerate(group.goals):
            inner = place + pointer("goals", n)
            yield from _id_flaws(goal.goal_id, types, seen, inner + "/goal_id")
            if goal.goal_id in types and types[goal.goal_id] != goal.type:
                yield Flaw(inner + "/type", f"a goal keeps its type, {types[goal.goal_id]}")
            yield from option_flaws(goal.type, goal.options, inner + "/options")


def _id_flaws(
    given: str | None, known: Mapping[str, Any] | set[str], seen: set[str], place: str
) -> Iterator[Flaw]:
    if given is None:
        return
    if given not in known:
        yield Flaw(place, "this strategy has nothing with this id")
    elif given in seen:
        yield Flaw(place, "this id stands here twice")
    seen.add(given)
