"""The table of operations: shapes, padding, and values against plain torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from searchspaces.layers import AveragePool, FactorizedReduction, MaxPool, SameConv2d, same_padding
from searchspaces.ops import OPS

FAMILIES = {"sep", "dil", "avg", "max", "conv", "skip", "zero", "combine"}
SINGLE = [name for name, entry in OPS.items() if entry.family != "combine"]


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2), (3, 5), (8, 7)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("widths", [(4, 4), (3, 5)])
def test_an_operation_keeps_the_size_or_halves_it_rounded_up(
    name: str, size: tuple[int, int], stride: int, widths: tuple[int, int]
) -> None:
    module = OPS[name].build(*widths, stride).eval()
    expected = (2, widths[1], -(-size[0] // stride), -(-size[1] // stride))
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, widths[0], *size).to(memory_format=layout)
        assert module(x).shape == expected


def test_every_entry_is_named_as_its_key_and_has_a_known_family() -> None:
    for name, entry in OPS.items():
        assert entry.name == name
        assert entry.family in FAMILIES
        assert entry.label


@pytest.mark.parametrize(
    ("size", "kernel", "expected"),
    [
        (6, 3, (0, 1)),
        (7, 3, (1, 1)),
        (6, 5, (1, 2)),
        (7, 5, (2, 2)),
        (6, 7, (2, 3)),
        (1, 7, (3, 3)),
    ],
)
def test_same_padding_puts_the_odd_pixel_at_the_end(
    size: int, kernel: int, expected: tuple[int, int]
) -> None:
    assert same_padding(size, kernel, 2) == expected


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (6, 6), (6, 7), (9, 4)])
def test_pools_and_convolutions_agree_with_explicit_padding(
    kernel: int, size: tuple[int, int]
) -> None:
    x = torch.randn(2, 3, *size)
    top, bottom = same_padding(size[0], kernel, 2)
    left, right = same_padding(size[1], kernel, 2)
    sides = (left, right, top, bottom)
    high = functional.max_pool2d(functional.pad(x, sides, value=-torch.inf), kernel, 2)
    torch.testing.assert_close(MaxPool(kernel, 2)(x), high)
    # The mean without the padding: sums over the pixels inside, divided by how many there are.
    padded = functional.pad(x, sides)
    inside = functional.pad(torch.ones_like(x), sides)
    total = functional.avg_pool2d(padded, kernel, 2)
    share = functional.avg_pool2d(inside, kernel, 2)
    torch.testing.assert_close(AveragePool(kernel, 2)(x), total / share)
    conv = SameConv2d(3, 5, kernel, stride=2)
    expected = functional.conv2d(padded, conv.weight, stride=2)
    torch.testing.assert_close(conv(x), expected)


def test_an_average_pool_can_count_the_padding_as_timm_does() -> None:
    pool = AveragePool(3, 2)
    ones = torch.ones(1, 1, 6, 6)
    assert pool(ones).unique().tolist() == [1.0]
    pool.count_padding = True
    assert pool(ones)[0, 0, 2].tolist() == pytest.approx([2 / 3, 2 / 3, 4 / 9])


@pytest.mark.parametrize("size", [1, 2, 5, 6])
@pytest.mark.parametrize("filters", [1, 4, 5])
def test_factorised_reduction_reads_even_pixels_and_odd_pixels(size: int, filters: int) -> None:
    module = FactorizedReduction(3, filters, relu=True).eval()
    x = torch.randn(2, 3, size, size)
    out = module(x)
    assert out.shape == (2, filters, (size + 1) // 2, (size + 1) // 2)
    half = max(1, filters // 2)
    positive = functional.relu(x)
    even = functional.conv2d(positive[:, :, ::2, ::2], module.even.weight)
    scale = (1 + module.norm.eps) ** -0.5  # a fresh normalisation in evaluation
    torch.testing.assert_close(out[:, :half], even * scale)
    if module.odd is not None:
        shifted = functional.pad(positive, (0, 1, 0, 1))[:, :, 1:, 1:][:, :, ::2, ::2]
        odd = functional.conv2d(shifted, module.odd.weight)
        torch.testing.assert_close(out[:, half:], odd * scale)


def test_identity_costs_nothing_unless_the_shape_changes() -> None:
    build = OPS["identity"].build
    assert list(build(4, 4, 1).parameters()) == []
    assert sum(p.numel() for p in build(4, 6, 1).parameters()) == 4 * 6 + 2 * 6


def test_a_separable_operation_is_applied_twice_and_widens_first() -> None:
    module = OPS["sep_5x5"].build(3, 6, 2)
    convs = [layer for layer in module if isinstance(layer, SameConv2d)]
    assert [tuple(conv.weight.shape) for conv in convs] == [
        (3, 1, 5, 5),
        (6, 3, 1, 1),
        (6, 1, 5, 5),
        (6, 6, 1, 1),
    ]
    assert [conv.stride[0] for conv in convs] == [2, 1, 1, 1]


def test_combiners_add_and_concatenate() -> None:
    x, y = torch.randn(1, 2, 3, 3), torch.randn(1, 2, 3, 3)
    assert torch.equal(OPS["add"].build(2, 2, 1)(x, y), x + y)
    assert torch.equal(OPS["concat"].build(2, 4, 1)(x, y), torch.cat([x, y], 1))
