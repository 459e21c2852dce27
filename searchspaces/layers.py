"""Layers that the operations and the network share: SAME padding, pools, factorised reduction.

Padding follows the authors' TensorFlow code (tensorflow/models, slim/nets/nasnet): SAME, which at
stride 2 and an even size puts the odd pixel on the right and at the bottom; averages leave the
padding out. Every layer accepts any size from 1x1 up and any memory format.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the pixels that TensorFlow's SAME padding adds before and after one axis."""
    reach = dilation * (kernel - 1) + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def subsampled(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Return every stride-th pixel of (batch, channels, height, width), the first among them.

    A strided 1x1 convolution is one of these pixels, and is always written so here: the strided
    one of oneDNN (torch 2.14.1, channels_last, AVX2, fewer than 8 channels) writes past the end of
    its buffers in the backward pass.
    """
    return x if stride == (1, 1) else x[:, :, :: stride[0], :: stride[1]]


class SameConv2d(nn.Conv2d):
    """A convolution without bias whose output is ceil(size / stride), as TensorFlow pads it.

    ``same`` is False where both sides are padded alike (see :func:`pad_symmetrically`).
    """

    same = True

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        """Make the weight, (c_out, c_in / groups, kernel, kernel)."""
        super().__init__(
            c_in, c_out, kernel, stride=stride, dilation=dilation, groups=groups, bias=False
        )

    def forward(self, input: Tensor) -> Tensor:
        """Map (batch, c_in, height, width) to (batch, c_out, height / stride, width / stride)."""
        if self.kernel_size == (1, 1):
            chosen = subsampled(input, self.stride)
            return functional.conv2d(chosen, self.weight, None, groups=self.groups)
        top, bottom = self._pad(input, 0)
        left, right = self._pad(input, 1)
        padding = (top, left)
        if top != bottom or left != right:
            input = functional.pad(input, (left, right, top, bottom))
            padding = (0, 0)
        return functional.conv2d(
            input, self.weight, None, self.stride, padding, self.dilation, self.groups
        )

    def _pad(self, x: Tensor, axis: int) -> tuple[int, int]:
        step = self.stride[axis] if self.same else 1
        return same_padding(x.shape[2 + axis], self.kernel_size[axis], step, self.dilation[axis])


class MaxPool(nn.Module):
    """A maximum over kernel x kernel pixels, SAME padding."""

    same = True

    def __init__(self, kernel: int, stride: int) -> None:
        """Keep the window and its step, in pixels."""
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same over the stride."""
        if self.stride == 1 and self.kernel % 2 == 0:
            behind = self.kernel // 2
            ahead = self.kernel - 1 - behind
            padded = functional.pad(x, (ahead, behind, ahead, behind), value=-torch.inf)
            return functional.max_pool2d(padded, self.kernel, 1)
        padding, uneven = _pool_padding(x, self.kernel, self.stride if self.same else 1)
        # Rounding up lets the last window hang over the edge: the one-sided pixel of SAME.
        return functional.max_pool2d(x, self.kernel, self.stride, padding, ceil_mode=uneven)


class AveragePool(nn.Module):
    """A mean over kernel x kernel pixels, SAME padding.

    ``count_padding`` divides by the whole window at stride 2, which is what timm's port of NASNet
    does and TensorFlow does not.
    """

    same = True

    def __init__(self, kernel: int, stride: int) -> None:
        """Keep the window and its step, in pixels."""
        super().__init__()
        self.kernel, self.stride, self.count_padding = kernel, stride, False

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same over the stride."""
        if self.count_padding and self.stride > 1:
            top, bottom = same_padding(x.shape[2], self.kernel, self.stride)
            left, right = same_padding(x.shape[3], self.kernel, self.stride)
            return functional.avg_pool2d(
                functional.pad(x, (left, right, top, bottom)), self.kernel, self.stride
            )
        padding, uneven = _pool_padding(x, self.kernel, self.stride if self.same else 1)
        return functional.avg_pool2d(
            x, self.kernel, self.stride, padding, ceil_mode=uneven, count_include_pad=False
        )


def _pool_padding(x: Tensor, kernel: int, stride: int) -> tuple[tuple[int, int], bool]:
    top, bottom = same_padding(x.shape[2], kernel, stride)
    left, right = same_padding(x.shape[3], kernel, stride)
    return (top, left), top != bottom or left != right


def count_padding(network: nn.Module) -> None:
    """Let every average of stride 2 divide by its whole window, padding included, as timm's do."""
    for module in network.modules():
        if isinstance(module, AveragePool):
            module.count_padding = True


def pad_symmetrically(network: nn.Module) -> None:
    """Pad both sides alike in every convolution and pool, as torch does and TensorFlow does not.

    The two differ at stride 2 and an even size only. Kernels must be odd.
    """
    for module in network.modules():
        if isinstance(module, SameConv2d | MaxPool | AveragePool):
            module.same = False


class Zero(nn.Module):
    """Nothing: zeros of the right shape, through which the gradient is zero rather than absent."""

    def __init__(self, c_out: int, stride: int) -> None:
        """Keep the channels and the step in pixels."""
        super().__init__()
        self.c_out, self.stride = c_out, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to zeros (batch, c_out, h / stride, w / stride)."""
        nothing = x[:, :1, :: self.stride, :: self.stride] * 0
        return nothing.expand(-1, self.c_out, -1, -1)


class FactorizedReduction(nn.Module):
    """Halve the size by two 1x1 convolutions over the even and the odd pixels, concatenated.

    An odd number of filters gives the second path one more, as the later revisions of the
    TensorFlow code do.
    """

    def __init__(self, c_in: int, c_out: int, *, relu: bool) -> None:
        """Make both paths; ``relu`` puts one ReLU before them."""
        super().__init__()
        self.relu = relu
        first = max(1, c_out // 2)
        self.even = nn.Conv2d(c_in, first, 1, bias=False)
        self.odd = nn.Conv2d(c_in, c_out - first, 1, bias=False) if c_out > 1 else None
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c_in, height, width) to (batch, c_out, ceil(h / 2), ceil(w / 2))."""
        if self.relu:
            x = functional.relu(x)
        out: Tensor = self.even(subsampled(x, (2, 2)))
        if self.odd is not None:
            # Shifted by one pixel; an odd size lacks the last row or column, which is zero.
            shifted = functional.pad(x, (-1, x.shape[3] % 2, -1, x.shape[2] % 2))
            out = torch.cat([out, self.odd(subsampled(shifted, (2, 2)))], 1)
        normed: Tensor = self.norm(out)
        return normed


class Add(nn.Module):
    """The sum of the operands."""

    def forward(self, *operands: Tensor) -> Tensor:
        """Add tensors of one shape."""
        total = operands[0]
        for operand in operands[1:]:
            total = total + operand
        return total


class Concat(nn.Module):
    """The operands side by side along the channels."""

    def forward(self, *operands: Tensor) -> Tensor:
        """Concatenate tensors of one size."""
        return torch.cat(operands, 1)


def relu_conv_norm(
    c_in: int, c_out: int, kernel: int = 1, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Return ReLU, convolution, batch normalisation."""
    conv = SameConv2d(c_in, c_out, kernel, stride=stride, dilation=dilation)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out))


def conv_norm(c_in: int, c_out: int) -> nn.Sequential:
    """Return a 1x1 convolution and batch normalisation, without a ReLU before them."""
    return nn.Sequential(SameConv2d(c_in, c_out, 1), nn.BatchNorm2d(c_out))
