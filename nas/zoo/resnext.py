"""ResNeXt: bottlenecks whose 3x3 is grouped; 29 layers for CIFAR, torchvision's for ImageNet.

CxDd means C groups of D filters in the first stage. The CIFAR form is the one of the README, which
normalises after convolving. Images under 64 pixels get a 3x3 stem and no pool.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet as theirs

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.layers import Average, conv1x1, conv3x3, he_normal
from nas.zoo.resnet import fitted
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Xie, Girshick, Dollar, Tu, He: Aggregated Residual Transformations, arXiv 1611.05431"
README = "facebookresearch/ResNeXt, README, one crop"
ROUGH = "the README says about; convolutions and classifier take"
STEM, BLOCKS = 64, 3


class GroupedBlock(nn.Module):
    """1x1, grouped 3x3, 1x1, each normalised, added to the shortcut."""

    def __init__(self, c_in: int, width: int, c_out: int, groups: int, stride: int) -> None:
        """Map ``c_in`` channels through ``width`` to ``c_out``."""
        super().__init__()
        self.path = nn.Sequential(
            conv1x1(c_in, width),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            conv3x3(width, width, stride, groups),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            conv1x1(width, c_out),
            nn.BatchNorm2d(c_out),
        )
        self.shortcut = (
            nn.Identity()
            if (c_in, stride) == (c_out, 1)
            else nn.Sequential(conv1x1(c_in, c_out, stride), nn.BatchNorm2d(c_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the block to its input."""
        return functional.relu(self.path(x) + self.shortcut(x))


class CifarResNeXt(nn.Sequential):
    """A 3x3 stem, three stages of three blocks, average, linear: 29 layers."""

    def __init__(self, task: Task, groups: int, width: int) -> None:
        """Build blocks of ``groups`` groups, ``width`` filters each in the first stage."""
        stages, c_in = [], STEM
        for number in range(3):
            stage, c_out = nn.Sequential(), 4 * STEM * 2**number
            for place in range(BLOCKS):
                stride = 2 if number and not place else 1
                stage.append(GroupedBlock(c_in, groups * width * 2**number, c_out, groups, stride))
                c_in = c_out
            stages.append(stage)
        stem = (conv3x3(task.channels, STEM), nn.BatchNorm2d(STEM), nn.ReLU(inplace=True))
        super().__init__(*stem, *stages, Average(), nn.Linear(c_in, task.classes))
        he_normal(self)


def _imagenet(task: Task, layers: tuple[int, ...], groups: int, width: int) -> nn.Module:
    model = theirs.ResNet(
        theirs.Bottleneck,
        list(layers),
        num_classes=task.classes,
        groups=groups,
        width_per_group=width,
    )
    return fitted(model, task)


def _cifar(groups: int, top1: float | None, params: str | None, where: str) -> Row:
    return Row(
        f"resnext29_{groups}x64d_cifar",
        f"ResNeXt-29, {groups}x64d",
        partial(CifarResNeXt, groups=groups, width=64),
        Paper(CITATION, where, "CIFAR-10", params, top1=top1),
        CIFAR,
    )


def _large(depth: int, groups: int, width: int, paper: Paper) -> Row:
    layers = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]
    return Row(
        f"resnext{depth}_{groups}x{width}d",
        f"ResNeXt-{depth}, {groups}x{width}d",
        partial(_imagenet, layers=layers, groups=groups, width=width),
        paper,
        recipe=IMAGENET_TRAINING,
    )


TRAINING = Training(
    "appendix A",
    "divided by 10 after 150 and 225 epochs",
    batch_size=128,
    learning_rate=0.1,
    epochs=300,
    weight_decay=5e-4,
    nesterov=True,
)
IMAGENET_TRAINING = Training(
    "section 4; the epochs of the released opts.lua",
    "divided by 10 three times, after 30, 60 and 90 epochs",
    batch_size=256,
    learning_rate=0.1,
    epochs=100,
    weight_decay=1e-4,
    nesterov=True,
)
printed = partial(Paper, CITATION, README, "ImageNet")
MODELS = family(
    __name__,
    2016,
    "Split a block into many equal paths: cardinality buys more than width or depth.",
    TRAINING,
    (
        _cifar(2, None, None, "no figures read"),
        _cifar(8, 96.35, "34.4M", "Table 7: 3.65 % error"),
        _cifar(16, 96.42, "68.1M", "Table 7: 3.58 % error"),
        _large(50, 32, 4, printed("25.0M", "4.1B", top1=77.8, differs=f"{ROUGH} 4.23B")),
        _large(101, 32, 4, printed("44.2M", "7.8B", top1=78.8, differs=f"{ROUGH} 7.97B")),
        _large(101, 64, 4, printed("83.6M", "15.6B", top1=79.6, differs=f"{ROUGH} 15.46B")),
        _large(
            101,
            32,
            8,
            Paper(
                CITATION,
                "not in the paper; torchvision, IMAGENET1K_V1",
                "ImageNet",
                top1=79.312,
                top5=94.526,
            ),
        ),
        _large(152, 32, 4, Paper(CITATION, "no figures read", "ImageNet")),
    ),
)
