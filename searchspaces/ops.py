"""The table of operations: names in an architecture to torch modules, labels and colour families.

The order is that of the paper (arXiv 1707.07012): ReLU, convolution, batch normalisation. To add
an operation, add one line to the table; spaces, drawings and profiles find it by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from searchspaces import SpaceError
from searchspaces.branches import (
    PadConcat,
    conv_branch,
    conv_norm_relu,
    mobile_block,
    pool_branch,
    shrink,
)
from searchspaces.layers import (
    Add,
    AveragePool,
    Concat,
    FactorizedReduction,
    MaxPool,
    SameConv2d,
    Zero,
    conv_norm,
    relu_conv_norm,
)

Build = Callable[..., nn.Module]  # (c_in, c_out, stride, **arguments of the node)
Width = Callable[[Sequence[int]], int]
X = "\N{MULTIPLICATION SIGN}"


def identity(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Return the identity, or ReLU, 1x1, normalisation where the shape has to change."""
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return relu_conv_norm(c_in, c_out, 1, stride)


def _separable(kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        # Applied twice; the stride and the change of width belong to the first.
        return nn.Sequential(
            nn.ReLU(),
            SameConv2d(c_in, c_in, kernel, stride=stride, groups=c_in),
            SameConv2d(c_in, c_out, 1),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
            SameConv2d(c_out, c_out, kernel, groups=c_out),
            SameConv2d(c_out, c_out, 1),
            nn.BatchNorm2d(c_out),
        )

    return build


def _conv(kernel: int, dilation: int = 1) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        return relu_conv_norm(c_in, c_out, kernel, stride, dilation)

    return build


def skip_connect(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Return the identity, or a factorised reduction where the shape has to change (DARTS)."""
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    if stride == 1:
        return relu_conv_norm(c_in, c_out)
    return FactorizedReduction(c_in, c_out, relu=True)


def linear_skip(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Return the identity, or a factorised reduction without a ReLU before it (ENAS)."""
    if stride == 1 and c_in == c_out:
        return nn.Identity()
    return FactorizedReduction(c_in, c_out, relu=False) if stride > 1 else conv_norm(c_in, c_out)


def _zero(_c_in: int, c_out: int, stride: int) -> nn.Module:
    return Zero(c_out, stride)


def _dilated_separable(kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        # Once, not twice: the window of a dilation is wide enough (DARTS, cnn/operations.py).
        return nn.Sequential(
            nn.ReLU(),
            SameConv2d(c_in, c_in, kernel, stride=stride, dilation=2, groups=c_in),
            SameConv2d(c_in, c_out, 1),
            nn.BatchNorm2d(c_out),
        )

    return build


def _bottleneck(inner: Build) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        # A quarter of the filters in between (tpu/models/official/amoeba_net/network_utils.py).
        narrow = c_out // 4
        if narrow < 1:
            return inner(c_in, c_out, stride)
        return nn.Sequential(
            *relu_conv_norm(c_in, narrow),
            *as_layers(inner(narrow, narrow, stride)),
            *relu_conv_norm(narrow, c_out),
        )

    return build


def as_layers(module: nn.Module) -> tuple[nn.Module, ...]:
    """Return the layers of a sequence, or the module alone."""
    return tuple(module) if isinstance(module, nn.Sequential) else (module,)


def _conv_norm_relu(kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        # The order of NAS-Bench-101: convolution, normalisation, ReLU.
        conv = SameConv2d(c_in, c_out, kernel, stride=stride)
        return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))

    return build


def _rows_then_columns(kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        return nn.Sequential(
            nn.ReLU(),
            SameConv2d(c_in, c_out, (1, kernel), stride=(1, stride)),
            nn.BatchNorm2d(c_out),
            nn.ReLU(inplace=True),
            SameConv2d(c_out, c_out, (kernel, 1), stride=(stride, 1)),
            nn.BatchNorm2d(c_out),
        )

    return build


def _rows_columns_once(kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        # One normalisation for both, as DARTS has it (cnn/operations.py, conv_7x1_1x7).
        return nn.Sequential(
            nn.ReLU(),
            SameConv2d(c_in, c_out, (1, kernel), stride=(1, stride)),
            SameConv2d(c_out, c_out, (kernel, 1), stride=(stride, 1)),
            nn.BatchNorm2d(c_out),
        )

    return build


def _pool(pool: type[MaxPool] | type[AveragePool], kernel: int) -> Build:
    def build(c_in: int, c_out: int, stride: int) -> nn.Module:
        if c_in == c_out:
            return pool(kernel, stride)
        return nn.Sequential(pool(kernel, stride), *conv_norm(c_in, c_out))

    return build


def _combiner(module: type[Add] | type[Concat] | type[PadConcat]) -> Build:
    def build(*_: int) -> nn.Module:
        return module()

    return build


def _one_width(widths: Sequence[int]) -> int:
    if len(set(widths)) != 1:
        raise SpaceError(f"add needs operands of one width, got {list(widths)}")
    return widths[0]


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. ``build(c_in, c_out, stride)`` returns a fresh module.

    ``family`` groups operations for colours: sep, dil, avg, max, conv, skip, zero, combine.
    An operation reads one tensor and makes it as wide as its cell; a node's arguments are further
    keywords of ``build`` where the space builds layer by layer. A ``combine`` reads several,
    ignores the arguments of ``build``, and ``width(widths read)`` says how wide it comes out.
    """

    name: str
    label: str
    family: str
    build: Build
    width: Width | None = None


def _table(*ops: Op) -> dict[str, Op]:
    return {op.name: op for op in ops}


# First the 13 operations and 2 combiners of NASNet (arXiv 1707.07012, section 3.1), then those of
# DARTS and NAS-Bench-201, AmoebaNet, ENAS and NAS-Bench-101.
OPS: dict[str, Op] = _table(
    Op("identity", "identity", "skip", identity),
    Op("conv_1x3_3x1", f"1{X}3 3{X}1", "conv", _rows_then_columns(3)),
    Op("conv_1x7_7x1", f"1{X}7 7{X}1", "conv", _rows_then_columns(7)),
    Op("dil_3x3", f"dil 3{X}3", "dil", _conv(3, dilation=2)),
    Op("avg_3x3", f"avg 3{X}3", "avg", _pool(AveragePool, 3)),
    Op("max_3x3", f"max 3{X}3", "max", _pool(MaxPool, 3)),
    Op("max_5x5", f"max 5{X}5", "max", _pool(MaxPool, 5)),
    Op("max_7x7", f"max 7{X}7", "max", _pool(MaxPool, 7)),
    Op("conv_1x1", f"conv 1{X}1", "conv", _conv(1)),
    Op("conv_3x3", f"conv 3{X}3", "conv", _conv(3)),
    Op("sep_3x3", f"sep 3{X}3", "sep", _separable(3)),
    Op("sep_5x5", f"sep 5{X}5", "sep", _separable(5)),
    Op("sep_7x7", f"sep 7{X}7", "sep", _separable(7)),
    Op("add", "add", "combine", _combiner(Add), _one_width),
    Op("concat", "concat", "combine", _combiner(Concat), sum),
    Op("none", "none", "zero", _zero),
    Op("skip_connect", "skip", "skip", skip_connect),
    Op("dil_sep_3x3", f"dil sep 3{X}3", "dil", _dilated_separable(3)),
    Op("dil_sep_5x5", f"dil sep 5{X}5", "dil", _dilated_separable(5)),
    Op("conv_7x1_1x7", f"1{X}7 7{X}1", "conv", _rows_columns_once(7)),
    Op("max_2x2", f"max 2{X}2", "max", _pool(MaxPool, 2)),
    Op("bottleneck_3x3", f"neck 3{X}3", "conv", _bottleneck(_conv(3))),
    Op("bottleneck_1x7_7x1", f"neck 1{X}7 7{X}1", "conv", _bottleneck(_rows_then_columns(7))),
    Op("linear_skip", "skip", "skip", linear_skip),
    Op("conv_1x1_norm_relu", f"conv 1{X}1", "conv", _conv_norm_relu(1)),
    Op("conv_3x3_norm_relu", f"conv 3{X}3", "conv", _conv_norm_relu(3)),
    # Layers of NAS 2016, ENAS macro and mobile; those with arguments have them as keywords.
    Op("conv_norm_relu", "conv", "conv", conv_norm_relu),
    Op("mobile_block", "mobile", "sep", mobile_block),
    Op("conv_branch", "conv", "conv", conv_branch),
    Op("sep_branch", "sep", "sep", partial(conv_branch, separable=True)),
    Op("avg_branch", f"avg 3{X}3", "avg", pool_branch),
    Op("max_branch", f"max 3{X}3", "max", partial(pool_branch, maximum=True)),
    Op("shrink", "shrink", "skip", shrink),
    Op("pad_concat", "concat", "combine", _combiner(PadConcat), sum),
)


def op(name: str) -> Op:
    """Return the operation called ``name``; raise SpaceError with the known names."""
    if name not in OPS:
        raise SpaceError(f"unknown operation {name!r}; known: {', '.join(OPS)}")
    return OPS[name]
