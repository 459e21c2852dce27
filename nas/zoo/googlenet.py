"""GoogLeNet: as printed, with naive modules for comparison, and torchvision's with normalisation.

torchvision's has 3x3 convolutions where the paper has 5x5, so that its parameters are not those of
GoogLeNet. In training all return logits and those of two auxiliary classifiers. Images under 64
pixels get a 3x3 stem and no pools before the modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import googlenet as torchvision_googlenet

from nas.normalisation import CENTRED
from nas.zoo import Paper
from nas.zoo.built import Row, family, small
from nas.zoo.layers import he_normal, resized, with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Szegedy et al.: Going Deeper with Convolutions, arXiv 1409.4842"


@dataclass(frozen=True, slots=True)
class Widths:
    """One row of Table 1: filters of the paths, and of the 1x1 before the 3x3 and the 5x5."""

    one: int
    before_three: int
    three: int
    before_five: int
    five: int
    pool: int


TABLE = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
POOL_AFTER, AUXILIARY_AFTER = ("3b", "4e"), ("4a", "4d")


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Four paths side by side: 1x1, 3x3, 5x5 and a pool, reduced by 1x1 unless ``naive``."""

    def __init__(self, c_in: int, widths: Widths, *, naive: bool = False) -> None:
        """Map ``c_in`` channels to ``width``, which a naive pool only adds to."""
        super().__init__()
        pool = nn.MaxPool2d(3, 1, 1)
        self.one = _conv(c_in, widths.one, 1)
        if naive:
            self.three = _conv(c_in, widths.three, 3)
            self.five = _conv(c_in, widths.five, 5)
            self.pool = nn.Sequential(pool)
        else:
            self.three = _conv(c_in, widths.before_three, 1)
            self.three.extend(_conv(widths.before_three, widths.three, 3))
            self.five = _conv(c_in, widths.before_five, 1)
            self.five.extend(_conv(widths.before_five, widths.five, 5))
            self.pool = nn.Sequential(pool, *_conv(c_in, widths.pool, 1))
        last = c_in if naive else widths.pool
        self.width = widths.one + widths.three + widths.five + last

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of all paths, one behind the other."""
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class Auxiliary(nn.Module):
    """A classifier in the middle, for training: average to 4x4, 1x1 to 128, two linear layers."""

    def __init__(self, c_in: int, classes: int) -> None:
        """Read ``c_in`` channels."""
        super().__init__()
        self.conv = _conv(c_in, 128, 1)
        self.hidden, self.dropout = nn.Linear(128 * 4 * 4, 1024), nn.Dropout(0.7)
        self.linear = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        # 14x14 by 5x5 at stride 3, as printed; other sizes to the same 4x4.
        x = (
            functional.avg_pool2d(x, 5, 3)
            if x.shape[2:] == (14, 14)
            else functional.adaptive_avg_pool2d(x, 4)
        )
        hidden = functional.relu(self.hidden(self.conv(x).flatten(1)))
        logits: Tensor = self.linear(self.dropout(hidden))
        return logits


class GoogLeNet(nn.Module):
    """Stem, nine modules, average, linear; two auxiliary classifiers."""

    def __init__(self, task: Task, *, naive: bool = False) -> None:
        """Build it for images of ``task``; ``naive`` has no 1x1 reductions."""
        super().__init__()
        tiny = small(task)
        first = _conv(task.channels, 64, 3 if tiny else 7, 1 if tiny else 2)
        pools = [nn.Identity() if tiny else nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(2)]
        respond = partial(nn.LocalResponseNorm, 5, alpha=1e-4, beta=0.75, k=1.0)
        self.stem = nn.Sequential(
            first, pools[0], respond(), _conv(64, 64, 1), _conv(64, 192, 3), respond(), pools[1]
        )
        self.inception, self.auxiliary = nn.ModuleDict(), nn.ModuleDict()
        width = 192
        for name, widths in TABLE.items():
            module = Inception(width, widths, naive=naive)
            self.inception[name], width = module, module.width
            if name in AUXILIARY_AFTER:
                self.auxiliary[name] = Auxiliary(width, task.classes)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.dropout, self.linear = nn.Dropout(0.4), nn.Linear(width, task.classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        x, others = self.stem(x), []
        for name, module in self.inception.items():
            x = module(x)
            if self.training and name in AUXILIARY_AFTER:
                others.append(self.auxiliary[name](x))
            if name in POOL_AFTER:
                x = self.pool(x)
        logits: Tensor = self.linear(self.dropout(x.mean((2, 3))))
        return (logits, *others) if others else logits


def _torchvision(task: Task) -> nn.Module:
    model = torchvision_googlenet(num_classes=task.classes, aux_logits=True, init_weights=False)
    if small(task):
        model.conv1.conv = resized(model.conv1.conv, task.channels, kernel=3, stride=1)
        model.maxpool1 = model.maxpool2 = nn.Identity()
    return with_channels(he_normal(model), task)


TRAINING = Training(
    "section 6: momentum 0.9, 4 % less rate every 8 epochs; section 5: auxiliary weight, dropout",
    "times 0.96 every 8 epochs",
    auxiliary_weight=0.3,
    dropout=0.4,
)
MODELS = family(
    __name__,
    2014,
    "Several kernel sizes side by side, made cheap by 1x1 convolutions before them.",
    TRAINING,
    (
        Row(
            "googlenet",
            "GoogLeNet",
            GoogLeNet,
            Paper(
                CITATION,
                "Table 1 sums to 6.8M; accuracy: NASNet, Table 3",
                "ImageNet",
                "6.8M",
                "1.5B",
                69.8,
                89.9,
                differs="the layers of Table 1 have 7.00M parameters and take 1.58B",
            ),
        ),
        Row(
            "googlenet_naive",
            "GoogLeNet, naive modules",
            partial(GoogLeNet, naive=True),
            Paper(CITATION, "figure 2a as a whole network, for comparison; ours", "ImageNet"),
        ),
        Row(
            "googlenet_bn",
            "GoogLeNet of torchvision",
            _torchvision,
            Paper(
                CITATION,
                "torchvision, IMAGENET1K_V1: normalised, 3x3 where the paper has 5x5",
                "ImageNet",
                "6.62M",
                "1.498B",
                69.778,
                89.53,
            ),
            # torchvision builds it for these weights with transform_input, which does the same.
            statistics=CENTRED,
        ),
    ),
)
