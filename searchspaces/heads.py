"""What stands before and after the cells: stems, the classifier and the auxiliary classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from searchspaces import SpaceError
from searchspaces.layers import SameConv2d

if TYPE_CHECKING:
    from searchspaces import Task
    from searchspaces.scale import Scale

IMAGENET_STEM = 32  # filters at stem_multiplier 1 (slim/nets/nasnet/nasnet.py, _imagenet_stem)
AUX_PROJECTION, AUX_FILTERS = 128, 768  # slim/nets/nasnet/nasnet.py, _build_aux_head


class Stem(nn.Sequential):
    """A 3x3 convolution and batch normalisation, no ReLU; ImageNet: stride 2 without padding."""

    def __init__(self, task: Task, scale: Scale) -> None:
        """Read the channels from the task, the kind and the filters from the scale."""
        conv: nn.Conv2d
        if scale.stem == "imagenet":
            if min(task.height, task.width) < 3:
                raise SpaceError(
                    f"stem imagenet needs images of at least 3x3, got {task.height}x{task.width}"
                )
            self.width = max(1, int(IMAGENET_STEM * scale.stem_multiplier))
            conv = nn.Conv2d(task.channels, self.width, 3, stride=2, bias=False)
            self.size = ((task.height - 1) // 2, (task.width - 1) // 2)
        else:
            self.width = max(1, int(scale.filters * scale.stem_multiplier))
            conv = SameConv2d(task.channels, self.width, 3)
            self.size = (task.height, task.width)
        super().__init__(conv, nn.BatchNorm2d(self.width))
        self.kind = "conv 3x3"


class Head(nn.Module):
    """ReLU, global average, dropout, linear."""

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        """Make the linear layer, ``width`` to ``classes``."""
        super().__init__()
        self.kind = "average, linear"
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, h, w) to (batch, classes) logits."""
        logits: Tensor = self.linear(self.dropout(functional.relu(x).mean((2, 3))))
        return logits


class AuxiliaryHead(nn.Module):
    """A second classifier before the last reduction, for training only.

    ReLU, 5x5 average at stride 3, 1x1 to 128, a convolution as large as the map to 768, linear.
    A map under 5x5 is averaged to 1x1.
    """

    def __init__(self, width: int, size: tuple[int, int], classes: int) -> None:
        """Make the layers for maps of ``width`` channels and ``size`` pixels."""
        super().__init__()
        self.kind = "auxiliary"
        self.window = (min(5, size[0]), min(5, size[1]))
        height, wide = ((side - k) // 3 + 1 for side, k in zip(size, self.window, strict=True))
        self.project = nn.Sequential(
            nn.Conv2d(width, AUX_PROJECTION, 1, bias=False),
            nn.BatchNorm2d(AUX_PROJECTION),
            nn.ReLU(inplace=True),
            nn.Conv2d(AUX_PROJECTION, AUX_FILTERS, (height, wide), bias=False),
            nn.BatchNorm2d(AUX_FILTERS),
            nn.ReLU(inplace=True),
        )
        self.linear = nn.Linear(AUX_FILTERS, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, width, *size) to (batch, classes) logits."""
        pooled = functional.avg_pool2d(functional.relu(x), self.window, 3)
        logits: Tensor = self.linear(self.project(pooled).flatten(1))
        return logits
