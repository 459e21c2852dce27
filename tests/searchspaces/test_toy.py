"""The toy space: one optimum, traps for single changes, real networks."""

from __future__ import annotations

import random
from itertools import product

import pytest
import torch

from searchspaces import SpaceError, Task
from searchspaces.ops import OPS
from searchspaces.scale import Scale
from searchspaces.toy import OPERATIONS, Toy

SPACE = Toy()
VALUES = {point: SPACE.value(point) for point in product(range(4), repeat=6)}


def test_its_labels_are_those_of_the_table_of_operations() -> None:
    assert {name: OPS[name].label for name in OPERATIONS} == OPERATIONS


def test_exactly_one_point_has_the_value_one_and_all_lie_between() -> None:
    assert [point for point, value in VALUES.items() if value >= 1] == [SPACE.optimum]
    assert min(VALUES.values()) >= 0
    assert sorted(VALUES.values())[-2] < 0.95


def test_the_value_is_not_a_sum_over_decisions() -> None:
    # In a sum the gain of one change would not depend on its neighbour.
    best = SPACE.optimum
    worse = (*best[:5], (best[5] + 1) % 4)
    gains = set()
    for fourth in range(4):
        high, low = (*best[:4], fourth, best[5]), (*worse[:4], fourth, worse[5])
        gains.add(round(VALUES[high] - VALUES[low], 6))
    assert len(gains) > 1


def test_some_points_are_better_than_all_their_changes_in_the_middle() -> None:
    trap = tuple((best + 2) % 4 for best in SPACE.optimum)
    middle = [
        other for other in SPACE.neighbours(trap) if (other[0], other[5]) == (trap[0], trap[5])
    ]
    assert all(VALUES[other] < VALUES[trap] for other in middle)


def test_a_point_of_the_wrong_length_has_no_value() -> None:
    with pytest.raises(SpaceError, match="expected 6 decisions, got 2"):
        SPACE.value((0, 1))


def test_every_point_is_another_architecture() -> None:
    keys = {SPACE.decode(point).key() for point in random.Random(0).sample(list(VALUES), 300)}
    assert len(keys) == 300


def test_the_only_path_of_the_chain_is_never_dropped() -> None:
    network = SPACE.build(
        SPACE.decode(SPACE.optimum), Task(1, 8, 8, 4), Scale(filters=6, drop_path=0.9)
    )
    network.set_progress(1.0)
    x = torch.randn(16, 1, 8, 8)
    assert torch.equal(network(x), network(x))
