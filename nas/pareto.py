"""Pareto fronts and hypervolumes of points whose every coordinate is to be large.

Quantities of which less is better are negated first; :func:`read` does that for metrics named
``-params``. Pure Python: a front of a search has tens of points.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nas.trial import Metrics

Point = tuple[float, ...]


def read(metrics: Metrics, objectives: Sequence[str]) -> Point | None:
    """Return the objectives' values, those named ``-name`` negated; None if one is no number."""
    found = []
    for name in objectives:
        value = metrics.get(name.removeprefix("-"))
        if value is None or not math.isfinite(value):
            return None
        found.append(-value if name.startswith("-") else value)
    return tuple(found)


def dominates(a: Point, b: Point) -> bool:
    """Say whether ``a`` is as good as ``b`` in everything and better in something."""
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """Return the places of the points that no other dominates, in order; equal ones all stay."""
    # By falling coordinates: nothing that comes later can dominate what came before.
    order = sorted(range(len(points)), key=lambda place: points[place], reverse=True)
    kept: list[int] = []
    for place in order:
        if not any(dominates(points[other], points[place]) for other in kept):
            kept.append(place)
    return sorted(kept)


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume between ``reference`` and the points: what they dominate together.

    A point that is not better than the reference in every coordinate adds nothing. Exact for any
    number of coordinates, by slices of the last one (HSO; While et al. 2006): time grows with the
    number of points to the power of coordinates - 1.
    """
    inside = {p for p in points if all(x > r for x, r in zip(p, reference, strict=True))}
    return _volume([p for p in inside if not any(dominates(q, p) for q in inside)], reference)


def _volume(points: list[Point], reference: Point) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return max(p[0] for p in points) - reference[0]
    levels = sorted({p[-1] for p in points}, reverse=True)
    total = 0.0
    for level, below in zip(levels, [*levels[1:], reference[-1]], strict=True):
        slab = {p[:-1] for p in points if p[-1] >= level}
        best = [p for p in slab if not any(dominates(q, p) for q in slab)]
        total += (level - below) * _volume(best, reference[:-1])
    return total
