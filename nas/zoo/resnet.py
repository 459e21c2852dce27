"""ResNet 18 to 152 for ImageNet: as printed (v1) and with the stride in the 3x3 (v1.5).

Both are torchvision's network, whose weights load by name; v1 moves the stride of a bottleneck to
its first 1x1, where the paper has it. Images under 64 pixels get a 3x3 stem and no pool.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn
from torchvision.models import resnet as theirs

from nas.zoo import Paper
from nas.zoo.built import Row, family, small
from nas.zoo.layers import resized, with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "He, Zhang, Ren, Sun: Deep Residual Learning, arXiv 1512.03385"
TORCHVISION = "torchvision, IMAGENET1K_V1"
ROUNDED = "the layers take 3.86B, which is printed rounded down"
README = "KaimingHe/deep-residual-networks, README, one crop; costs: Table 1"


def fitted(model: nn.Module, task: Task) -> nn.Module:
    """Give a network of torchvision's ResNet kind the channels of a task, and a small stem."""
    if isinstance(model, theirs.ResNet) and small(task):
        model.conv1 = resized(model.conv1, task.channels, kernel=3, stride=1)
        nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
        model.maxpool = nn.Identity()
    return with_channels(model, task)


def _v15(task: Task, depth: int) -> nn.Module:
    return fitted(getattr(theirs, f"resnet{depth}")(num_classes=task.classes), task)


def _v1(task: Task, depth: int) -> nn.Module:
    model = _v15(task, depth)
    for block in model.modules():
        if isinstance(block, theirs.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return model


def _rows() -> list[Row]:
    printed = partial(Paper, CITATION, TORCHVISION, "ImageNet")
    again = partial(Paper, CITATION, README, "ImageNet")
    v1, v15 = partial(partial, _v1), partial(partial, _v15)
    return [
        Row("resnet18", "ResNet-18", v15(depth=18), printed(None, "1.814B", 69.758, 89.078)),
        Row("resnet34", "ResNet-34", v15(depth=34), printed(None, "3.664B", 73.314, 91.42)),
        Row("resnet50", "ResNet-50", v1(depth=50), again(None, "3.8B", 75.3, 92.2, ROUNDED)),
        Row("resnet101", "ResNet-101", v1(depth=101), again(None, "7.6B", 76.4, 92.9)),
        Row("resnet152", "ResNet-152", v1(depth=152), again(None, "11.3B", 77.0, 93.3)),
        Row(
            "resnet50_v15", "ResNet-50 v1.5", v15(depth=50), printed(None, "4.089B", 76.13, 92.862)
        ),
        Row(
            "resnet101_v15",
            "ResNet-101 v1.5",
            v15(depth=101),
            printed(None, "7.801B", 77.374, 93.546),
        ),
        Row(
            "resnet152_v15",
            "ResNet-152 v1.5",
            v15(depth=152),
            printed(None, "11.514B", 78.312, 94.046),
        ),
    ]


TRAINING = Training(
    "section 3.4; the decay is 1e-4, which lecture slides copy as 1e-5",
    "divided by 10 when the error stops falling; up to 600,000 steps",
    batch_size=256,
    learning_rate=0.1,
    epochs=120,
    weight_decay=1e-4,
)
MODELS = family(
    __name__,
    2015,
    "A block learns what to add to its input, so that 152 layers train better than 20.",
    TRAINING,
    _rows(),
)
