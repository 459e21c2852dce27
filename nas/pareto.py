"""Pareto fronts and hypervolumes of points whose every coordinate is to be large.

Quantities of which less is better are negated first. A front of a search has tens of points, found
among a million at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, ...]
Points = NDArray[np.float64]  # one a row
PAIRS = 256  # points that are compared each with each: beyond, that takes too much memory


def front(points: Sequence[Point] | Points) -> list[int]:
    """Return the places of the points that no other dominates, in order; equal ones all stay."""
    values = np.asarray(points, dtype=np.float64)
    if not values.size:
        return []
    # By falling coordinates: nothing that comes later can dominate what came before.
    order = np.lexsort(values.T[::-1])[::-1]
    places = _flat_front(values[order]) if values.shape[1] == 2 else _front(values[order])
    return sorted(order[places].tolist())


def _front(values: Points) -> NDArray[np.intp]:
    """Return the places of the front among points in falling order: the first is always on it."""
    kept, places = [], np.arange(len(values))
    while len(places):
        beaten = (values <= values[0]).all(axis=1)
        equal = (values[beaten] == values[0]).all(axis=1)
        kept.append(places[beaten][equal])
        values, places = values[~beaten], places[~beaten]
    return np.concatenate(kept)


def _flat_front(values: Points) -> NDArray[np.intp]:
    """Return the same of two coordinates, at once however many points are on the front."""
    first, second = values.T
    new = np.diff(first, prepend=np.inf) != 0
    starts = np.flatnonzero(new)  # of points with the same first coordinate, that with the best
    before = np.r_[-np.inf, np.maximum.accumulate(second)[starts[1:] - 1]]
    group = np.cumsum(new) - 1
    return np.flatnonzero((second == second[starts][group]) & (second > before[group]))


def hypervolume(points: Sequence[Point] | Points, reference: Point) -> float:
    """Return the volume between ``reference`` and the points: what they dominate together.

    A point that is not better than the reference in every coordinate adds nothing. Exact for any
    number of coordinates, as the sum of what each point has alone (WFG; While et al. 2012): time
    grows fast with coordinates and points. 300 random points of 4 coordinates take 0.3 s.
    """
    values = np.asarray(points, dtype=np.float64)
    if not values.size:
        return 0.0
    inside = values[(values > np.asarray(reference)).all(axis=1)] - np.asarray(reference)
    return _volume(inside[front(inside)])


def _volume(points: Points) -> float:
    """Return the volume between the origin and points that are all above it."""
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    if points.shape[1] == 2:
        first, second = points[np.argsort(-points[:, 0])].T
        steps = np.diff(np.maximum.accumulate(second), prepend=0.0)
        return float(first @ steps)
    points = points[np.argsort(points[:, -1])]
    rest = points[:, :-1]
    whole = rest.prod(axis=1)
    total = 0.0
    for place, last in enumerate(points[:, -1]):
        # What the higher ones have of this slab; in it they all reach to its top.
        others = _distinct_front(np.minimum(rest[place + 1 :], rest[place]))
        total += float(last) * (float(whole[place]) - _volume(others))
    return total


def _distinct_front(points: Points) -> Points:
    """Return the points that no other dominates, of equal ones perhaps one."""
    if points.shape[1] == 2 or len(points) < 2:
        return points  # it is not needed there
    if len(points) > PAIRS:
        return points[front(points)]
    above = (points[:, None] >= points[None]).all(axis=2)
    equal = above & above.T
    return points[~((above & ~equal).any(axis=0) | np.triu(equal, 1).any(axis=0))]
