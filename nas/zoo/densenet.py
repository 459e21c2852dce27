"""DenseNet and DenseNet-BC for CIFAR; torchvision's 121 to 201 for ImageNet.

L-k is the depth and the growth rate. BC: a 1x1 to 4k filters before every 3x3, and transitions
that halve the channels. Images under 64 pixels get torchvision's networks with a 3x3 stem.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.models import densenet as theirs

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family, small
from nas.zoo.layers import Average, conv1x1, conv3x3, he_normal, norm_relu, resized, with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Huang, Liu, van der Maaten, Weinberger: Densely Connected CNNs, arXiv 1608.06993"
README = "liuzhuang13/DenseNet, README"
PLAIN_STEM, BOTTLENECK = 16, 4


class DenseLayer(nn.Module):
    """What one layer adds: normalise, ReLU, 3x3; in BC a 1x1 before it."""

    def __init__(self, c_in: int, growth: int, *, bottleneck: bool) -> None:
        """Map ``c_in`` channels to ``growth``."""
        width = BOTTLENECK * growth if bottleneck else c_in
        narrow = (*norm_relu(c_in), conv1x1(c_in, width)) if bottleneck else ()
        super().__init__()
        self.path = nn.Sequential(*narrow, *norm_relu(width), conv3x3(width, growth))

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with the new maps behind it."""
        return torch.cat([x, self.path(x)], 1)


class CifarDenseNet(nn.Sequential):
    """A 3x3 stem, three dense blocks with two transitions, average, linear."""

    def __init__(self, task: Task, depth: int, growth: int, *, bottleneck: bool) -> None:
        """Build ``depth`` layers; ``bottleneck`` is BC, bottlenecks and compression."""
        width = 2 * growth if bottleneck else PLAIN_STEM
        parts: list[nn.Module] = [conv3x3(task.channels, width)]
        for number in range(3):
            block = nn.Sequential()
            for _ in range((depth - 4) // (6 if bottleneck else 3)):
                block.append(DenseLayer(width, growth, bottleneck=bottleneck))
                width += growth
            parts.append(block)
            if number < 2:
                kept = width // 2 if bottleneck else width
                parts.append(
                    nn.Sequential(*norm_relu(width), conv1x1(width, kept), nn.AvgPool2d(2))
                )
                width = kept
        super().__init__(*parts, *norm_relu(width), Average(), nn.Linear(width, task.classes))
        he_normal(self)


def _imagenet(task: Task, depth: int) -> nn.Module:
    model = getattr(theirs, f"densenet{depth}")(num_classes=task.classes)
    if small(task):
        stem = model.features
        stem.conv0 = resized(stem.conv0, task.channels, kernel=3, stride=1)
        stem.pool0 = nn.Identity()
    return with_channels(model, task)


# Depth, growth, BC, parameters printed, accuracy.
PRINTED = (
    (40, 12, False, "1.0M", 94.76),
    (100, 12, False, "7.0M", 95.9),
    (100, 24, False, "27.2M", 96.26),
    (100, 12, True, "0.8M", 95.49),
    (250, 24, True, "15.3M", 96.38),
    (190, 40, True, "25.6M", 96.54),
    (40, 12, True, None, None),
)
TRAINING = Training(
    "section 4.2; dropout 0.2 only without augmentation",
    "divided by 10 after half and three quarters of the epochs",
    batch_size=64,
    learning_rate=0.1,
    epochs=300,
    weight_decay=1e-4,
    nesterov=True,
)
IMAGENET_TRAINING = Training(
    "section 4.2",
    "divided by 10 after 30 and 60 epochs",
    batch_size=256,
    learning_rate=0.1,
    epochs=90,
    weight_decay=1e-4,
    nesterov=True,
)
MODELS = family(
    __name__,
    2016,
    "Every layer reads the maps of all layers before it, so that each needs to add only a few.",
    TRAINING,
    (
        *(
            Row(
                f"densenet_{'bc_' if bc else ''}{depth}_{growth}_cifar",
                f"DenseNet{'-BC' if bc else ''}-{depth}-{growth}",
                partial(CifarDenseNet, depth=depth, growth=growth, bottleneck=bc),
                Paper(
                    CITATION, README if top1 else "no figures read", "CIFAR-10", params, top1=top1
                ),
                CIFAR,
            )
            for depth, growth, bc, params, top1 in PRINTED
        ),
        *(
            Row(
                f"densenet{depth}",
                f"DenseNet-{depth}",
                partial(_imagenet, depth=depth),
                Paper(CITATION, f"{README}, one crop", "ImageNet", top1=top1),
                recipe=IMAGENET_TRAINING,
            )
            for depth, top1 in ((121, 75.0), (161, 77.8), (169, 76.4), (201, 77.5))
        ),
    ),
)
