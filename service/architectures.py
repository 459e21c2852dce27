"""Architectures of a search's trials: decoded, drawn and written out, in the process that asks."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nas.catalog import REGISTRIES
from searchspaces import SpaceError
from searchspaces.arch import Arch
from searchspaces.registry import RegistryError
from service.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces import SearchSpace


@lru_cache(maxsize=64)
def _space(name: str, options: str) -> SearchSpace:
    space: SearchSpace = REGISTRIES["space"].create(name, json.loads(options))
    return space


def space_of(spec: dict[str, Any]) -> SearchSpace:
    """Return the search space of a stored spec; raise RegistryError if it is gone or changed."""
    part = spec["space"]
    return _space(part["name"], json.dumps(part.get("options", {}), sort_keys=True))


def decoded(spec: dict[str, Any], decisions: Sequence[int]) -> Arch | None:
    """Return the architecture of a trial; None where the decisions are none (any more)."""
    try:
        space = space_of(spec)
        return space.decode(space.check(decisions))
    except (RegistryError, SpaceError):
        return None


def barcode(arch: Arch | None) -> dict[str, list[str]]:
    """Return the families of the operations of each cell, in order."""
    if arch is None:
        return {}
    from searchspaces.draw import barcode as families

    return {cell.name: families(Arch(arch.space, (cell,))) for cell in arch.cells}


def texts(arch: Arch | None) -> dict[str, str]:
    """Return each cell as text, for readers and screen readers."""
    if arch is None:
        return {}
    from searchspaces.draw import cell_text

    return {cell.name: cell_text(arch, cell.name) for cell in arch.cells}


def drawing(arch: Arch | None, cell: str) -> str:
    """Return a cell as SVG; raise NotFound if there is no such cell."""
    if arch is None or cell not in {one.name for one in arch.cells}:
        known = [] if arch is None else [one.name for one in arch.cells]
        text = f"there is no cell {cell[:100]!r}"
        raise NotFound(text, field="cell", value=cell[:100], allowed=known)
    from searchspaces.draw import cell_svg

    return cell_svg(arch, cell)
