"""What can be said of a mapping before any payload comes: its expressions, functions and fields."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError, ParseError

from services.ingest.domain.mapping_functions import known_functions
from shared.events.records import RecordKind

_NAMED: Final = ("translate", "constant")
"""Functions whose last argument names something of the mapping."""


def fault_of_expression(
    text: str, tables: Mapping[str, Any], constants: Mapping[str, Any]
) -> str | None:
    """What is wrong with an expression, or None."""
    try:
        tree = jmespath.compile(text).parsed
    except ParseError as failure:
        at = failure.lex_position + 1
        return f"is no JMESPath expression: {failure.msg.rstrip('.')}, character {at}"
    except JMESPathError as failure:
        return f"is no JMESPath expression: {failure}"
    names = {"translate": tables, "constant": constants}
    for call in _calls(tree):
        fault = _fault_of_call(call["value"], call["children"], names)
        if fault:
            return fault
    return None


def _calls(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node
        for child in node.get("children", ()):
            yield from _calls(child)


def _fault_of_call(
    name: str, arguments: list[Any], names: Mapping[str, Mapping[str, Any]]
) -> str | None:
    known = known_functions()
    if name not in known:
        return f"there is no function {name}(); there are {', '.join(sorted(known))}"
    least, variadic = known[name]
    if len(arguments) < least or (len(arguments) > least and not variadic):
        return f"{name}() takes {least} arguments, not {len(arguments)}"
    if name in _NAMED:
        last = arguments[-1]
        if last.get("type") != "literal":
            return f"{name}() takes the name itself, in single quotes"
        if last["value"] not in names[name]:
            what = "table" if name == "translate" else "constant"
            return f"the mapping has no {what} {last['value']!r}"
    return None


def faults_of_data(
    path: str, kind: RecordKind, change: str, fields: list[str]
) -> Iterator[tuple[str, str]]:
    """Fields that a record does not have, and those that it cannot be without."""
    model = kind.model if change == "recorded" else kind.tombstone
    for field in fields:
        if field not in model.model_fields:
            have = ", ".join(model.model_fields)
            yield f"{path}.data.{field}", f"is no field of a {kind.name} {change}; it has {have}"
    for field, found in model.model_fields.items():
        if found.is_required() and field not in fields:
            yield f"{path}.data", f"lacks {field}, which a {kind.name} {change} needs"
