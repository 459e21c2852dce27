"""CIFAR ResNet 20 to 1202: three stages of 16, 32 and 64 filters, shortcuts of option A or B.

Option A, the paper's, skips every second pixel and pads new channels with zeros; option B projects.
They run at any image size.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.layers import Average, conv1x1, conv3x3, he_normal
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "He, Zhang, Ren, Sun: Deep Residual Learning, arXiv 1512.03385"
WIDTHS = (16, 32, 64)


class Padding(nn.Module):
    """Option A: every ``stride``-th pixel, zeros for the new channels."""

    def __init__(self, added: int, stride: int) -> None:
        """Add half of the channels before and half after."""
        super().__init__()
        self.before, self.after, self.stride = added // 2, added - added // 2, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to more channels of fewer pixels."""
        kept = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(kept, (0, 0, 0, 0, self.before, self.after))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, normalised, added to the shortcut."""

    def __init__(self, c_in: int, c_out: int, stride: int, *, project: bool) -> None:
        """Map ``c_in`` channels to ``c_out``; ``project`` is option B."""
        super().__init__()
        self.conv1, self.bn1 = conv3x3(c_in, c_out, stride), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = conv3x3(c_out, c_out), nn.BatchNorm2d(c_out)
        self.shortcut: nn.Module = nn.Identity()
        if project and (c_in, stride) != (c_out, 1):
            self.shortcut = nn.Sequential(conv1x1(c_in, c_out, stride), nn.BatchNorm2d(c_out))
        elif (c_in, stride) != (c_out, 1):
            self.shortcut = Padding(c_out - c_in, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Add the block to its input."""
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class CifarResNet(nn.Sequential):
    """A 3x3 stem, three stages of (depth - 2) / 6 blocks, average, linear."""

    def __init__(self, task: Task, depth: int, *, project: bool = False) -> None:
        """Build ``depth`` layers for images of ``task``."""
        stages = []
        c_in = WIDTHS[0]
        for number, width in enumerate(WIDTHS):
            stage = nn.Sequential()
            for place in range((depth - 2) // 6):
                stride = 2 if number and not place else 1
                stage.append(BasicBlock(c_in, width, stride, project=project))
                c_in = width
            stages.append(stage)
        stem = (conv3x3(task.channels, c_in := WIDTHS[0]), nn.BatchNorm2d(c_in), nn.ReLU())
        super().__init__(*stem, *stages, Average(), nn.Linear(WIDTHS[-1], task.classes))
        he_normal(self)


# Depth, parameters printed, accuracy.
PRINTED = (
    (20, "0.27M", 91.25),
    (32, "0.46M", 92.49),
    (44, "0.66M", 92.83),
    (56, "0.85M", 93.03),
    (110, "1.7M", 93.57),  # the best of five; mean 6.61 +- 0.16 % error
    (1202, "19.4M", 92.07),  # fits the training images, and tests worse than 110 layers
)
TRAINING = Training(
    "section 4.2",
    "divided by 10 after 32,000 and 48,000 of 64,000 steps; 110 layers begin at 0.01",
    batch_size=128,
    learning_rate=0.1,
    epochs=182,  # 64,000 steps over 45,000 images
    weight_decay=1e-4,
)
MODELS = family(
    __name__,
    2015,
    "A block learns what to add to its input; on CIFAR, to show that depth alone can be trained.",
    TRAINING,
    (
        *(
            Row(
                f"resnet{depth}_cifar",
                f"ResNet-{depth}, option A",
                partial(CifarResNet, depth=depth),
                Paper(CITATION, "Table 6", "CIFAR-10", params, top1=top1),
                CIFAR,
            )
            for depth, params, top1 in PRINTED
        ),
        *(
            Row(
                f"resnet{depth}_b_cifar",
                f"ResNet-{depth}, option B",
                partial(CifarResNet, depth=depth, project=True),
                Paper(CITATION, "not in the paper, which has option A on CIFAR", "CIFAR-10"),
                CIFAR,
            )
            for depth in (20, 56, 110)
        ),
    ),
)
