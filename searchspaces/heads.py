"""What stands before and after the cells: stems, the classifier and the auxiliary classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from searchspaces import SpaceError
from searchspaces.assembly import Auxiliary
from searchspaces.layers import SameConv2d

if TYPE_CHECKING:
    from searchspaces import Task
    from searchspaces.scale import Scale

IMAGENET_STEM = 32  # filters at stem_multiplier 1 (slim/nets/nasnet/nasnet.py, _imagenet_stem)
AUX_PROJECTION, AUX_FILTERS = 128, 768  # slim/nets/nasnet/nasnet.py, _build_aux_head


class Stem(nn.Sequential):
    """A 3x3 convolution and batch normalisation, no ReLU; ImageNet: stride 2 without padding."""

    def __init__(self, task: Task, scale: Scale, *, width: int | None = None) -> None:
        """Read the channels from the task, the kind and the filters from the scale.

        ``width`` gives the filters instead.
        """
        conv: nn.Conv2d
        if scale.stem == "imagenet":
            if min(task.height, task.width) < 3:
                raise SpaceError(
                    f"stem imagenet needs images of at least 3x3, got {task.height}x{task.width}"
                )
            self.width = width or max(1, int(IMAGENET_STEM * scale.stem_multiplier))
            conv = nn.Conv2d(task.channels, self.width, 3, stride=2, bias=False)
            self.size = ((task.height - 1) // 2, (task.width - 1) // 2)
        else:
            self.width = width or max(1, int(scale.filters * scale.stem_multiplier))
            conv = SameConv2d(task.channels, self.width, 3)
            self.size = (task.height, task.width)
        super().__init__(conv, nn.BatchNorm2d(self.width))
        self.kind = "conv 3x3"


class QuarterStem(nn.Sequential):
    """The first ImageNet stem of DARTS: two 3x3 convolutions of stride 2, to F filters."""

    def __init__(self, task: Task, scale: Scale) -> None:
        """Read the channels from the task and the filters from the scale."""
        self.width = scale.filters
        half = max(1, self.width // 2)
        super().__init__(
            SameConv2d(task.channels, half, 3, stride=2),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
            SameConv2d(half, self.width, 3, stride=2),
            nn.BatchNorm2d(self.width),
        )
        self.size = (-(-task.height // 4), -(-task.width // 4))
        self.kind = "conv 3x3, twice"


class EighthStem(nn.Sequential):
    """The second ImageNet stem of DARTS, which the first cell reads as h_i: ReLU, 3x3, stride 2."""

    def __init__(self, c_in: int, width: int) -> None:
        """Make the convolution and its normalisation."""
        super().__init__(nn.ReLU(), SameConv2d(c_in, width, 3, stride=2), nn.BatchNorm2d(width))
        self.width = width
        self.kind = "conv 3x3"


class Head(nn.Module):
    """ReLU (or not), global average, dropout, linear."""

    def __init__(
        self, width: int, classes: int, dropout: float, *, relu: bool = True, bias: bool = True
    ) -> None:
        """Make the linear layer, ``width`` to ``classes``."""
        super().__init__()
        self.kind = "average, linear"
        self.relu = relu
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, h, w) to (batch, classes) logits."""
        if self.relu:
            x = functional.relu(x)
        logits: Tensor = self.linear(self.dropout(x.mean((2, 3))))
        return logits


class AuxiliaryHead(nn.Module):
    """A second classifier before the last reduction, for training only.

    ReLU, 5x5 average at stride 3, 1x1 to 128, a convolution as large as the map to 768, linear.
    A map under 5x5 is averaged to 1x1. ``form`` says what a family does otherwise.
    """

    def __init__(
        self,
        width: int,
        size: tuple[int, int],
        classes: int,
        *,
        form: Auxiliary | None = None,
        bias: bool = True,
    ) -> None:
        """Make the layers for maps of ``width`` channels and ``size`` pixels."""
        super().__init__()
        form = form or Auxiliary()
        self.kind, self.step = "auxiliary", form.step
        self.window = (min(5, size[0]), min(5, size[1]))
        height, wide = (
            (side - k) // self.step + 1 for side, k in zip(size, self.window, strict=True)
        )
        window = (height, wide)
        self.project = nn.Sequential(
            nn.Conv2d(width, AUX_PROJECTION, 1, bias=False),
            nn.BatchNorm2d(AUX_PROJECTION),
            nn.ReLU(inplace=True),
            SameConv2d(AUX_PROJECTION, AUX_FILTERS, window)
            if form.average
            else nn.Conv2d(AUX_PROJECTION, AUX_FILTERS, window, bias=False),
            nn.BatchNorm2d(AUX_FILTERS) if form.last_norm else nn.Identity(),
            nn.ReLU(inplace=True),
        )
        self.linear = nn.Linear(AUX_FILTERS, classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, *size) to (batch, classes) logits."""
        pooled = functional.avg_pool2d(functional.relu(x), self.window, self.step)
        logits: Tensor = self.linear(self.project(pooled).mean((2, 3)))
        return logits
