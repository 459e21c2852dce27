"""Layers that several hand-built families share, and the first convolution of torchvision's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchspaces import Task


def conv3x3(c_in: int, c_out: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a padded 3x3 convolution without bias."""
    return nn.Conv2d(c_in, c_out, 3, stride, 1, groups=groups, bias=False)


def conv1x1(c_in: int, c_out: int, stride: int = 1) -> nn.Conv2d:
    """Return a 1x1 convolution without bias."""
    return nn.Conv2d(c_in, c_out, 1, stride, bias=False)


def norm_relu(channels: int) -> Iterator[nn.Module]:
    """Yield batch normalisation and ReLU."""
    yield nn.BatchNorm2d(channels)
    yield nn.ReLU(inplace=True)


class Average(nn.Module):
    """The mean over all pixels, (batch, channels, height, width) -> (batch, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """Average each map."""
        return x.mean((2, 3))


def he_normal(model: nn.Module) -> nn.Module:
    """Start every convolution from He's normal distribution (arXiv 1502.01852); return the model.

    The deviation is sqrt(2 / fan-out); biases start at 0.
    """
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return model


def with_channels(model: nn.Module, task: Task) -> nn.Module:
    """Give the first convolution of a network the channels of ``task``; return the network."""
    name, first = next((n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d))
    if first.in_channels != task.channels:
        replace(model, name, resized(first, task.channels))
    return model


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` in the place of the submodule called ``name``."""
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, module)


def resized(
    conv: nn.Conv2d, channels: int, *, kernel: int | None = None, stride: int | None = None
) -> nn.Conv2d:
    """Return a fresh convolution like ``conv`` with other channels, kernel or stride."""
    return nn.Conv2d(
        channels,
        conv.out_channels,
        kernel or conv.kernel_size,  # type: ignore[arg-type]
        stride or conv.stride,  # type: ignore[arg-type]
        kernel // 2 if kernel else conv.padding,  # type: ignore[arg-type]
        bias=conv.bias is not None,
    )
