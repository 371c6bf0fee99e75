"""House rules that hold in every module: time, ids and chance, SQL, and the tail of sizes."""

import ast
import re
from statistics import median

from tests.architecture.source import Module, docstrings, own, product

LONGEST_FUNCTION = 50
LONGEST_MODULE = 450
MEDIAN_FUNCTION = 12
ASKS_THE_MACHINE = {"now", "utcnow", "today", "utcfromtimestamp"}
MAKES_IDS = {"uuid1", "uuid4", "uuid7"}
KERNEL = ("shared/kernel/clock.py", "shared/kernel/ids.py")
SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|MERGE\s+INTO\s|WITH\s+\w+\s+AS\s"
    r"|CREATE\s+(TABLE|SCHEMA|ROLE|INDEX)|ALTER\s+\w+\s|DROP\s+\w+\s|GRANT\s|TRUNCATE\s|COPY\s|LOCK\s+TABLE)"
)
MAY_SPEAK_SQL = ("deploy/",)
"""Migrations create roles and schemas, whose names no statement takes as parameters."""


def test_nothing_outside_the_kernel_asks_for_the_time() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in product()
        if module.name not in KERNEL
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ASKS_THE_MACHINE
        and isinstance(node.value, ast.Name | ast.Attribute)
        and ast.unparse(node.value)
        in {"datetime", "date", "datetime.datetime", "datetime.date", "dt"}
    ]
    assert found == []


def test_no_moment_is_naive() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and _makes_a_naive_moment(node)
    ]
    assert found == []


def _makes_a_naive_moment(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    zoned = any(keyword.arg in ("tz", "tzinfo") for keyword in call.keywords)
    if name in ("datetime.fromtimestamp", "datetime.datetime.fromtimestamp"):
        return len(call.args) < 2 and not zoned
    return name in ("datetime", "datetime.datetime") and len(call.args) < 8 and not zoned


def test_nothing_outside_the_kernel_makes_ids_or_rolls_dice() -> None:
    found = [
        f"{module.name} imports {name}"
        for module in product()
        if module.name not in KERNEL
        for name in sorted(module.imports())
        if name.split(".")[-1] in MAKES_IDS or name.split(".")[0] == "random"
    ]
    assert found == []


def test_sql_stands_in_sql_files() -> None:
    found = [
        f"{module.name}:{text.lineno}: {str(text.value)[:60]!r}"
        for module in product()
        if not module.name.startswith(MAY_SPEAK_SQL)
        for text in _values(module)
        if SQL.match(str(text.value))
    ]
    assert found == []


def _values(module: Module) -> list[ast.Constant]:
    documentation = docstrings(module.tree)
    return [text for text in module.strings() if id(text) not in documentation]


def test_functions_are_short_and_the_longest_is_not_long() -> None:
    sizes = {
        f"{module.name}:{function.lineno} {function.name}": _length(function)
        for module in product()
        for function in module.functions()
    }
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}
    assert median(sizes.values()) <= MEDIAN_FUNCTION


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the function, those of functions inside it not counted twice."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    inner = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function
    ]
    return whole - sum((node.end_lineno or 0) - node.lineno + 1 for node in inner)


def test_no_module_is_a_god() -> None:
    assert {m.name: m.lines for m in product() if m.lines > LONGEST_MODULE} == {}


def test_failures_are_not_swallowed() -> None:
    found = [
        f"{module.name}:{node.lineno}"
        for module in own("services/", "shared/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and all(isinstance(step, ast.Pass) for step in node.body)
    ]
    assert found == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "base", "manager", "mapper", "misc"}
    assert [module.name for module in product() if module.path.stem in vague] == []
