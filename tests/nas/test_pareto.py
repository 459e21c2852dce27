"""Fronts and hypervolumes against brute force."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.pareto import dominates, front, hypervolume, read

small = st.integers(0, 5)


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


@given(clouds(3))
def test_the_front_is_what_no_other_point_dominates(points):
    wanted = [
        place
        for place, point in enumerate(points)
        if not any(
            all(a >= b for a, b in zip(other, point, strict=True)) and other != point
            for other in points
        )
    ]
    assert front(points) == wanted


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


def test_less_of_a_metric_with_a_minus_is_better_and_a_missing_one_is_no_point():
    metrics = {"accuracy": 0.9, "params": 100.0}
    assert read(metrics, ("accuracy", "-params")) == (0.9, -100.0)
    assert read(metrics, ("accuracy", "-madds")) is None
    assert read({"accuracy": float("nan")}, ("accuracy",)) is None
