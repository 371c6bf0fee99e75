"""Rearranging the goals of a form before it is saved: what each of its buttons does."""

import re
from typing import Any, Final

from services.plans.domain.goal import GOAL_TYPES
from services.plans.domain.strategy import FIRST_GROUP, MOST_GOALS, MOST_GROUPS

PLACE: Final = re.compile(r"[0-9]{1,5}")
Groups = list[dict[str, Any]]


def act(values: dict[str, Any], do: str) -> bool:
    """Do what a button says to the goal groups of a form; False when it is to be saved instead.

    Buttons say `add|TYPE` (to the group chosen, or `add|TYPE|GROUP|PLACE`), `move|G|N|GROUP|PLACE`,
    `up|G|N`, `down|G|N`, `to|G|N`, `remove|G|N`, `group-add`, `group-up|G`, `group-down|G`,
    `group-remove|G`. One that points nowhere changes nothing.
    """
    if do in ("", "save"):
        return False
    verb, *places = do.split("|")
    groups = _groups(values)
    if verb == "add" and places and places[0] in GOAL_TYPES:
        at = _numbers(places[1:]) or _numbers([str(values.get("add_to", "0"))])
        _add(groups, places[0], at)
        return True
    numbers = _numbers(places)
    if verb.startswith("group-"):
        _arrange_groups(groups, verb, numbers)
    elif _stands(groups, *numbers[:2]):
        _arrange_goal(groups, verb, numbers)
    return True


def _groups(values: dict[str, Any]) -> Groups:
    """The groups of a form, made whole: each with its list of goals."""
    found = values.get("goal_groups")
    groups = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    for group in groups:
        goals = group.get("goals")
        group["goals"] = (
            [one for one in goals if isinstance(one, dict)] if isinstance(goals, list) else []
        )
    values["goal_groups"] = groups
    return groups


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts if PLACE.fullmatch(text)]


def _stands(groups: Groups, group: int = MOST_GROUPS, goal: int = MOST_GOALS) -> bool:
    return group < len(groups) and goal < len(groups[group]["goals"])


def _add(groups: Groups, kind: str, at: list[int]) -> None:
    if sum(len(group["goals"]) for group in groups) >= MOST_GOALS:
        return
    if not groups:
        groups.append({"name": FIRST_GROUP, "goals": []})
    group = min(at[0] if at else 0, len(groups) - 1)
    goals = groups[group]["goals"]
    goal = {"type": kind, "name": GOAL_TYPES[kind].label}
    goals.insert(at[1] if len(at) > 1 else len(goals), goal)


def _arrange_groups(groups: Groups, verb: str, numbers: list[int]) -> None:
    if verb == "group-add":
        if len(groups) < MOST_GROUPS:
            groups.append({"name": FIRST_GROUP, "goals": []})
        return
    if not numbers or numbers[0] >= len(groups):
        return
    if verb == "group-remove":
        groups.pop(numbers[0])
    elif verb in ("group-up", "group-down"):
        _shift(groups, numbers[0], -1 if verb == "group-up" else 1)


def _arrange_goal(groups: Groups, verb: str, numbers: list[int]) -> None:
    group, goal, *more = numbers
    goals = groups[group]["goals"]
    if verb in ("up", "down"):
        _shift(goals, goal, -1 if verb == "up" else 1)
    elif verb == "remove":
        goals.pop(goal)
    elif verb == "to":
        chosen = _numbers([str(goals[goal].get("to", ""))])
        if chosen and chosen[0] < len(groups):
            groups[chosen[0]]["goals"].append(goals.pop(goal))
    elif verb == "move" and more and more[0] < len(groups):
        moved = goals.pop(goal)
        into = groups[more[0]]["goals"]
        place = more[1] if len(more) > 1 else len(into)
        if more[0] == group and place > goal:
            place -= 1
        into.insert(place, moved)


def _shift(items: list[dict[str, Any]], at: int, by: int) -> None:
    if 0 <= at + by < len(items):
        items.insert(at + by, items.pop(at))
