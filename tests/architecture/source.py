"""The project's own source, parsed: what the rules of the house are checked against."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("ingest", "plans", "progress", "notifier")
"""From left to right: data flows this way only."""


@dataclass(frozen=True)
class Module:
    """A Python file of the product."""

    path: Path
    tree: ast.Module
    lines: int

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def dotted(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def strings(self) -> Iterator[ast.Constant]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node

    def imports(self) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        return found


@cache
def product() -> tuple[Module, ...]:
    """Every module of the services, of what they share and of the deployment."""
    paths = [
        path for top in ("services", "shared", "deploy") for path in (ROOT / top).rglob("*.py")
    ]
    return tuple(_read(path) for path in sorted(paths))


def own(*tops: str) -> list[Module]:
    """The modules below some folders, named from the root."""
    return [module for module in product() if module.name.startswith(tops)]


def _read(path: Path) -> Module:
    text = path.read_text()
    return Module(path, ast.parse(text, str(path)), text.count("\n"))


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the nodes that are documentation, not values."""
    return {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }
