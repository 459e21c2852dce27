"""AlexNet: the original in two groups, one tower of the same widths, and torchvision's.

Two GPUs of 3 GB made the groups: the second, fourth and fifth convolution read only the maps of
their own GPU. The paper says 224 pixels; only 227 (or padding) gives its 55x55. torchvision's is
the network of "One weird trick" (arXiv 1404.5997), with other widths.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torchvision.models import alexnet

from nas.zoo import Paper
from nas.zoo.built import Row, family
from nas.zoo.layers import with_channels
from nas.zoo.training import Training
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

CITATION = "Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep CNNs, NeurIPS 2012"
UNITS = 4096


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; ``groups`` in the second, fourth and fifth.

    With ``sixth`` another convolution follows the last pool: section 6.1 has it in the networks
    trained on all of ImageNet, and does not print its width.
    """

    def __init__(self, task: Task, groups: int, *, sixth: bool = False) -> None:
        """Build it for images of ``task``."""
        super().__init__()
        more = (nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True)) if sixth else ()
        self.features = nn.Sequential(*_features(task.channels, groups), *more)
        height, width = _side(task.height), _side(task.width)
        self.classifier = nn.Sequential(*classifier(256 * height * width, task.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits


def _features(channels: int, groups: int) -> Iterator[nn.Module]:
    yield from (nn.Conv2d(channels, 96, 11, 4), nn.ReLU(inplace=True), _respond())
    yield nn.MaxPool2d(3, 2)
    yield from (nn.Conv2d(96, 256, 5, padding=2, groups=groups), nn.ReLU(inplace=True), _respond())
    yield nn.MaxPool2d(3, 2)
    yield from (nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(inplace=True))
    yield from (nn.Conv2d(384, 384, 3, padding=1, groups=groups), nn.ReLU(inplace=True))
    yield from (nn.Conv2d(384, 256, 3, padding=1, groups=groups), nn.ReLU(inplace=True))
    yield nn.MaxPool2d(3, 2)


def _respond() -> nn.Module:
    """Return the local response normalisation of section 3.3: k = 2, n = 5, 1e-4, 0.75."""
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)  # torch divides alpha by n


def classifier(inputs: int, classes: int) -> Iterator[nn.Module]:
    """Yield two layers of 4,096 units behind dropout, and the one of the classes."""
    for c_in in (inputs, UNITS):
        yield from (nn.Dropout(0.5), nn.Linear(c_in, UNITS), nn.ReLU(inplace=True))
    yield nn.Linear(UNITS, classes)


def _side(pixels: int) -> int:
    side = (pixels - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


def _torchvision(task: Task) -> nn.Module:
    return with_channels(alexnet(num_classes=task.classes), task)


TRAINING = Training(
    "section 5; batch, momentum, rates and decay read in notes on the paper",
    "divided by 10 by hand, three times, when the validation error stops falling",
    batch_size=128,
    learning_rate=0.01,
    epochs=90,
    weight_decay=5e-4,
    dropout=0.5,
)
MODELS = family(
    __name__,
    2012,
    "Deep convolutions win on ImageNet: ReLU, dropout and two GPUs.",
    TRAINING,
    (
        Row(
            "alexnet_groups",
            "AlexNet in two groups",
            partial(AlexNet, groups=2),
            Paper(
                CITATION,
                "Table 2, 1 CNN, validation: 40.7 and 18.2 % error",
                "ImageNet",
                "60M",
                top1=59.3,
                top5=81.8,
            ),
            Task(3, 227, 227, 1000),
            least=67,
        ),
        Row(
            "alexnet_one_tower",
            "AlexNet in one tower",
            partial(AlexNet, groups=1),
            Paper(CITATION, "not in the paper: its widths without groups", "ImageNet"),
            Task(3, 227, 227, 1000),
            least=67,
        ),
        Row(
            "alexnet",
            "AlexNet of torchvision",
            _torchvision,
            Paper(
                "Krizhevsky: One weird trick for parallelizing CNNs, arXiv 1404.5997",
                "torchvision, IMAGENET1K_V1",
                "ImageNet",
                "61.1M",
                "0.714B",
                56.522,
                79.066,
            ),
            least=63,
        ),
    ),
)
