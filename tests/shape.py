"""Reads the product's source for the shape budgets: sizes, names, imports, cycles."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("nas", "service", "searchspaces")
FILE_LINES, FUNCTION_LINES, CLASS_LINES, PARAMETERS, SUMMARY = 400, 60, 250, 7, 100
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
MARKS = ("TODO", "FIXME", "XXX")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One product file."""

    name: str
    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


def read_modules(root: Path) -> dict[str, Module]:
    """Return every product module by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            place = path.relative_to(root)
            parts = place.with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = Module(name, place.as_posix(), path.read_text())
    return found


def size_faults(module: Module) -> Iterator[str]:
    """Yield what is larger than its budget."""
    lines = module.source.count("\n")
    if lines > FILE_LINES:
        yield f"{module.path}: {lines} lines, at most {FILE_LINES}"
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            yield from _too_long(module, node, FUNCTION_LINES)
            names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > PARAMETERS:
                yield f"{module.at(node)}: {node.name} takes {count}, at most {PARAMETERS}"
        elif isinstance(node, ast.ClassDef):
            yield from _too_long(module, node, CLASS_LINES)


def _too_long(module: Module, node: Function | ast.ClassDef, limit: int) -> Iterator[str]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > limit:
        yield f"{module.at(node)}: {node.name} has {lines} lines, at most {limit}"


def summary_faults(module: Module) -> Iterator[str]:
    """Yield a missing docstring, or a first line that is too long or empty."""
    first = (ast.get_docstring(module.tree) or "").partition("\n")[0]
    if not first:
        yield f"{module.path}: no docstring that says what the file is for"
    elif len(first) > SUMMARY:
        yield f"{module.path}: first docstring line has {len(first)} characters, at most {SUMMARY}"


def name_faults(module: Module) -> Iterator[str]:
    """Yield a module whose name says nothing."""
    if EMPTY_NAMES & set(module.name.split(".")):
        yield f"{module.path}: name the file for what is in it"


def habit_faults(module: Module) -> Iterator[str]:
    """Yield prints, bare excepts, global statements, relative imports and unfinished work."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield f"{module.at(node)}: print"
            case ast.ExceptHandler(type=None):
                yield f"{module.at(node)}: bare except"
            case ast.Global():
                yield f"{module.at(node)}: global {', '.join(node.names)}"
            case ast.ImportFrom(level=level) if level:
                yield f"{module.at(node)}: relative import"
    for number, line in enumerate(module.source.splitlines(), 1):
        if any(mark in line for mark in MARKS):
            yield f"{module.path}:{number}: {line.strip()}"


def imports(module: Module, *, functions: bool = True) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import, for types only too, as a dotted name; those in functions on demand."""
    stack: list[ast.AST] = [module.tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"
        elif functions or not isinstance(node, Function):
            stack += ast.iter_child_nodes(node)


def graph(modules: dict[str, Module], *, functions: bool = True) -> dict[str, set[str]]:
    """Return the product modules that each product module imports."""
    edges: dict[str, set[str]] = {name: set() for name in modules}
    for name, module in modules.items():
        for _, target in imports(module, functions=functions):
            # from nas.trial import Trial names nas.trial.Trial: the module is the part before.
            found = target if target in modules else target.rpartition(".")[0]
            if found in modules:
                edges[name].add(found)
    return edges


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other, each group sorted."""
    reach = {name: _reachable(name, edges) for name in edges}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in edges
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    stack = list(edges[start])
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack += edges[name]
    return seen


def foreign_faults(
    modules: dict[str, Module], libraries: set[str], allowed: tuple[str, ...]
) -> Iterator[str]:
    """Yield imports of ``libraries`` outside the modules (or packages) that may import them."""
    for name, module in modules.items():
        if any(name == place or name.startswith(place + ".") for place in allowed):
            continue
        for node, target in imports(module):
            if target.partition(".")[0] in libraries:
                yield f"{module.at(node)}: imports {target}"
