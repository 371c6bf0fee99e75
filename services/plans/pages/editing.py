"""A strategy as a form holds it, and what a form would change."""

from collections.abc import Mapping
from typing import Any, Final

from services.plans.api.answers import strategy_answer
from services.plans.domain.strategy import Strategy

LISTS: Final = ("deal_types", "products", "campaign_tags")
BETWEEN: Final = "; "


def as_values(strategy: Strategy) -> dict[str, Any]:
    """The fields of a strategy's form."""
    values = strategy_answer(strategy, strategy.start_date)
    for group in values["goal_groups"]:
        for goal in group["goals"]:
            options = goal["options"]
            for name in LISTS:
                if name in options:
                    options[name] = BETWEEN.join(options[name])
    return values


def as_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields of a form mean, as the API would be sent it."""
    groups = values.get("goal_groups")
    chosen = values.get("partner_groups")
    names = [*(chosen if isinstance(chosen, list) else []), *_words(values.get("more_groups"))]
    return {
        "name": values.get("name", ""),
        "description": values.get("description") or None,
        "start_date": values.get("start_date", ""),
        "partner_groups": [name for name in names if name],
        "goal_groups": [_group(one) for one in groups] if isinstance(groups, list) else [],
    }


def _group(group: Any) -> Any:
    if not isinstance(group, dict):
        return group
    goals = group.get("goals")
    return {
        "group_id": group.get("group_id") or None,
        "name": group.get("name", ""),
        "goals": [_goal(one) for one in goals] if isinstance(goals, list) else [],
    }


def _goal(goal: Any) -> Any:
    if not isinstance(goal, dict):
        return goal
    given = goal.get("options")
    return {
        "goal_id": goal.get("goal_id") or None,
        "type": goal.get("type"),
        "name": goal.get("name") or None,
        "options": _options(given) if isinstance(given, dict) else {},
    }


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in given.items():
        if name in LISTS:
            options[name] = _words(value)
        elif name == "count_earlier":
            options[name] = value == "true"
        elif value != "":
            options[name] = value.upper() if name == "currency" else value
    return options


def _words(text: Any) -> list[str]:
    """The words of a field that holds several, with semicolons between."""
    return [word.strip() for word in str(text or "").split(";") if word.strip()]


def goals_gone(before: Strategy, after: Strategy) -> set[str]:
    """The goals that a change removes."""
    return before.goals.keys() - after.goals.keys()


def differences(before: Strategy, after: Strategy) -> list[str]:
    """What a change does to the goals and dates of plans, in sentences."""
    old, new = before.goals, after.goals
    said = [f"Goal added: {goal.name}" for key, goal in new.items() if key not in old]
    said += [
        f"Goal changed: {_told(old[k], g)}" for k, g in new.items() if k in old and old[k] != g
    ]
    said += [f"Goal removed: {goal.name}" for key, goal in old.items() if key not in new]
    if before.start_date != after.start_date:
        said.append(f"The plan year moves: it begins {after.start_date}, not {before.start_date}")
    if before.name != after.name:
        said.append(f"Partners see the plan as {after.name}, not {before.name}")
    if before.partner_groups != after.partner_groups:
        said.append("New plans are for other partner groups; plans that exist stay")
    return said


def _told(old: Any, new: Any) -> str:
    return new.name if old.name == new.name else f"{old.name} becomes {new.name}"
