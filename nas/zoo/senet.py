"""SENet: SE-ResNet 50 to 152, SE-ResNeXt 50 and 101, SENet-154, as their authors released them.

SE-ResNet has the stride of a bottleneck in its first 1x1, SE-ResNeXt in the 3x3. Modules have the
names of the released PyTorch weights (timm: legacy_se...), which load by name. Images under 64
pixels get a stem of stride 1 and no pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from nas.zoo import Paper
from nas.zoo.built import Row, family, small
from nas.zoo.layers import conv1x1, conv3x3, he_normal
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks, arXiv 1709.01507"
README = "hujie-frank/SENet, README, one crop of 224"
REDUCTION, EXPANSION = 16, 4


@dataclass(frozen=True, slots=True)
class Form:
    """What differs between the three kinds: widths of a bottleneck, for 64 filters, and stems."""

    first: int = 64  # after the first 1x1
    inner: int = 64  # after the 3x3
    groups: int = 1
    stride_first: bool = False
    deep_stem: bool = False
    projection: int = 1  # kernel of the shortcuts that halve
    dropout: float = 0.0


SE_RESNET = Form(stride_first=True)
SE_RESNEXT = Form(first=128, inner=128, groups=32)
SENET = Form(first=128, inner=256, groups=64, deep_stem=True, projection=3, dropout=0.2)


class Excitation(nn.Module):
    """Weigh each map by what two linear layers make of all their averages."""

    def __init__(self, channels: int) -> None:
        """Squeeze to a sixteenth of the channels."""
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.fc2 = nn.Conv2d(channels // REDUCTION, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps of (batch, channels, height, width), weighed."""
        squeezed = functional.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        weighed: Tensor = x * self.fc2(squeezed).sigmoid()
        return weighed


class SEBlock(nn.Module):
    """1x1, 3x3, 1x1, excitation, added to the shortcut."""

    def __init__(self, c_in: int, width: int, stride: int, form: Form, projection: int) -> None:
        """Map ``c_in`` channels to four times ``width``."""
        super().__init__()
        first, inner = form.first * width // 64, form.inner * width // 64
        c_out = EXPANSION * width
        strides = (stride, 1) if form.stride_first else (1, stride)
        self.conv1, self.bn1 = conv1x1(c_in, first, strides[0]), nn.BatchNorm2d(first)
        self.conv2 = conv3x3(first, inner, strides[1], form.groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = conv1x1(inner, c_out), nn.BatchNorm2d(c_out)
        self.se_module = Excitation(c_out)
        self.downsample: nn.Module | None = None
        if (c_in, stride) != (c_out, 1):
            conv = nn.Conv2d(c_in, c_out, projection, stride, projection // 2, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """Add the block to its input."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.se_module(self.bn3(self.conv3(y)))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class SENet(nn.Module):
    """A stem, four stages of blocks, average, linear."""

    def __init__(self, task: Task, layers: tuple[int, ...], form: Form) -> None:
        """Build stages of so many ``layers`` blocks."""
        super().__init__()
        tiny = small(task)
        self.layer0 = _stem(task, deep=form.deep_stem, stride=1 if tiny else 2)
        # Caffe rounds the sides of a pool up instead of padding.
        self.pool0 = nn.Identity() if tiny else nn.MaxPool2d(3, 2, ceil_mode=True)
        c_in = 128 if form.deep_stem else 64
        for number, blocks in enumerate(layers):
            stage, width = nn.Sequential(), 64 * 2**number
            for place in range(blocks):
                stride = 2 if number and not place else 1
                projection = form.projection if number else 1
                stage.append(SEBlock(c_in, width, stride, form, projection))
                c_in = EXPANSION * width
            setattr(self, f"layer{number + 1}", stage)
        self.stages = len(layers)
        self.dropout = nn.Dropout(form.dropout)
        self.last_linear = nn.Linear(c_in, task.classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        x = self.pool0(self.layer0(x))
        for number in range(self.stages):
            x = self.get_submodule(f"layer{number + 1}")(x)
        logits: Tensor = self.last_linear(self.dropout(x.mean((2, 3))))
        return logits


def _stem(task: Task, *, deep: bool, stride: int) -> nn.Sequential:
    stem, c_in = nn.Sequential(), task.channels
    kernel = 3 if deep or stride == 1 else 7
    for number, width in enumerate((64, 64, 128) if deep else (64,), 1):
        step = stride if number == 1 else 1
        conv = nn.Conv2d(c_in, width, kernel, step, kernel // 2, bias=False)
        stem.add_module(f"conv{number}", conv)
        stem.add_module(f"bn{number}", nn.BatchNorm2d(width))
        stem.add_module(f"relu{number}", nn.ReLU(inplace=True))
        c_in = width
    return stem


LAYERS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _row(name: str, title: str, depth: int, form: Form, top1: float, top5: float) -> Row:
    return Row(
        name,
        title,
        partial(SENet, layers=LAYERS[depth], form=form),
        Paper(CITATION, README, "ImageNet", top1=top1, top5=top5),
    )


TRAINING = Training(
    "section 4 of the first version, which prints no weight decay",
    "divided by 10 every 30 epochs",
    batch_size=1024,
    learning_rate=0.6,
    epochs=100,
)
MODELS = family(
    __name__,
    2017,
    "Let a block weigh its own maps by what it sees in the whole image.",
    TRAINING,
    (
        _row("se_resnet50", "SE-ResNet-50", 50, SE_RESNET, 77.63, 93.64),
        _row("se_resnet101", "SE-ResNet-101", 101, SE_RESNET, 78.25, 94.28),
        _row("se_resnet152", "SE-ResNet-152", 152, SE_RESNET, 78.66, 94.46),
        _row("se_resnext50_32x4d", "SE-ResNeXt-50, 32x4d", 50, SE_RESNEXT, 79.03, 94.46),
        _row("se_resnext101_32x4d", "SE-ResNeXt-101, 32x4d", 101, SE_RESNEXT, 80.19, 95.04),
        _row("senet154", "SENet-154", 152, SENET, 81.32, 95.53),
    ),
)
