"""Architectures, options and imports written as Python text, laid out for a reader."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nas.export.extract import Reference
    from searchspaces.arch import Arch

WIDTH = 100
Text = str | tuple[str, list["Text"], str]  # a call: what opens it, its arguments, what closes it


def literal(value: object) -> str:
    """Return Python text for a string, number, None or tuple of them; strings in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def arch_text(arch: Arch) -> str:
    """Return ``ARCH = Arch(...)``: the live part of each cell, a node a line with its value."""
    lines = ["ARCH = Arch(", f"    {literal(arch.space)},", "    ("]
    for cell in (cell.pruned() for cell in arch.cells):
        lines += [
            "        Cell(",
            f"            {literal(cell.name)},",
            f"            {cell.inputs},",
        ]
        lines.append("            (")
        for value, node in enumerate(cell.nodes, cell.inputs):
            args = f", {literal(node.args)}" if node.args else ""
            lines.append(
                f"                Node({literal(node.op)}, {node.inputs!r}{args}),  # value {value}"
            )
        lines += ["            ),", f"            {cell.outputs!r},", "        ),"]
    lines += ["    ),", ")"]
    return "\n".join(lines)


def call_text(name: str, callee: str, values: Mapping[str, Any]) -> str:
    """Return ``name = callee(key=value, ...)``, over several lines where it is long."""
    items = [f"{key}={literal(value)}" for key, value in values.items()]
    line = f"{name} = {callee}({', '.join(items)})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = {callee}(", *(f"    {item}," for item in items), ")"])


def call_lines(start: str, text: Text, width: int, end: str = "") -> list[str]:
    """Return an expression behind ``start``, an argument a line where it is long.

    Arguments that are calls of several layers are always on lines of their own.
    """
    line = start + flat(text) + end
    if isinstance(text, str) or (len(line) <= width and not _deep(text)):
        return [line]
    opened, inner, closed = text
    lines = [start + opened]
    comma = "" if opened.endswith("*(") else ","
    for one in inner:
        lines += [f"    {line}" for line in call_lines("", one, width - 4, comma)]
    return [*lines, closed + end]


def flat(text: Text) -> str:
    """Return an expression as one line."""
    if isinstance(text, str):
        return text
    return text[0] + ", ".join(map(flat, text[1])) + text[2]


def _deep(text: Text) -> bool:
    """Whether several calls stand inside a call."""
    if isinstance(text, str):
        return False
    calls = [one for one in text[1] if not isinstance(one, str) or one.endswith("()")]
    return len(calls) > 1 or any(map(_deep, text[1]))


def tuple_text(values: Sequence[Any]) -> str:
    """Return the values as a tuple, one a line where they are many."""
    line = literal(tuple(values))
    if len(line) <= WIDTH - 30:
        return line
    return "\n".join(["(", *(f"    {literal(value)}," for value in values), ")"])


def imports_text(imports: Mapping[str, Reference]) -> str:
    """Return sorted import statements, the standard library before torch."""
    plain, froms = set(), dict[str, set[str]]()
    for name, target in imports.items():
        if target.name is None:
            alias = "" if name == target.module else f" as {name}"
            plain.add((target.module, f"import {target.module}{alias}"))
        elif (target.module, target.name) != ("__future__", "annotations"):
            alias = "" if name == target.name else f" as {name}"
            froms.setdefault(target.module, set()).add(f"{target.name}{alias}")
    lines = sorted(plain) + sorted(
        (module, f"from {module} import {', '.join(sorted(names))}")
        for module, names in froms.items()
    )
    groups = [
        [text for module, text in lines if module.startswith("torch") is ours]
        for ours in (False, True)
    ]
    return "\n\n".join("\n".join(group) for group in groups if group)
