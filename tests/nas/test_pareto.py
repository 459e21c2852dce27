"""Fronts and hypervolumes against brute force."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.pareto import PAIRS, front, hypervolume

small = st.integers(0, 5)


def dominates(a, b):
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def clouds(dimensions):
    return st.lists(st.tuples(*[small] * dimensions), max_size=8)


def cells_dominated(points, dimensions):
    """Count the unit cells of a grid that lie below a point: the volume, by counting."""
    return sum(
        any(all(c < x for c, x in zip(cell, point, strict=True)) for point in points)
        for cell in itertools.product(range(6), repeat=dimensions)
    )


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_the_hypervolume_is_the_number_of_cells_below_the_points(dimensions):
    @given(clouds(dimensions))
    def check(points):
        assert hypervolume(points, (0,) * dimensions) == cells_dominated(points, dimensions)

    check()


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_the_front_is_what_no_other_point_dominates(dimensions):
    @given(clouds(dimensions))
    def check(points):
        wanted = [
            place
            for place, point in enumerate(points)
            if not any(dominates(other, point) for other in points)
        ]
        assert front(points) == wanted

    check()


def test_a_front_of_very_many_points_has_the_volume_of_its_steps():
    steps = 3 * PAIRS
    stairs = [(float(x), float(steps - x), 1.0) for x in range(1, steps)]
    assert front(stairs) == list(range(len(stairs)))
    below = sum(steps - x for x in range(1, steps))
    assert hypervolume(stairs, (0.0, 0.0, 0.0)) == below
    higher = [(*point, 1.0) for point in stairs]
    assert hypervolume(higher, (0.0, 0.0, 0.0, 0.0)) == below


@given(clouds(3))
def test_the_front_alone_has_the_whole_volume(points):
    best = [points[place] for place in front(points)]
    assert hypervolume(best, (0, 0, 0)) == hypervolume(points, (0, 0, 0))


def test_the_volume_is_that_of_random_darts_below_the_front():
    rng = random.Random(0)
    points = [(rng.random(), rng.random(), rng.random()) for _ in range(30)]
    darts = [(rng.random(), rng.random(), rng.random()) for _ in range(20_000)]
    hit = sum(any(dominates(point, dart) for point in points) for dart in darts)
    assert hypervolume(points, (0.0, 0.0, 0.0)) == pytest.approx(hit / len(darts), abs=0.015)


def test_a_point_no_better_than_the_reference_adds_nothing():
    assert hypervolume([(1.0, 0.5)], (0.0, 0.5)) == 0
    assert hypervolume([(1.0, 1.0), (5.0, 0.5)], (0.0, 0.5)) == 0.5
    assert hypervolume([], (0.0, 0.0)) == 0
