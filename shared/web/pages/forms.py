"""What was typed into a form, and what is wrong with it: both go back to the page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from starlette.datastructures import FormData

from shared.web.problems import Problem
from shared.web.session import CSRF_FIELD

LIST_MARK: Final = "[]"
"""Ends the name of a field that may be there several times: `partner_groups[]`."""
MOST_ITEMS: Final = 10_000
DEEPEST: Final = 12


@dataclass
class Form:
    """The values of a form's fields and the complaints about them, by field name.

    A field's name is the JSON pointer of the API with dots: `goal_groups.0.name` holds what a
    problem calls `/goal_groups/0/name`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    message: str | None = None
    """What is wrong with the whole, rather than with one field."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What fields are called, where their name does not say it."""

    def value(self, name: str, default: Any = "") -> Any:
        """What a field holds; dots lead into what is nested."""
        if name in self.values:
            found = self.values[name]
            return default if found is None else found
        found = self.values
        for part in name.split("."):
            if isinstance(found, Mapping):
                found = found.get(part)
            elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            else:
                return default
        return default if found is None else found

    def chosen(self, name: str) -> list[str]:
        """What a field with several choices holds."""
        found = self.value(name, [])
        return [str(item) for item in found] if isinstance(found, list | tuple) else [str(found)]

    def error(self, name: str) -> str | None:
        """The complaint about a field or, where it has none of its own, about a part of it."""
        if name in self.errors:
            return self.errors[name]
        below = (text for key, text in self.errors.items() if key.startswith(f"{name}."))
        return next(below, None)

    def fail(self, name: str, complaint: str) -> None:
        """Complain about a field; its first complaint stands."""
        self.errors.setdefault(name, complaint)

    def complaints(self) -> list[tuple[str, str]]:
        """Every complaint as (field, sentence that names it), for the summary above the form."""
        return [
            (name, f"{self._called(name)}: {_inside(text)}") for name, text in self.errors.items()
        ]

    def _called(self, name: str) -> str:
        if name in self.labels:
            return self.labels[name]
        words = [part for part in name.split(".") if not part.isdigit()]
        return (words[-1] if words else name).replace("_", " ").capitalize()

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.errors or self.message)

    @classmethod
    def refused(cls, values: Mapping[str, Any], problem: Problem) -> Self:
        """A form that a handler did not take: its values as typed, the problem beside the fields.

        What names no field stands above the form.
        """
        form = cls(values)
        for error in problem.errors:
            name = error["pointer"].strip("/").replace("/", ".")
            if name:
                form.fail(name, sentence(error["detail"]))
            else:
                form.message = sentence(error["detail"])
        if not form.failed:
            form.message = sentence(problem.detail or problem.title)
        return form


def sentence(text: str) -> str:
    """A complaint as a sentence: `must be a number` becomes `Must be a number.`"""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def _inside(text: str) -> str:
    """A sentence as it goes on after a colon."""
    begins_a_word = (text[:1].isupper() and text[1:2].islower()) or text[1:2] == " "
    return text[0].lower() + text[1:] if begins_a_word else text


def nested(form: FormData | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The content of a form as the API would be sent it.

    Names with dots lead into objects, numbers among them into lists, whose gaps close
    (`goals.0.name`, `goals.7.name` are two goals); `name[]` is a list always; of a name that is
    there twice otherwise, the last counts. Texts are trimmed; the CSRF token stays out.
    """
    tree: dict[str, Any] = {}
    pairs = form.multi_items() if isinstance(form, FormData) else list(form)
    for name, value in pairs[:MOST_ITEMS]:
        if name != CSRF_FIELD and name.count(".") < DEEPEST:
            _put(tree, name, value.strip() if isinstance(value, str) else value)
    lists: dict[str, Any] = _as_lists(tree)
    return lists


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.removesuffix(LIST_MARK).split(".")
    for part in path:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            below = tree[part] = {}
        tree = below
    if name.endswith(LIST_MARK):
        kept = tree.setdefault(last, [])
        if isinstance(kept, list):
            kept.append(value)
    else:
        tree[last] = value


def _as_lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_as_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _as_lists(value) for key, value in node.items()}
