"""Extracts the definitions that a class needs, over all our modules, as the text of one file.

The network in an exported ``model.py`` is our own source: the same lines that trained it, with
their comments, reduced to what the class at the root can reach. Nothing is written twice, and a
new search space can be exported without any work. Only torch and the standard library may remain
as imports.

What is kept: top-level definitions reached by name; of a class, the special methods, ``forward``
and methods whose name is used somewhere in the kept text; of a table ``NAME = call(row, ...)``
the rows asked for. Keeping too much is possible, keeping too little is not, short of ``getattr``.
"""

from __future__ import annotations

import ast
import sys
import textwrap
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nas.export import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

OURS = frozenset({"nas", "searchspaces"})
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in a module; ``name`` is None for the module itself."""

    module: str
    name: str | None


@dataclass
class Module:
    """One parsed source file: its top-level definitions and what each imported name means."""

    name: str
    lines: list[str]
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, Reference] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)  # of ours, imported at run time, in order


@dataclass
class Extract:
    """The text of the definitions, their names, the method's body, and what is not ours."""

    text: str
    body: str
    imports: dict[str, Reference]
    names: set[str]


def extract(
    roots: Sequence[Reference],
    *,
    method: tuple[Reference, str] | None = None,
    given: frozenset[Reference] = frozenset(),
    rows: Mapping[str, frozenset[str]] | None = None,
) -> Extract:
    """Return everything that ``roots`` and the body of ``method`` (class and name), if any, need.

    ``given`` are references that the surrounding file defines itself. ``rows`` names, for a table,
    the rows to keep by their first argument. Raises ExportError where a third package is needed,
    two kept definitions share a name, or the method uses its object.
    """
    extraction = _Extraction(given, rows or {})
    extraction.needed.update(extraction.origin(root) for root in roots)
    if method is None:
        return extraction.finished([], "")
    owner = extraction.origin(method[0])
    return extraction.finished([owner.module], extraction.body(owner, method[1]))


class _Extraction:
    def __init__(self, given: frozenset[Reference], rows: Mapping[str, frozenset[str]]) -> None:
        self.given, self.rows = given, rows
        self.modules: dict[str, Module] = {}
        self.needed: set[Reference] = set()
        self.external: dict[str, Reference] = {}
        self.attributes = {"forward"}

    def body(self, owner: Reference, method: str) -> str:
        """Return the lines of a method, and note what they need."""
        module = self._module(owner.module)
        statements = _method_body(module.definitions.get(owner.name or ""), method)
        while isinstance(statements[0], ast.Import | ast.ImportFrom):
            # A space may import its network only where it builds one: here all is one file.
            _read_import(module, statements[0], run_time=True)
            statements = statements[1:]
        for statement in statements:
            self._follow_names(module, statement)
        lines = module.lines[statements[0].lineno - 1 : statements[-1].end_lineno]
        return textwrap.dedent("\n".join(lines))

    def finished(self, first: list[str], body: str) -> Extract:
        """Grow what is needed until nothing is added, then write it in the order of imports."""
        before = (0, 0)
        while before != (now := (len(self.needed), len(self.attributes))):
            before = now
            for reference in tuple(self.needed):
                self._follow(reference)
        self._refuse_double_names()
        order: list[str] = []
        for name in [*first, *sorted({r.module for r in self.needed})]:
            self._parents_first(name, order)
        blocks = [block for name in order for block in self._blocks(self._module(name))]
        names = {reference.name or "" for reference in self.needed}
        return Extract(_joined(blocks), body, self.external, names)

    def _module(self, name: str) -> Module:
        if name not in self.modules:
            self.modules[name] = _parse(name)
        return self.modules[name]

    def _follow(self, reference: Reference) -> None:
        module = self._module(reference.module)
        definition = module.definitions.get(reference.name or "")
        if definition is None:
            raise ExportError(f"no definition of {reference.name} in {reference.module}")
        for node in self._kept(definition):
            self._follow_names(module, node)

    def _follow_names(self, module: Module, node: ast.AST) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute):
                self.attributes.add(part.attr)
            elif isinstance(part, ast.Name):
                self._need(module, part.id)

    def _need(self, module: Module, name: str) -> None:
        if name in module.definitions:
            target = Reference(module.name, name)
        elif name in module.imports:
            target = self.origin(module.imports[name])
        else:
            return  # a local variable or a builtin
        top = target.module.partition(".")[0]
        if top in OURS:
            if target.name != name:
                raise ExportError(f"{module.name} renames {target.name} to {name}")
            if target not in self.given:
                self.needed.add(target)
        elif top == "torch" or top in sys.stdlib_module_names:
            if self.external.setdefault(name, target) != target:
                raise ExportError(f"{name} means two things in the modules of the network")
        else:
            raise ExportError(f"{module.name} needs {top}, but a source export may only need torch")

    def origin(self, target: Reference) -> Reference:
        """Follow names that one of our modules imports from another to where they are defined."""
        while target.name is not None and target.module.partition(".")[0] in OURS:
            module = self._module(target.module)
            if target.name in module.definitions or target.name not in module.imports:
                break
            target = module.imports[target.name]
        return target

    def _kept(self, definition: ast.stmt) -> list[ast.AST]:
        """Return the parts of a definition that stay: all, but for unused methods and rows."""
        if isinstance(definition, ast.ClassDef):
            body = [s for s in definition.body if s not in self._dropped(definition)]
            return [*definition.bases, *definition.keywords, *definition.decorator_list, *body]
        dropped = self._dropped(definition)
        if dropped:
            value = _value(definition)
            return [value.func, *(row for row in value.args if row not in dropped)]
        return [definition]

    def _dropped(self, definition: ast.stmt) -> list[ast.AST]:
        if isinstance(definition, ast.ClassDef):
            return [
                statement
                for statement in definition.body
                if isinstance(statement, Function)
                and not statement.name.startswith("__")
                and statement.name not in self.attributes
            ]
        keep = next((self.rows[n] for n in _defined(definition) if n in self.rows), None)
        if keep is None:
            return []
        return [row for row in _value(definition).args if _row_name(row) not in keep]

    def _refuse_double_names(self) -> None:
        """Leave one of two equal definitions of a name; raise ExportError if they differ."""
        seen: dict[str | None, Reference] = {r.name: r for r in self.given}
        for reference in sorted(self.needed, key=lambda r: (r.module, r.name or "")):
            first = seen.setdefault(reference.name, reference)
            if first == reference:
                continue
            if first in self.given or self._code(first) != self._code(reference):
                raise ExportError(
                    f"{reference.name} is defined in both {first.module} and {reference.module}"
                )
            self.needed.remove(reference)

    def _code(self, reference: Reference) -> str:
        return ast.dump(self._module(reference.module).definitions[reference.name or ""])

    def _parents_first(self, name: str, order: list[str]) -> None:
        if name in order:
            return
        for parent in self._module(name).parents:
            self._parents_first(parent, order)
        order.append(name)

    def _blocks(self, module: Module) -> Iterator[str]:
        for definition in dict.fromkeys(module.definitions.values()):
            if any(Reference(module.name, n) in self.needed for n in _defined(definition)):
                yield _text(module.lines, definition, self._dropped(definition))


def _parse(name: str) -> Module:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ExportError(f"no source of {name}")
    source = Path(spec.origin).read_text(encoding="utf-8")
    module = Module(name, source.splitlines())
    for statement in ast.parse(source).body:
        typing_only = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(
            statement.test
        )
        inner = statement.body if isinstance(statement, ast.If) else [statement]
        for part in inner:
            if isinstance(part, ast.Import | ast.ImportFrom):
                _read_import(module, part, run_time=not typing_only)
            else:
                module.definitions.update(dict.fromkeys(_defined(part), part))
    return module


def _method_body(definition: ast.stmt | None, method: str) -> list[ast.stmt]:
    """Return the statements of a method, without its docstring."""
    for statement in definition.body if isinstance(definition, ast.ClassDef) else []:
        if isinstance(statement, Function) and statement.name == method:
            body = statement.body[1:] if ast.get_docstring(statement) else statement.body
            for part in ast.walk(ast.Module(body, [])):
                if isinstance(part, ast.Name) and part.id == "self":
                    raise ExportError(f"{method} uses self, so it cannot stand alone in a file")
            return body
    raise ExportError(f"no method {method} is defined in the class itself")


def _joined(blocks: list[str]) -> str:
    """Return the blocks apart by two lines, one-line assignments directly under each other."""
    text = ""
    for number, block in enumerate(blocks):
        short = all("\n" not in b and " = " in b for b in blocks[max(0, number - 1) : number + 1])
        text += block if not text else f"\n{block}" if short else f"\n\n\n{block}"
    return text


def _read_import(module: Module, statement: ast.Import | ast.ImportFrom, *, run_time: bool) -> None:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            target = Reference(statement.module or "", alias.name)
        else:
            target = Reference(alias.name, None)
        module.imports[alias.asname or alias.name] = target
        if run_time and target.module.partition(".")[0] in OURS:
            module.parents.append(target.module)


def _defined(statement: ast.AST) -> list[str]:
    """Return the names that a top-level statement defines."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [part.id for t in targets for part in ast.walk(t) if isinstance(part, ast.Name)]


def _value(definition: ast.stmt) -> ast.Call:
    value = getattr(definition, "value", None)
    if not isinstance(value, ast.Call):
        raise ExportError(f"{_defined(definition)}: not a table, NAME = call(row, ...)")
    return value


def _row_name(row: ast.expr) -> str | None:
    first = row.args[0] if isinstance(row, ast.Call) and row.args else None
    return str(first.value) if isinstance(first, ast.Constant) else None


def _text(lines: list[str], definition: ast.stmt, dropped: list[ast.AST]) -> str:
    """Return the lines of a definition with its comments, without the dropped parts."""
    first, last = _span(lines, definition)
    gone = {line for part in dropped for line in range(*_span(lines, part))}
    kept = [lines[i] for i in range(first, last) if i not in gone]
    body: list[str] = []
    for line in kept:
        if line.strip() or (body and body[-1].strip()):
            body.append(line)
    return "\n".join(body).rstrip()


def _span(lines: list[str], node: ast.AST) -> tuple[int, int]:
    """Return the half-open range of line numbers, from 0, with decorators and comments above."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)]) - 1  # type: ignore[attr-defined]
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return first, node.end_lineno  # type: ignore[attr-defined]
