"""Spaces that choose layer by layer: NAS 2016, ENAS macro and mobile, by hand and by rule."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from nas.profile import profile
from searchspaces import SpaceError, Task
from searchspaces.arch import Arch, Cell, Node
from searchspaces.branches import PadConcat, SqueezeExcite
from searchspaces.draw import cell_text
from searchspaces.enas_macro import ENASMacro
from searchspaces.layered import LayerNetwork, residuals, spent
from searchspaces.mobile import STAGES, Mobile
from searchspaces.nas2016 import NAS2016, layers_after
from searchspaces.scale import Scale

CIFAR = Task(3, 32, 32, 10)
PAPER = Scale(filters=24)


def params(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def convolution(c_in: int, c_out: int, pixels: int) -> int:
    return c_in * c_out * pixels + 2 * c_out


def test_nas2016_asks_what_the_paper_asks() -> None:
    plain = NAS2016(layers=3)
    assert [c.name for c in plain.choices] == [
        *("0.height", "0.width", "0.filters"),
        *("1.height", "1.width", "1.filters", "1.reads0"),
        *("2.height", "2.width", "2.filters", "2.reads0", "2.reads1"),
    ]
    assert plain.size == 64**3 * 2**3
    assert NAS2016(layers=3, strides=True).size == (64 * 9) ** 3 * 2**3
    assert NAS2016(layers=15).size == 64**15 * 2**105


def test_nas2016_layers_without_inputs_read_the_image_and_loose_ones_go_out() -> None:
    space = NAS2016(layers=4)
    # Layer 0: 3x5, 24; layer 1: 1x1, 36, reads none; layer 2: 7x3, 48, reads 0 and 1;
    # layer 3: 5x5, 64, reads 0.
    point = (1, 2, 0, 0, 0, 1, 0, 3, 1, 2, 1, 1, 2, 2, 3, 1, 0, 0)
    cell = space.decode(point).cell("layers")
    assert [(n.op, n.inputs) for n in cell.nodes] == [
        ("conv_norm_relu", (0,)),
        ("conv_norm_relu", (0,)),
        ("pad_concat", (1, 2)),
        ("conv_norm_relu", (3,)),
        ("conv_norm_relu", (1,)),
    ]
    assert cell.outputs == (4, 5)
    model = space.build(space.decode(point), CIFAR, PAPER)
    wanted = convolution(3, 24, 15) + convolution(3, 36, 1)
    wanted += convolution(60, 48, 21) + convolution(24, 64, 25) + (48 + 64) * 10 + 10
    assert params(model) == wanted
    text = cell_text(space.decode(point), "layers")
    assert "conv 7×3 →48(block 0)" in text


def test_nas2016_pads_smaller_maps_with_zeros_at_the_end() -> None:
    small, large = torch.ones(1, 2, 2, 3), torch.ones(1, 1, 4, 3)
    joined = PadConcat()(small, large)
    assert joined.shape == (1, 3, 4, 3)
    assert joined[0, 0].sum() == 6
    assert joined[0, 0, 2:].abs().sum() == 0
    space = NAS2016(layers=3, strides=True)
    # Strides 2x1 and 3x3; the last layer reads both: 16x32 and 11x11.
    point = (1, 1, 1, 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 0, 0, 0, 1, 1)
    model = space.build(space.decode(point), CIFAR, PAPER)
    shapes = [row.output for row in profile(model, CIFAR).layers]
    assert shapes[1:5] == [(24, 16, 32), (24, 11, 11), (48, 16, 32), (24, 16, 32)]


def test_nas2016_grows_by_the_schedule_of_the_paper() -> None:
    assert [layers_after(n) for n in (0, 1599, 1600, 12_800)] == [6, 6, 8, 22]
    small, deep = NAS2016(layers=2), NAS2016(layers=4)
    point = small.sample(random.Random(0))
    grown = deep.decode(small.grown(point, deep)).cell("layers")
    assert (
        grown.nodes[: len(small.decode(point).cells[0].nodes)] == small.decode(point).cells[0].nodes
    )
    assert len(deep.decode(small.grown(point, deep)).cells[0].nodes) >= 4
    assert NAS2016(layers=1, skips=False).grown((0, 0, 0), NAS2016(layers=2, skips=False)) == (
        *(0, 0, 0),
        *(1, 1, 0),
    )
    with pytest.raises(SpaceError, match="expected"):
        small.grown(point, NAS2016(layers=3, strides=True))


def test_nas2016_without_skips_is_a_row() -> None:
    space = NAS2016(layers=5, skips=False)
    cell = space.decode(space.sample(random.Random(1))).cell("layers")
    assert [n.inputs for n in cell.nodes] == [(0,), (1,), (2,), (3,), (4,)]
    assert cell.outputs == (5,)


def test_enas_macro_halves_after_each_third_and_doubles_the_filters() -> None:
    space = ENASMacro(layers=6)
    assert space.halved == (1, 3)
    assert ENASMacro().halved == (3, 7)
    assert ENASMacro().size == 6**12 * 2**66
    model = space.build(space.decode((0,) * len(space.choices)), CIFAR, Scale(filters=8))
    shapes = [row.output for row in profile(model, CIFAR).layers if row.kind == "conv"]
    assert shapes == [(8, 32, 32)] * 2 + [(16, 16, 16)] * 2 + [(32, 8, 8)] * 2


def test_enas_macro_has_the_parameters_counted_by_hand() -> None:
    space = ENASMacro(layers=3)
    assert space.halved == (0, 1)
    # conv 5x5; average with the stem; sep 3x3 with layer 0 but not the stem.
    arch = space.decode((2, 4, 1, 1, 0, 1))
    model = space.build(arch, CIFAR, Scale(filters=8, stem_multiplier=1))
    one = convolution(8, 8, 1)
    stem = convolution(3, 8, 9)
    first = one + convolution(8, 8, 25)
    reduced = 2 * convolution(8, 16, 1)  # the stem and layer 0 at the new width
    second = convolution(16, 16, 1) + convolution(32, 16, 1)
    again = 2 * convolution(16, 32, 1)  # layers 0 and 1: nobody reads the stem any more
    third = convolution(32, 32, 1) + 9 * 32 + convolution(32, 32, 1) + convolution(64, 32, 1)
    assert params(model) == stem + first + reduced + second + again + third + 32 * 10 + 10


def test_mobile_stages_have_the_blocks_widths_and_strides_chosen() -> None:
    space = Mobile(stages=2)
    assert space.size == (3 * 2 * 2 * 4 * 3) ** 2
    # Stage 0: 5x5, x3, SE, one block, 12 filters; stage 1: 3x3, x6, two blocks, 24 filters.
    arch = space.decode((1, 0, 1, 0, 0, 0, 1, 0, 1, 1))
    cell = arch.cell("stages")
    assert [n.op for n in cell.nodes] == [*["mobile_block"] * 3, "add", "conv_norm_relu"]
    assert residuals(cell) == {2}
    model = space.build(arch, CIFAR, Scale(filters=16, stem_multiplier=1))

    def block(c_in: int, c_out: int, kernel: int, expansion: int) -> int:
        inner = c_in * expansion
        depthwise = inner * kernel**2 + 2 * inner
        return convolution(c_in, inner, 1) + depthwise + convolution(inner, c_out, 1)

    squeeze = (48 * 4 + 4) + (4 * 48 + 48)
    wanted = convolution(3, 16, 9) + block(16, 12, 5, 3) + squeeze
    wanted += block(12, 24, 3, 6) + block(24, 24, 3, 6) + convolution(24, 96, 1) + 96 * 10 + 10
    assert params(model) == wanted
    assert [row.output for row in profile(model, CIFAR).layers][1:6] == [
        *[(12, 32, 32), (24, 16, 16), (24, 16, 16), (24, 16, 16), (96, 16, 16)]
    ]
    assert "mobile 5×5 ×3 SE →12(input)" in cell_text(arch, "stages")


def test_every_width_of_a_mobile_stage_is_a_whole_number() -> None:
    space = Mobile(stages=len(STAGES))
    widths = {
        dict(node.args)["filters"]
        for choice in range(3)
        for node in space.decode((0, 0, 0, 0, choice) * len(STAGES)).cells[0].nodes
    }
    assert {12, 16, 20, 240, 320, 400} <= widths


def test_drop_path_takes_residual_blocks_only_and_grows_with_depth_and_time() -> None:
    space = Mobile(stages=1)
    arch = space.decode((0, 0, 0, 2, 1))
    model = space.build(arch, CIFAR, Scale(filters=4, drop_path=0.5))
    model.set_progress(0.5)
    keep = [layer.keep for layer in model.ops]
    assert keep == pytest.approx([1, 1 - 0.25 * 2 / 6, 1, 1 - 0.25 * 4 / 6, 1, 1])


def test_squeeze_and_excitation_weighs_channels_by_the_whole_map() -> None:
    layer, x = SqueezeExcite(4, 2), torch.randn(2, 4, 5, 3)
    gates = layer(x) / x
    assert torch.allclose(gates, gates[:, :, :1, :1].expand_as(gates))
    seen = torch.relu(layer.reduce(x.mean((2, 3), keepdim=True)))
    assert torch.allclose(gates[:, :, :1, :1], (layer.expand(seen) / 6 + 0.5).clamp(0, 1))


def test_values_go_once_nobody_reads_them() -> None:
    nodes = (Node("sep_3x3", (0,)), Node("sep_3x3", (1,)), Node("add", (1, 2)))
    assert spent(Cell("c", 1, nodes, (2, 3))) == ((0,), (), (1,))


def test_an_operation_that_reads_two_values_is_refused() -> None:
    cell = Cell("layers", 1, (Node("conv_1x1", (0,)), Node("conv_1x1", (0, 1))), (2,))
    with pytest.raises(SpaceError, match="conv_1x1 reads one value, got 2"):
        LayerNetwork(Arch("any", (cell,)), CIFAR, Scale(), unit=1)
