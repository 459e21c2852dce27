"""ShuffleNet v1 for all groups of the paper and at the widths of its release; torchvision's v2.

The release (megvii-model/ShuffleNet-Series) has no bias in the classifier. Images under 64 pixels
get a stem of stride 1 and no pool.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import shufflenetv2 as theirs

from nas.zoo import Paper
from nas.zoo.built import Row, family, small
from nas.zoo.layers import Average, conv3x3, he_normal, norm_relu, with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

V1 = "Zhang, Zhou, Lin, Sun: ShuffleNet, arXiv 1707.01083"
V2 = "Ma, Zhang, Zheng, Sun: ShuffleNet V2, arXiv 1807.11164"
REPEATS = (4, 8, 4)
WIDTHS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}  # of the first stage, by groups (Table 1)


class Unit(nn.Module):
    """Grouped 1x1, shuffle, depthwise 3x3, grouped 1x1; added, or at stride 2 behind a pool."""

    def __init__(self, c_in: int, c_out: int, groups: int, stride: int, *, first: bool) -> None:
        """Map ``c_in`` channels to ``c_out``; the ``first`` unit's input is too thin to group."""
        super().__init__()
        width, added = c_out // 4, c_out - c_in if stride == 2 else c_out
        self.groups, self.halves = groups, stride == 2
        self.narrow = nn.Sequential(
            nn.Conv2d(c_in, width, 1, groups=1 if first else groups, bias=False), *norm_relu(width)
        )
        self.widen = nn.Sequential(
            conv3x3(width, width, stride, groups=width),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, added, 1, groups=groups, bias=False),
            nn.BatchNorm2d(added),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Run the unit."""
        y = self.widen(functional.channel_shuffle(self.narrow(x), self.groups))
        if self.halves:
            return functional.relu(torch.cat([functional.avg_pool2d(x, 3, 2, 1), y], 1))
        return functional.relu(x + y)


class ShuffleNetV1(nn.Sequential):
    """A 3x3 stem, three stages of units, average, linear."""

    def __init__(
        self, task: Task, groups: int, *, width: int, stem: int = 24, bias: bool = True
    ) -> None:
        """Build stages of ``width`` channels and its doubles."""
        tiny = small(task)
        parts: list[nn.Module] = [
            nn.Sequential(conv3x3(task.channels, stem, 1 if tiny else 2), *norm_relu(stem)),
            nn.Identity() if tiny else nn.MaxPool2d(3, 2, 1),
        ]
        c_in = stem
        for number, repeats in enumerate(REPEATS):
            stage, c_out = nn.Sequential(), width * 2**number
            for place in range(repeats):
                first = number == place == 0
                stage.append(Unit(c_in, c_out, groups, 1 if place else 2, first=first))
                c_in = c_out
            parts.append(stage)
        super().__init__(*parts, Average(), nn.Linear(c_in, task.classes, bias=bias))
        he_normal(self)


def _v2(task: Task, width: str) -> nn.Module:
    model = getattr(theirs, f"shufflenet_v2_x{width}")(num_classes=task.classes)
    if small(task):
        model.conv1[0].stride = (1, 1)
        model.maxpool = nn.Identity()
    return with_channels(model, task)


def _paper(groups: int, madds: str, top1: float, differs: str | None = None) -> Row:
    return Row(
        f"shufflenet_v1_g{groups}",
        f"ShuffleNet v1, {groups} groups",
        partial(ShuffleNetV1, groups=groups, width=WIDTHS[groups]),
        Paper(
            V1, "Table 2; multiply-adds: Table 1", "ImageNet", None, madds, top1, differs=differs
        ),
    )


def _released(percent: int, width: int, stem: int, paper: Paper) -> Row:
    return Row(
        f"shufflenet_v1_g3_release_{percent:03}",
        f"ShuffleNet v1 {percent / 100:g}, 3 groups, release",
        partial(ShuffleNetV1, groups=3, width=width, stem=stem, bias=False),
        paper,
    )


readme = partial(Paper, V1, "megvii-model/ShuffleNet-Series, README", "ImageNet")
V1_MODELS = family(
    __name__,
    2017,
    "Group the 1x1 convolutions and shuffle the channels, so that the groups hear of each other.",
    Training(
        "section 4: as ResNeXt, with less decay and 4 GPUs; 300,000 steps",
        "linearly to 0",
        batch_size=1024,
        learning_rate=0.5,
        epochs=240,
        weight_decay=4e-5,
    ),
    (
        _paper(1, "143M", 66.4),
        _paper(2, "140M", 67.3, "the layers take 140.8M"),
        _paper(3, "137M", 67.4),
        _paper(4, "133M", 67.2, "the layers take 134.3M"),
        _paper(8, "137M", 67.6, "the layers take 138.4M"),
        _released(50, 120, 12, readme("0.7M", "38M", 57.3, 80.0)),
        _released(100, 240, 24, readme("1.9M", "138M", 67.8, 87.7)),
        _released(150, 360, 24, readme("3.4M", "292M", 71.6, 90.2)),
        _released(200, 480, 48, readme("5.4M", "524M", 74.1, 91.4)),
    ),
)


def _v2_row(width: str, top1: float, top5: float) -> Row:
    percent = width.replace("_", "") + "0"
    return Row(
        f"shufflenet_v2_{percent}",
        f"ShuffleNet v2 {width.replace('_', '.')}",
        partial(_v2, width=width),
        Paper(V2, "torchvision, IMAGENET1K_V1", "ImageNet", top1=top1, top5=top5),
    )


V2_MODELS = family(
    __name__,
    2018,
    "Count seconds, not multiply-adds: split the channels, work on half of them, shuffle.",
    Training(
        "section 4: as ShuffleNet v1",
        "linearly to 0",
        batch_size=1024,
        learning_rate=0.5,
        epochs=240,
        weight_decay=4e-5,
    ),
    (
        _v2_row("0_5", 60.552, 81.746),
        _v2_row("1_0", 69.362, 88.316),
        _v2_row("1_5", 72.996, 91.086),
        _v2_row("2_0", 76.23, 93.006),
    ),
)
