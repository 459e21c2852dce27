"""Parts of Inception-v4 and Inception-ResNet-v2: paths side by side, written as data.

A path is a tuple of steps; a step is a convolution or the name of a pool. Modules have the names
of timm's, so that its weights load by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

EPS = 1e-3  # of batch normalisation, as in the authors' code
Kernel = int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Conv:
    """A normalised convolution of a path; it is padded unless it is ``valid``."""

    filters: int
    kernel: Kernel = 1
    stride: int = 1
    valid: bool = False


Step = Conv | str
Path = tuple[Step, ...]


class ConvNorm(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, c_in: int, step: Conv) -> None:
        """Map ``c_in`` channels to the filters of the step."""
        super().__init__()
        kernel = (step.kernel, step.kernel) if isinstance(step.kernel, int) else step.kernel
        padding = (0, 0) if step.valid else (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(c_in, step.filters, kernel, step.stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(step.filters, eps=EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Run the three."""
        return functional.relu(self.bn(self.conv(x)))


POOLS: dict[str, Callable[[], nn.Module]] = {
    "max": lambda: nn.MaxPool2d(3, 2),
    "average": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
}


def path(c_in: int, steps: Path) -> tuple[nn.Module, int]:
    """Return the module of a path, a single step as it is, and its channels."""
    parts: list[nn.Module] = []
    for step in steps:
        if isinstance(step, Conv):
            parts.append(ConvNorm(c_in, step))
            c_in = step.filters
        else:
            parts.append(POOLS[step]())
    return (parts[0] if len(parts) == 1 else nn.Sequential(*parts)), c_in


class Paths(nn.Module):
    """Paths side by side, their maps one behind the other."""

    names: tuple[str, ...]

    def __init__(self, c_in: int, paths: tuple[Path, ...], names: tuple[str, ...] = ()) -> None:
        """Build the paths; ``names`` are those of their modules."""
        super().__init__()
        self.names = names or tuple(f"branch{number}" for number in range(len(paths)))
        self.width = 0
        for name, steps in zip(self.names, paths, strict=True):
            module, width = path(c_in, steps)
            self.add_module(name, module)
            self.width += width

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of all paths."""
        return torch.cat([self.get_submodule(name)(x) for name in self.names], 1)


class Residual(Paths):
    """Paths, a 1x1 back to the width of the input, scaled and added to it."""

    def __init__(
        self, c_in: int, paths: tuple[Path, ...], scale: float, *, last: bool = False
    ) -> None:
        """``scale`` is what the sum is multiplied by; the ``last`` block has no ReLU."""
        super().__init__(c_in, paths)
        self.conv2d = nn.Conv2d(self.width, c_in, 1)
        self.scale, self.last, self.width = scale, last, c_in

    def forward(self, x: Tensor) -> Tensor:
        """Add the block to its input."""
        y: Tensor = self.conv2d(super().forward(x)) * self.scale + x
        return y if self.last else functional.relu(y)


class Forked(nn.Module):
    """Inception-C: four paths, two of which fork into 1x3 and 3x1 at their end."""

    def __init__(self, c_in: int) -> None:
        """Map ``c_in`` channels to 1,536."""
        super().__init__()

        def conv(width: int, filters: int, kernel: Kernel = 1) -> ConvNorm:
            return ConvNorm(width, Conv(filters, kernel))

        self.branch0 = conv(c_in, 256)
        self.branch1_0 = conv(c_in, 384)
        self.branch1_1a, self.branch1_1b = conv(384, 256, (1, 3)), conv(384, 256, (3, 1))
        self.branch2_0 = conv(c_in, 384)
        self.branch2_1, self.branch2_2 = conv(384, 448, (3, 1)), conv(448, 512, (1, 3))
        self.branch2_3a, self.branch2_3b = conv(512, 256, (1, 3)), conv(512, 256, (3, 1))
        self.branch3, _ = path(c_in, ("average", Conv(256)))
        self.width = 1536

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of all paths."""
        one, two = self.branch1_0(x), self.branch2_2(self.branch2_1(self.branch2_0(x)))
        forks = [self.branch1_1a(one), self.branch1_1b(one)]
        forks += [self.branch2_3a(two), self.branch2_3b(two)]
        return torch.cat([self.branch0(x), *forks, self.branch3(x)], 1)
