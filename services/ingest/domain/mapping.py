"""Mappings: how a vendor's payload becomes events, said in a file and not in code.

A mapping names the list of items in a payload and, for each kind of event, when an item gives one
and what its data are, as JMESPath expressions. What an expression cannot be made of is told with
its place in the file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import jmespath
import yaml
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.parser import ParsedResult
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ingest.domain.mapping_check import fault_of_expression, faults_of_data
from services.ingest.domain.mapping_functions import MappingFunctions, ValueFaultError
from services.ingest.domain.signature import Signature
from shared.events.records import RECORDS, RecordKind

Data = dict[str, Any]
FALSE: Final[tuple[Any, ...]] = (None, False, "", [], {})
"""What JMESPath takes for false; 0 is not."""


class MappingFaultError(Exception):
    """A mapping that cannot be used, with every fault and its path in the file."""

    def __init__(self, name: str, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__(
            "\n".join(
                f"{name}: {path}: {detail}" if path else f"{name}: {detail}"
                for path, detail in faults
            )
        )


class PayloadFaultError(Exception):
    """A payload in which a mapping finds no list of items; the message says why."""


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class EventForm(_Form):
    """When an item gives an event, and what its data are: field → expression."""

    record: str
    change: Literal["recorded", "deleted"] = "recorded"
    when: str | None = None
    data: dict[str, str] = Field(min_length=1)


class MappingForm(_Form):
    """A mapping as its file has it."""

    description: str
    source: str = Field(min_length=1, max_length=200)
    signature: Signature
    constants: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {}
    items: str
    events: list[EventForm] = Field(min_length=1)


@dataclass(frozen=True)
class Fault:
    """What went wrong with one field of an event: the field, its path in the file, the reason."""

    pointer: str
    path: str
    detail: str


@dataclass(frozen=True)
class Told:
    """An event that an item gives: a CloudEvent, or why there is none."""

    index: int
    path: str
    """Which of the mapping's events it is, such as `events[0]`."""
    event: Data
    faults: tuple[Fault, ...] = ()

    def path_of(self, pointer: str) -> str:
        """The path in the mapping that gave the value at a pointer into the event."""
        top, _, rest = pointer.removeprefix("/").partition("/")
        field = rest.partition("/")[0]
        return f"{self.path}.data.{field}" if top == "data" and field else self.path


@dataclass(frozen=True)
class _Rule:
    kind: RecordKind
    change: str
    path: str
    when: ParsedResult | None
    data: Mapping[str, ParsedResult]


class SourceMapping:
    """A mapping ready for use."""

    def __init__(self, name: str, form: MappingForm) -> None:
        self.name = name
        self.source = form.source
        self.description = form.description
        self.signature = form.signature
        self._tables = form.tables
        self._constants = form.constants
        self._items = jmespath.compile(form.items)
        self._rules = [_rule(at, event) for at, event in enumerate(form.events)]

    def apply(self, payload: Any, received_at: datetime) -> Iterator[list[Told]]:
        """What each item of a payload gives, item by item: nothing, an event or several.

        Raises PayloadFaultError before the first of them where there is no list of items.
        """
        functions = MappingFunctions(self._tables, self._constants, received_at)
        options = jmespath.Options(custom_functions=functions)
        try:
            items = self._items.search(payload, options=options)
        except (JMESPathError, ValueFaultError) as failure:
            raise PayloadFaultError(f"items: {plainly(failure)}") from None
        if not isinstance(items, list):
            raise PayloadFaultError("items: gives no list for this payload")
        return (self._of_item(at, item, options) for at, item in enumerate(items))

    def _of_item(self, at: int, item: Any, options: jmespath.Options) -> list[Told]:
        found = []
        for rule in self._rules:
            try:
                concerned = (
                    rule.when is None or rule.when.search(item, options=options) not in FALSE
                )
            except (JMESPathError, ValueFaultError) as failure:
                fault = Fault("", f"{rule.path}.when", plainly(failure))
                found.append(Told(at, rule.path, self._event(rule, {}), (fault,)))
            else:
                if concerned:
                    found.append(self._told(at, rule, item, options))
        return found

    def _told(self, at: int, rule: _Rule, item: Any, options: jmespath.Options) -> Told:
        data: Data = {}
        faults = []
        for field, expression in rule.data.items():
            try:
                value = expression.search(item, options=options)
            except (JMESPathError, ValueFaultError) as failure:
                path = f"{rule.path}.data.{field}"
                faults.append(Fault(f"/data/{field}", path, plainly(failure)))
            else:
                if value is not None:
                    data[field] = value
        return Told(at, rule.path, self._event(rule, data), tuple(faults))

    def _event(self, rule: _Rule, data: Data) -> Data:
        identity = "/".join(str(data.get(key, "")) for key in (*rule.kind.keys, "version"))
        return {
            "specversion": "1.0",
            "id": f"{rule.kind.name}/{identity}/{rule.change}",
            "source": self.source,
            "type": rule.kind.recorded if rule.change == "recorded" else rule.kind.deleted,
            "data": data,
        }


def _rule(at: int, form: EventForm) -> _Rule:
    return _Rule(
        RECORDS[form.record],
        form.change,
        f"events[{at}]",
        None if form.when is None else jmespath.compile(form.when),
        {field: jmespath.compile(text) for field, text in form.data.items()},
    )


def read_mapping(name: str, text: str) -> SourceMapping:
    """The mapping of a file's text. Raises MappingFaultError telling all that is wrong with it."""
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader of our own
    except yaml.YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        reason = getattr(failure, "problem", None) or "is no YAML"
        raise MappingFaultError(name, [(place, str(reason))]) from None
    try:
        form = MappingForm.model_validate(found)
    except ValidationError as failure:
        faults = [(_path(error["loc"]), error["msg"]) for error in failure.errors()]
        raise MappingFaultError(name, faults) from None
    faults = [*_faults(form)]
    if faults:
        raise MappingFaultError(name, faults)
    return SourceMapping(name, form)


def _faults(form: MappingForm) -> Iterator[tuple[str, str]]:
    expressions = {"items": form.items}
    for at, event in enumerate(form.events):
        path = f"events[{at}]"
        if event.record not in RECORDS:
            yield f"{path}.record", f"is no record; records are {', '.join(RECORDS)}"
            continue
        yield from faults_of_data(path, RECORDS[event.record], event.change, list(event.data))
        if event.when is not None:
            expressions[f"{path}.when"] = event.when
        expressions |= {f"{path}.data.{field}": text for field, text in event.data.items()}
    for path, text in expressions.items():
        fault = fault_of_expression(text, form.tables, form.constants)
        if fault:
            yield path, fault


def _path(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".")


def plainly(failure: Exception) -> str:
    """What went wrong in an expression, without the values that it went wrong with."""
    if isinstance(failure, JMESPathTypeError):
        wanted = " or ".join(failure.expected_types)
        return f"{failure.function_name}() takes {wanted}, not {failure.actual_type}"
    return str(failure)


class _Loader(yaml.SafeLoader):
    """Refuses a name twice in one mapping, which YAML itself lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's signature
        seen: list[Any] = []
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"names {name!r} twice", key.start_mark
                )
            seen.append(name)
        return super().construct_mapping(node, deep)
