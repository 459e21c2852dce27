"""DARTS, AmoebaNet, PNAS and ENAS: sizes, numbering, plans, and cells against plain torch."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.zoo.amoebanet import AMOEBANET_C
from nas.zoo.darts import DARTS_V2
from nas.zoo.pnasnet import PNASNET_5
from searchspaces import SpaceError, Task
from searchspaces.amoebanet import AmoebaNet
from searchspaces.assembly import ENAS, TENSORFLOW, TORCH
from searchspaces.blocks import Block, block_cell, cell_blocks
from searchspaces.darts import Darts, from_genotype
from searchspaces.enas import EnasMicro, enas_cell
from searchspaces.network import CellNetwork
from searchspaces.ops import OPS
from searchspaces.pnas import PNAS
from searchspaces.scale import Scale
from searchspaces.stack import darts_stack, strided_stack

if TYPE_CHECKING:
    from searchspaces.arch import Arch

CIFAR, GREY = Task(3, 32, 32, 10), Task(1, 8, 8, 3)
SMALL = Scale(cells=1, filters=4)


def test_the_sizes_are_those_of_the_papers() -> None:
    # DARTS, section 3.1: pairs of states times 7 operations for each of two edges.
    assert Darts().size == (1 * 3 * 6 * 10 * 7**8) ** 2
    assert Darts(none=True).size == (1 * 3 * 6 * 10 * 8**8) ** 2
    # PNAS, section 3.1: (states^2 * 8^2) a block.
    assert PNAS().size == 720**2 * 64**5
    assert AmoebaNet().size == (720**2 * 64**5) ** 2
    assert EnasMicro().size == (720**2 * 25**5) ** 2


def test_a_genotype_swaps_the_two_inputs_and_keeps_the_rest() -> None:
    pairs = [("sep_conv_3x3", 0), ("dil_conv_5x5", 1), ("skip_connect", 2), ("max_pool_3x3", 0)]
    arch = from_genotype(pairs, pairs)
    assert cell_blocks(arch.cell("normal")) == [
        Block("dil_sep_5x5", 0, "sep_3x3", 1),
        Block("max_3x3", 1, "skip_connect", 2),
    ]
    assert Darts(nodes=2).encode(arch) is not None
    with pytest.raises(SpaceError, match="unknown operation 'conv'; known: none, max_pool_3x3"):
        from_genotype([("conv", 0), ("conv", 1)], pairs)


def test_the_published_darts_cells_are_points_of_the_space() -> None:
    space = Darts()
    assert space.decode(space.encode(DARTS_V2)) == DARTS_V2


def test_two_edges_of_a_darts_node_come_from_different_states() -> None:
    space, rng = Darts(), random.Random(0)
    for _ in range(100):
        for cell in space.decode(space.sample(rng)).cells:
            assert all(b.input1 != b.input2 for b in cell_blocks(cell))
            assert len(cell.outputs) == 4


def test_an_edge_none_is_no_edge_and_a_node_of_nones_goes_nowhere() -> None:
    def arch(*pairs: tuple[str, int]) -> Arch:
        return from_genotype(pairs, [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)] * 2)

    one = arch(("sep_conv_3x3", 0), ("none", 1), ("none", 0), ("none", 1))
    other = arch(("sep_conv_3x3", 0), ("none", 1), ("none", 0), ("none", 2))
    both = arch(("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("none", 0), ("none", 1))
    assert one.key() == other.key() != both.key()
    network = Darts(nodes=2, none=True).build(one, GREY, SMALL)
    assert network.cells["0"].width == SMALL.filters
    nothing = arch(*[("none", 0), ("none", 1)] * 2)
    logits = Darts(nodes=2, none=True).build(nothing, GREY, SMALL)(torch.randn(3, 1, 8, 8))
    logits.sum().backward()
    assert torch.isfinite(logits).all()


def test_a_dilated_separable_operation_is_what_darts_calls_dil_conv() -> None:
    module = OPS["dil_sep_3x3"].build(4, 4, 1).double().eval()
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    deep, wide = module[1].weight, module[2].weight
    expected = functional.conv2d(functional.relu(x), deep, padding=2, dilation=2, groups=4)
    expected = functional.conv2d(expected, wide) / (1 + module[3].eps) ** 0.5
    torch.testing.assert_close(module(x), expected)


def test_a_bottleneck_is_a_quarter_as_wide_inside() -> None:
    module = OPS["bottleneck_1x7_7x1"].build(8, 8, 2)
    shapes = [tuple(m.weight.shape) for m in module if isinstance(m, nn.Conv2d)]
    assert shapes == [(2, 8, 1, 1), (2, 2, 1, 7), (2, 2, 7, 1), (8, 2, 1, 1)]
    # Three filters have no quarter: the convolution alone, between ReLU and normalisation.
    assert len(OPS["bottleneck_3x3"].build(3, 3, 1)) == 3


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_two_by_two_maximum_pads_at_the_end(size: int, stride: int) -> None:
    x = torch.randn(1, 1, size, size)
    padded = functional.pad(x, (0, 1, 0, 1), value=-torch.inf)
    expected = functional.max_pool2d(padded, 2, stride)
    side = -(-size // stride)
    assert torch.equal(OPS["max_2x2"].build(1, 1, stride)(x), expected[:, :, :side, :side])


def test_darts_pads_both_sides_alike_and_tensorflow_does_not() -> None:
    x = torch.randn(2, 3, 8, 8).double()
    for assembly, same in ((TORCH, False), (TENSORFLOW, True)):
        network = CellNetwork(DARTS_V2, CIFAR, SMALL, assembly=assembly).double().eval()
        pool = network.cells["1"].ops[0]
        expected = functional.max_pool2d(x, 3, 2, 1)
        assert torch.equal(pool(x), expected) != same


def test_the_first_cell_reads_the_raw_stem_in_tensorflow_and_an_adjusted_one_in_darts() -> None:
    def first(assembly) -> nn.Module:
        return (
            CellNetwork(PNASNET_5, GREY, SMALL, plan=strided_stack(SMALL), assembly=assembly)
            .cells["0"]
            .adjust["1"]
        )

    assert isinstance(first(TENSORFLOW), nn.Identity)
    assert len(first(TORCH)) == 3


def test_an_enas_cell_adjusts_h_i_twice() -> None:
    arch = EnasMicro().decode(EnasMicro().sample(random.Random(0)))
    network = CellNetwork(arch, GREY, SMALL, assembly=ENAS)
    assert len(network.cells["0"].adjust["0"]) == 6
    assert network.head.linear.bias is None


def test_an_enas_node_that_nothing_reads_goes_out_and_so_does_an_input() -> None:
    # One node on h_{i-1} alone: h_i goes out as well.
    cell = enas_cell("normal", (0, 0, 0, 4))
    assert cell_blocks(cell) == [Block("sep_3x3", 1, "linear_skip", 1)]
    assert cell.outputs == (0, 4)


def test_pnas_strides_its_one_cell_where_nasnet_adds_a_reduction() -> None:
    plan = strided_stack(Scale(cells=2, filters=10))
    assert [place.stride for place in plan] == [1, 1, 2, 1, 2, 1]
    assert [place.filters for place in plan] == [10, 10, 20, 20, 40, 40]
    assert [place.before for place in plan] == [None, 0, 1, 2, 3, 4]


def test_darts_has_convolutions_for_an_imagenet_stem() -> None:
    scale = Scale(cells=4, filters=48, stem="imagenet")
    plan = darts_stack(scale)
    reductions = [i for i, place in enumerate(plan[1:]) if place.cell == "reduction"]
    assert (len(plan) - 1, reductions) == (14, [14 // 3, 2 * 14 // 3])
    network = Darts().build(DARTS_V2, Task(3, 64, 64, 5), scale.model_copy(update={"cells": 1}))
    assert network.stem(torch.randn(1, 3, 64, 64)).shape == (1, 48, 16, 16)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 5)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-5}


def test_an_input_that_goes_out_of_a_strided_cell_is_halved() -> None:
    network = AmoebaNet().build(AMOEBANET_C, GREY, SMALL)
    reduction = network.cells["1"]
    assert list(reduction.out) == ["0"]
    assert reduction.width == 6 * reduction.filters


def test_drop_path_grows_with_depth_except_in_darts_and_on_the_tpu() -> None:
    scale = SMALL.model_copy(update={"drop_path": 0.3})
    for space, arch, deep in (
        (PNAS(), PNASNET_5, True),
        (Darts(), DARTS_V2, False),
        (AmoebaNet(), AMOEBANET_C, False),
    ):
        network = space.build(arch, GREY, scale)
        network.set_progress(1.0)
        keeps = [cell.keep for cell in network.cells.values()]
        assert keeps[-1] == pytest.approx(0.7)
        assert (keeps[0] > keeps[-1]) == deep


def test_blocks_and_cells_are_inverse() -> None:
    blocks = [Block("sep_3x3", 0, "max_3x3", 1), Block("identity", 2, "sep_5x5", 0, "concat")]
    assert cell_blocks(block_cell("normal", blocks)) == blocks
