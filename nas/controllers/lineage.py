"""From which trial a proposal comes, and by which change, as its note tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchspaces import Decisions

PARENT, CHANGE = "parent", "change"  # in the note of a proposal


def descent(parent: Decisions, number: int | None, child: Decisions) -> dict[str, Any]:
    """Return the note of a child: its parent's number, and the place, before and after.

    Nothing where they do not differ in one decision (the child is a random point, because all
    children of the parent were known), or the parent's number is not known.
    """
    places = [i for i, (old, new) in enumerate(zip(parent, child, strict=True)) if old != new]
    if number is None or len(places) != 1:
        return {}
    (place,) = places
    return {PARENT: number, CHANGE: [place, parent[place], child[place]]}
