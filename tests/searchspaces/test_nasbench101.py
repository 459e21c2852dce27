"""NAS-Bench-101: published sizes, what is refused, channel shares, and one key for one graph."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
import torch
from torch.nn import functional

from searchspaces import SpaceError, Task
from searchspaces.nasbench101 import (
    NAMES,
    SKELETON,
    GraphCell,
    NASBench101,
    from_matrix,
    widths,
)
from searchspaces.scale import Scale

CONV3, CONV1, MAX = NAMES
CIFAR = Task(3, 32, 32, 10)
# The Inception-like cell of nasbench's README.
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
INCEPTION_OPS = [CONV1, CONV3, CONV3, CONV3, MAX]


def chain(total: int, *extra: tuple[int, int]) -> list[list[int]]:
    """Return the matrix of a chain of vertices and some edges more."""
    edges = {(v, v + 1) for v in range(total - 1)} | set(extra)
    return [[int((s, t) in edges) for t in range(total)] for s in range(total)]


def test_the_inception_like_cell_has_the_parameters_that_the_benchmark_prints() -> None:
    space = NASBench101()
    with torch.device("meta"):
        network = space.build(from_matrix(INCEPTION, INCEPTION_OPS), CIFAR, Scale(**SKELETON))
    assert sum(p.numel() for p in network.parameters()) == 2_694_282


def test_the_size_counts_every_matrix_and_every_operation() -> None:
    assert NASBench101().size == 2**21 * 3**5
    assert NASBench101(vertices=3).size == 2**3 * 3


@pytest.mark.parametrize(
    ("matrix", "labels", "message"),
    [
        ([[0, 0], [0, 0]], [], "no path"),
        ([[0, 1, 0], [0, 0, 0], [0, 0, 0]], [CONV1], "no path"),
        ([[0, 1], [1, 0]], [], "not upper triangular"),
        ([[0, 1, 1], [0, 0, 1]], [CONV1], "not square"),
        (chain(3), [], "do not fit"),
        (chain(3), ["conv5x5"], "unknown operation 'conv5x5'"),
        ([[int(s < t) for t in range(6)] for s in range(6)], [CONV1] * 4, "15 edges"),
        (chain(8), [CONV1] * 6, "8 vertices"),
    ],
)
def test_what_is_no_cell_of_the_benchmark_is_refused(matrix, labels, message) -> None:
    with pytest.raises(SpaceError, match=message):
        from_matrix(matrix, labels)


def test_dead_vertices_and_edges_do_not_count() -> None:
    dead = [row[:] for row in chain(4)]
    dead[1][2] = dead[2][3] = 0
    dead[1][3] = 1
    assert from_matrix(dead, [CONV3, MAX]) == from_matrix(chain(3), [CONV3])


def test_a_graph_is_one_architecture_however_it_is_numbered() -> None:
    found = set()
    for order in permutations(range(1, 6)):
        new = [0, *order, 6]
        matrix = [[0] * 7 for _ in range(7)]
        for s in range(7):
            for t in range(7):
                if INCEPTION[s][t]:
                    matrix[new[s]][new[t]] = 1
        if any(matrix[s][t] for s in range(7) for t in range(s + 1)):
            continue
        labels = [""] * 5
        for vertex, label in enumerate(INCEPTION_OPS, 1):
            labels[new[vertex] - 1] = label
        found.add(from_matrix(matrix, labels))
    assert len(found) == 1


def test_the_channels_are_shared_and_the_first_parts_have_one_more() -> None:
    # Input to 1, 2 and 3; all three go out: 128 is 43 + 43 + 42.
    matrix = [[0, 1, 1, 1, 0], *([[0, 0, 0, 0, 1]] * 3), [0] * 5]
    arch = from_matrix(matrix, [CONV3, CONV3, CONV3])
    cell = arch.cells[0]
    wide = widths(cell, 128)
    assert [wide[v - 1] for v in cell.outputs] == [43, 43, 42]
    assert GraphCell(cell, 16, 128)(torch.randn(2, 16, 4, 4)).shape == (2, 128, 4, 4)


def test_a_sum_cuts_off_the_channel_that_not_all_operands_have() -> None:
    # 1 goes out and into 2; 1, 2 and 3 go out. With 4 filters the shares are 2, 1 and 1.
    matrix = [[0, 1, 0, 1, 0], [0, 0, 1, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0] * 5]
    cell = from_matrix(matrix, [CONV1, CONV3, CONV1]).cells[0]
    module = GraphCell(cell, 4, 4).double().eval()
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    assert module(x).shape == (2, 4, 5, 5)
    place = next(i for i, node in enumerate(cell.nodes) if node.op == "conv_3x3_norm_relu")
    assert module.ops[place][0].in_channels == module.widths[place]


def test_the_input_is_projected_and_added_to_the_output() -> None:
    cell = from_matrix([[0, 1, 1], [0, 0, 1], [0, 0, 0]], [MAX]).cells[0]
    module = GraphCell(cell, 3, 6).double().eval()
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    one, _, other, _ = module.ops
    expected = functional.max_pool2d(one(x), 3, 1, 1) + other(x)
    torch.testing.assert_close(module(x), expected)


def test_samples_and_mutations_are_architectures() -> None:
    space, rng = NASBench101(), random.Random(0)
    for _ in range(50):
        point = space.sample(rng)
        space.decode(space.mutate(point, rng))


def test_a_graph_with_more_vertices_than_the_space_has_is_refused() -> None:
    chain = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0] * 4]
    arch = from_matrix(chain, [CONV1, MAX])
    assert NASBench101(vertices=4).encode(arch) is not None
    with pytest.raises(SpaceError, match="4 vertices, here are 3"):
        NASBench101(vertices=3).encode(arch)
