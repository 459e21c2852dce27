"""All modules of the page as one script: a page load asks once, and gzip sees them together.

The files stay ES modules that a browser could load one by one; this joins them as they are sent.
Each becomes a block, in the order of the imports: what it keeps to itself stays inside, what it
exports is declared with ``var`` and so seen by the blocks below, under the same name. Hence no two
modules may export one name, and none one that browsers have (a test asks one). Libraries are
imported as they came, at the head of the script; what a module takes of one is seen below too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IMPORT = re.compile(r'^import (?:(\w+)|\{([\w, ]+)\}) from "(\.[^"\n]+)";$', re.MULTILINE)
_WORD = re.compile(r"\w+")
_BLOCK = re.compile(
    r"^export (async function|function|class) (\w+)([^\n]*\}$|.*?^\})", re.MULTILINE | re.DOTALL
)
_CONST = re.compile(r"^export const (?=\w)", re.MULTILINE)
_GIVEN = re.compile(r"^export (?:async function|function|class|const) (\w+)", re.MULTILINE)
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
        ValueError: an import or export is of a form that is not known here, goes in a circle, or
            leads nowhere; or two modules export one name.
    """
    files = order(entry)
    owner: dict[str, Path] = {}
    libraries = [path for path in files if path.parent.name == VENDOR]
    names = {path: f"${path.stem.partition('.')[0]}" for path in libraries}
    parts = [
        f'import * as {names[path]} from "./{path.relative_to(entry.resolve().parent)}";'
        for path in libraries
    ]
    parts += [f"{{\n{_opened(path, names, owner)}\n}}" for path in files if path not in names]
    return "\n".join(parts)


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


def _opened(path: Path, libraries: dict[Path, str], owner: dict[str, Path]) -> str:
    """Return a module's text with its exports for all to see; ``owner`` says whose they are."""

    def imported(line: re.Match[str]) -> str:
        default, listed, place = line.groups()
        target, names = (path.parent / place).resolve(), _WORD.findall(default or listed)
        if library := libraries.get(target):
            _claim(names, path, owner)
            wanted = f"default: {default}" if default else listed
            return f"var {{{wanted}}} = {library};"
        if lost := [name for name in names if owner.get(name) != target]:
            raise ValueError(f"{path.name}: {target.name} does not export {', '.join(lost)}")
        return ""

    text = path.read_text(encoding="utf-8")
    _claim(_GIVEN.findall(text), path, owner)
    text = _IMPORT.sub(imported, _LISTED.sub("", text))
    text = _CONST.sub("var ", _BLOCK.sub(r"var \2 = \1\3;", text))
    if other := _OTHER.search(text):
        raise ValueError(f"{path.name}: {other[0]!r} is no form of import or export known here")
    return text


def _claim(names: list[str], path: Path, owner: dict[str, Path]) -> None:
    for name in names:
        if owner.setdefault(name, path) != path:
            raise ValueError(f"{owner[name].name} and {path.name} both export {name}")
