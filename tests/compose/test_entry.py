"""The entry point sends every door and page to the service that has it."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.home import CHECKOUT, SERVICES

CONFIGURATION = (CHECKOUT / "deploy" / "proxy" / "nginx.conf").read_text()
EVERYWHERE = {"/livez", "/readyz", "/metrics", "/openapi.json"}
"""What every service has for itself: below /services/NAME."""
SHARED = re.compile(r"/(auth|static|preferences)/|/v1/(dead-letters|outbox|people)(/|$)")
"""Doors that several have: any of them will do, or they are told apart below /services/NAME."""


def chosen(path: str) -> str:
    """The service that nginx's map names for a path: the first that matches, else the default."""
    table = re.search(r"map \$uri \$service \{(.*?)\n    \}", CONFIGURATION, re.DOTALL)
    assert table is not None
    default = ""
    for line in table[1].split(";"):
        if not line.strip():
            continue
        pattern, service = line.split()
        if pattern == "default":
            default = service
        elif re.search(pattern.removeprefix("~"), path):
            return service
    return default


def page_paths(service: str) -> Iterator[str]:
    """What a service's page modules answer to, out of their decorators."""
    folder = CHECKOUT / "services" / service
    for file in [*folder.glob("pages/*.py"), *folder.glob("look/pages.py")]:
        module = importlib.import_module(".".join(file.relative_to(CHECKOUT).with_suffix("").parts))
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                yield from _paths_of(function, vars(module))


def _paths_of(function: ast.FunctionDef, names: dict[str, Any]) -> Iterator[str]:
    """The paths of the router that a function makes."""
    made = [
        node
        for node in function.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if ast.unparse(node.value.func) == "APIRouter"
    ]
    if not made:
        return
    [router] = [node.value for node in made if isinstance(node.value, ast.Call)]
    prefix = next((_value(one.value, names) for one in router.keywords if one.arg == "prefix"), "")
    for door in function.body:
        for decorator in getattr(door, "decorator_list", []):
            if isinstance(decorator, ast.Call) and decorator.args:
                yield prefix + _value(decorator.args[0], names)


def _value(node: ast.expr, names: dict[str, Any]) -> str:
    code = compile(ast.Expression(node), "<path>", "eval")
    return str(eval(code, names))  # noqa: S307 - our own source


def doors() -> Iterator[tuple[str, str]]:
    """Service and path of everything that a service answers to."""
    for service in SERVICES:
        document = json.loads((CHECKOUT / "docs" / "api" / f"{service}.openapi.json").read_text())
        for path in sorted({*document["paths"], *page_paths(service)} - EVERYWHERE):
            if not SHARED.match(path):
                yield service, path


def test_the_pages_are_found() -> None:
    found = set(doors())
    for known in (
        ("plans", "/seller-plans/{seller_plan_id}/start"),
        ("progress", "/portal-pages/preview"),
        ("progress", "/embed/plan"),
        ("notifier", "/mails/look"),
    ):
        assert known in found


@pytest.mark.parametrize(("service", "path"), list(doors()))
def test_every_path_leads_to_the_service_that_has_it(service: str, path: str) -> None:
    assert chosen(re.sub(r"\{[^}]*\}", "x-1", path)) == service


def test_no_two_services_have_a_path_in_common() -> None:
    found = list(doors())
    assert len({path for _, path in found}) == len(found)
