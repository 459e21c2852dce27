"""All modules of the page as one script: a page load asks once, and gzip sees them together.

The files stay ES modules that a browser could load one by one; this joins them as they are sent.
Each becomes a function that is called once, in the order of the imports, and returns what it
exports; the entry, which exports nothing and may await, stays as it is. Libraries are imported as
they came, at the head of the script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IMPORT = re.compile(r'^import (?:(\w+)|\{([^{}\n]*)\}) from "(\.[^"\n]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
_LISTED = re.compile(r"^export \{([^{}\n]*)\};$", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export) .*", re.MULTILINE)
VENDOR = "vendor"


def order(entry: Path) -> list[Path]:
    """Return ``entry`` and all that it imports, each after what it imports itself.

    Raises:
        ValueError: modules import each other in a circle.
    """
    found: dict[Path, None] = {}
    _visit(entry.resolve(), [], found)
    return list(found)


def bundle(entry: Path) -> str:
    """Return one module that does what ``entry`` with its imports does.

    Raises:
        ValueError: an import or export is of a form that is not known here, or goes in a circle.
    """
    files = order(entry)
    names = {path: f"${path.stem}{number}" for number, path in enumerate(files)}
    libraries = [path for path in files if path.parent.name == VENDOR]
    head = [
        f'import * as {names[path]} from "./{path.relative_to(entry.resolve().parent)}";'
        for path in libraries
    ]
    bodies = [_wrapped(path, names) for path in files if path not in libraries]
    return "\n".join(head + bodies)


def _visit(path: Path, above: list[Path], found: dict[Path, None]) -> None:
    if path in above:
        circle = [*above[above.index(path) :], path]
        raise ValueError("import each other: " + " -> ".join(one.name for one in circle))
    if path in found:
        return
    if path.parent.name != VENDOR:
        for _, _, target in _IMPORT.findall(path.read_text(encoding="utf-8")):
            _visit((path.parent / target).resolve(), [*above, path], found)
    found[path] = None


def _wrapped(path: Path, names: dict[Path, str]) -> str:
    def imported(match: re.Match[str]) -> str:
        default, listed, target = match.groups()
        wanted = f"default: {default}" if default else listed.replace(" as ", ": ")
        return f"const {{{wanted}}} = {names[(path.parent / target).resolve()]};"

    text = path.read_text(encoding="utf-8")
    given = _EXPORT.findall(text)
    for listed in _LISTED.findall(text):
        given += [name.strip() for name in listed.split(",")]
    text = _IMPORT.sub(imported, _LISTED.sub("", _EXPORT.sub("", text)))
    if other := _OTHER.search(text):
        raise ValueError(f"{path.name}: {other[0]!r} is no form of import or export known here")
    if not given:
        return text
    return f"const {names[path]} = (() => {{\n{text}\nreturn {{ {', '.join(given)} }};\n}})();"
