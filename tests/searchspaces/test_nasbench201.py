"""NAS-Bench-201: its notation, its sizes, and what its table says about cells of one key."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.profile import profile
from searchspaces import SpaceError, Task
from searchspaces.nasbench201 import (
    SKELETON,
    NASBench201,
    Residual,
    from_string,
    to_string,
)
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from pathlib import Path

SPACE = NASBench201()
CIFAR = Task(3, 32, 32, 10)
POINTS = list(product(range(5), repeat=6))


def test_there_are_15625_cells_and_strings_are_their_inverse() -> None:
    assert SPACE.size == len(POINTS) == 15_625
    for point in POINTS[::7]:
        text = to_string(point)
        assert from_string(text) == point
        assert to_string(SPACE.decode(point)) == text


def test_the_notation_lists_the_edges_into_each_node() -> None:
    assert to_string((0, 1, 2, 3, 4, 0)) == (
        "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|none~0|", "has 1 nodes, not 3"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "is not "),
        ("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "should come from 1"),
        ("|none~0|+|none~0|conv~1|+|none~0|none~1|none~2|", "unknown operation 'conv'"),
        ("none", "is not "),
    ],
)
def test_another_notation_is_refused(text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        from_string(text)


@pytest.mark.parametrize(
    ("text", "params", "madds"),
    [
        # The largest and the smallest network of the benchmark: 1.531546M and 0.073306M.
        ("|c~0|+|c~0|c~1|+|c~0|c~1|c~2|", 1_531_546, 220_119_680),
        ("|n~0|+|n~0|n~1|+|n~0|n~1|n~2|", 73_306, 7_783_040),
    ],
)
def test_the_skeleton_is_as_large_as_the_benchmarks(text: str, params: int, madds: int) -> None:
    text = text.replace("c~", "nor_conv_3x3~").replace("n~", "none~")
    with torch.device("meta"):
        network = SPACE.build(SPACE.decode(from_string(text)), CIFAR, Scale(**SKELETON))
    cost = profile(network, CIFAR)
    assert (cost.params, cost.madds) == (params, madds)


def test_a_cell_computes_what_its_string_says() -> None:
    arch = SPACE.decode(
        from_string(
            "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|"
        )
    )
    network = SPACE.build(arch, CIFAR, Scale(cells=1, filters=4)).double().eval()
    cell = network.cells["0"]
    convs = [op for op in cell.ops if isinstance(op, nn.Sequential)]
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    first = convs[0](x)
    pooled = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(cell(x), pooled + convs[1](first) + x)


def test_the_residual_block_is_the_basic_one_with_an_averaged_short_cut() -> None:
    block = Residual(3, 6).double().eval()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    small = functional.conv2d(functional.avg_pool2d(x, 2), block.short.weight)
    torch.testing.assert_close(block(x), small + block.second(block.first(x)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # An edge none is no edge.
        ("|c~0|+|n~0|a~1|+|n~0|n~1|c~2|", "|c~0|+|n~0|a~1|+|n~0|n~1|c~2|"),
        # A skip is no operation: node 1 is node 0.
        ("|s~0|+|n~0|c~1|+|n~0|n~1|s~2|", "|n~0|+|n~0|n~1|+|c~0|n~1|n~2|"),
        # Sums of sums are sums.
        ("|c~0|+|a~0|s~1|+|d~0|n~1|s~2|", "|a~0|+|d~0|s~1|+|c~0|n~1|s~2|"),
        # A pool or a convolution of nothing is nothing.
        ("|n~0|+|n~0|a~1|+|c~0|d~1|a~2|", "|n~0|+|n~0|n~1|+|c~0|n~1|n~2|"),
    ],
)
def test_cells_of_one_function_share_a_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Twice one convolution is not the sum of two.
        ("|c~0|+|n~0|s~1|+|n~0|s~1|s~2|", "|c~0|+|c~0|n~1|+|n~0|s~1|s~2|"),
        ("|c~0|+|n~0|c~1|+|n~0|n~1|c~2|", "|c~0|+|n~0|c~1|+|n~0|n~1|a~2|"),
        ("|s~0|+|n~0|n~1|+|c~0|s~1|n~2|", "|n~0|+|n~0|n~1|+|c~0|n~1|n~2|"),
    ],
)
def test_cells_of_different_functions_have_different_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


def key(text: str) -> str:
    for short, name in (
        ("c", "nor_conv_3x3"),
        ("d", "nor_conv_1x1"),
        ("a", "avg_pool_3x3"),
        ("s", "skip_connect"),
        ("n", "none"),
    ):
        text = text.replace(f"|{short}~", f"|{name}~")
    return SPACE.decode(from_string(text)).key()


def test_all_cells_fall_into_at_most_6466_classes() -> None:
    # 6,466 is what the benchmark's authors count (section 3.1); they tell (a + b) + c from
    # a + (b + c), and a convolution of nothing from nothing.
    assert len({SPACE.decode(point).key() for point in POINTS}) == 5_425


def test_cells_of_one_class_differ_in_the_table_by_no_more_than_training_noise(
    shared_data: Path,
) -> None:
    with (shared_data / "nasbench201-cifar10.csv").open() as file:
        table = {row["arch"]: float(row["cifar10_test_200ep"]) for row in csv.DictReader(file)}
    classes: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for point in POINTS:
        accuracy = table[to_string(point)]
        classes[SPACE.decode(point).key()][convolves_nothing(point)].append(accuracy)
    # Those without such a convolution are one function by algebra alone (no edge, identity, order
    # of a sum): their spread is the noise of the table, from 0.1 to several percent.
    spreads = sorted(statistics.pstdev(plain) for plain, _ in classes.values() if len(plain) > 1)
    assert spreads[len(spreads) // 2] < 0.15 < 1 < spreads[-1]
    # Those with one could differ by a constant. They do not: neither way, nor beyond the noise.
    gaps = [
        statistics.mean(plain) - statistics.mean(odd)
        for plain, odd in classes.values()
        if plain and odd
    ]
    assert len(gaps) > 50
    assert max(map(abs, gaps)) < 1
    assert abs(statistics.mean(gaps)) < 2 * statistics.stdev(gaps) / len(gaps) ** 0.5


def convolves_nothing(point: tuple[int, ...]) -> bool:
    """Say whether a convolution reads a node into which nothing comes."""
    e01, e02, e12, _, e13, e23 = point
    first_is_zero = e01 == 0
    second_is_zero = e02 == 0 and (e12 == 0 or first_is_zero)
    return (first_is_zero and bool({e12, e13} & {2, 3})) or (second_is_zero and e23 in (2, 3))
