"""Networks that normalise before they convolve: pre-activation ResNet, and CIFAR Wide ResNet.

A block begins with batch normalisation and ReLU. Where it changes the shape its shortcut is a plain
1x1 convolution of what comes after them. They run at any image size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from nas.zoo.layers import Average, conv1x1, conv3x3, he_normal, norm_relu

if TYPE_CHECKING:
    from searchspaces import Task

STEM = 16


class PreActBlock(nn.Module):
    """Normalise, ReLU, convolve: 3x3 twice, or 1x1, 3x3, 1x1 with four times the filters."""

    def __init__(
        self, c_in: int, width: int, stride: int, *, bottleneck: bool, dropout: float
    ) -> None:
        """Map ``c_in`` channels to ``width``, or four times that; dropout is before the last."""
        super().__init__()
        c_out = 4 * width if bottleneck else width
        convs = (
            (conv1x1(c_in, width, stride), conv3x3(width, width), conv1x1(width, c_out))
            if bottleneck
            else (conv3x3(c_in, width, stride), conv3x3(width, width))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(conv.in_channels) for conv in convs)
        self.convs = nn.ModuleList(convs)
        self.dropout = nn.Dropout(dropout)
        changes = (c_in, stride) != (c_out, 1)
        self.shortcut = conv1x1(c_in, c_out, stride) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Add the block to its input."""
        y = first = functional.relu(self.norms[0](x))
        for norm, conv in zip(self.norms[1:], self.convs, strict=False):
            y = functional.relu(norm(conv(y)))
        y = self.convs[-1](self.dropout(y))
        added: Tensor = y + (x if self.shortcut is None else self.shortcut(first))
        return added


class PreActNet(nn.Sequential):
    """A 3x3 stem of 16, three stages, normalisation, average, linear."""

    def __init__(
        self,
        task: Task,
        blocks: int,
        *,
        widen: int = 1,
        bottleneck: bool = False,
        dropout: float = 0.0,
    ) -> None:
        """Build stages of ``blocks`` blocks, 16, 32 and 64 filters wide times ``widen``."""
        stages, c_in = [], STEM
        for number in range(3):
            width, stage = STEM * widen * 2**number, nn.Sequential()
            for place in range(blocks):
                stride = 2 if number and not place else 1
                stage.append(
                    PreActBlock(c_in, width, stride, bottleneck=bottleneck, dropout=dropout)
                )
                c_in = 4 * width if bottleneck else width
            stages.append(stage)
        super().__init__(
            conv3x3(task.channels, STEM),
            *stages,
            *norm_relu(c_in),
            Average(),
            nn.Linear(c_in, task.classes),
        )
        he_normal(self)
