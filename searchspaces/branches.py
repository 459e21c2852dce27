"""Modules of whole layers, for spaces that choose layer by layer: NAS 2016, ENAS macro, mobile.

The order is convolution, batch normalisation, ReLU, as in these papers; the first layer may read
the image itself. Strides keep SAME sizes: ceil(size / stride).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.layers import AveragePool, FactorizedReduction, MaxPool, SameConv2d, conv_norm

SQUEEZE = 4  # squeeze-and-excitation reduces the block's input width by 4 (arXiv 1905.02244, 5.3)


class PadConcat(nn.Module):
    """The operands side by side; smaller ones get zeros on the right and at the bottom.

    "If input layers have different sizes, we pad the small layers with zeros" (arXiv 1611.01578,
    section 3.3).
    """

    def forward(self, *operands: Tensor) -> Tensor:
        """Concatenate (batch, channels, height, width) of any sizes along the channels."""
        height = max(x.shape[2] for x in operands)
        width = max(x.shape[3] for x in operands)
        return torch.cat([_enlarged(x, height, width) for x in operands], 1)


def _enlarged(x: Tensor, height: int, width: int) -> Tensor:
    if x.shape[2] == height and x.shape[3] == width:
        return x
    return functional.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole map shows (arXiv 1709.01507); hard sigmoid."""

    def __init__(self, width: int, squeezed: int) -> None:
        """Make the two 1x1 convolutions, ``width`` to ``squeezed`` and back."""
        super().__init__()
        self.reduce = nn.Conv2d(width, squeezed, 1)
        self.expand = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, h, w) to the same shape."""
        seen = functional.relu(self.reduce(x.mean((2, 3), keepdim=True)))  # (batch, squeezed, 1, 1)
        return x * functional.hardsigmoid(self.expand(seen))


def conv_norm_relu(
    c_in: int,
    c_out: int,
    stride: int,
    *,
    height: int = 3,
    width: int = 3,
    stride_width: int | None = None,
) -> nn.Sequential:
    """Return a height x width convolution, batch normalisation and ReLU.

    ``stride`` steps down, ``stride_width`` to the right; by default both are ``stride``.
    """
    steps = (stride, stride if stride_width is None else stride_width)
    conv = SameConv2d(c_in, c_out, (height, width), stride=steps)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))


def mobile_block(
    c_in: int,
    c_out: int,
    stride: int,
    *,
    kernel: int = 3,
    expansion: int = 3,
    squeeze: bool = False,
) -> nn.Sequential:
    """Return an inverted residual block without its residual (arXiv 1801.04381, table 1).

    1x1 to ``expansion`` times the width, depthwise kernel x kernel, squeeze-and-excitation where
    asked, 1x1 without an activation.
    """
    inner = c_in * expansion
    parts: list[nn.Module] = [
        SameConv2d(c_in, inner, 1),
        nn.BatchNorm2d(inner),
        nn.ReLU6(inplace=True),
        SameConv2d(inner, inner, kernel, stride=stride, groups=inner),
        nn.BatchNorm2d(inner),
        nn.ReLU6(inplace=True),
    ]
    if squeeze:
        parts.append(SqueezeExcite(inner, max(1, c_in // SQUEEZE)))
    return nn.Sequential(*parts, *conv_norm(inner, c_out))


def conv_branch(
    c_in: int, c_out: int, stride: int, *, kernel: int = 3, separable: bool = False
) -> nn.Sequential:
    """Return a convolutional branch of ENAS macro: 1x1, then kernel x kernel; each with BN, ReLU.

    As ``_conv_branch`` of the authors' code (enas, src/cifar10/general_child.py); a separable
    convolution is applied once, without normalisation between its two parts.
    """
    body: list[nn.Module] = [SameConv2d(c_out, c_out, kernel, stride=stride)]
    if separable:
        depthwise = SameConv2d(c_out, c_out, kernel, stride=stride, groups=c_out)
        body = [depthwise, SameConv2d(c_out, c_out, 1)]
    norm, relu = nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)
    return nn.Sequential(*conv_norm_relu(c_in, c_out, 1, height=1, width=1), *body, norm, relu)


def pool_branch(c_in: int, c_out: int, stride: int, *, maximum: bool = False) -> nn.Sequential:
    """Return a pooling branch of ENAS macro: 1x1, normalisation, ReLU, then a 3x3 pool."""
    pool: nn.Module = MaxPool(3, stride) if maximum else AveragePool(3, stride)
    return nn.Sequential(*conv_norm_relu(c_in, c_out, 1, height=1, width=1), pool)


def shrink(c_in: int, c_out: int, stride: int) -> nn.Module:
    """Return the factorised reduction without ReLU; at stride 1 a 1x1 convolution (ENAS macro)."""
    if stride == 1:
        return conv_norm(c_in, c_out)
    return FactorizedReduction(c_in, c_out, relu=False)
