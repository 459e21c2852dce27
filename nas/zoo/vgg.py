"""VGG: 11 to 19 layers of 3x3 convolutions, with and without batch normalisation; torchvision's.

The CIFAR form has batch normalisation and one linear layer behind the features, as is common; the
paper has no CIFAR network. Configuration C with its 1x1 convolutions is not here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torchvision.models import vgg as theirs

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.layers import with_channels
from nas.zoo.training import Training

if TYPE_CHECKING:
    from searchspaces import Task

CITATION = "Simonyan, Zisserman: Very Deep Convolutional Networks, arXiv 1409.1556"
WIDTH = 512
# Top-1, top-5 of torchvision's IMAGENET1K_V1; the rounded costs of its metadata.
PLAIN = {
    11: ("132.9M", "7.609B", 69.02, 88.628),
    13: ("133.0M", "11.308B", 69.928, 89.246),
    16: ("138.4M", "15.47B", 71.592, 90.382),
    19: ("143.7M", "19.632B", 72.376, 90.876),
}
NORMED = {11: (70.37, 89.81), 13: (71.586, 90.374), 16: (73.36, 91.516), 19: (74.218, 91.842)}


class CifarVGG(nn.Module):
    """The features of VGG with batch normalisation, and one linear layer."""

    def __init__(self, task: Task, depth: int) -> None:
        """Build it for images of ``task``."""
        super().__init__()
        self.features: nn.Module = _imagenet(task, depth, normed=True).get_submodule("features")
        self.classifier = nn.Linear(WIDTH, task.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        logits: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return logits


def _imagenet(task: Task, depth: int, *, normed: bool) -> nn.Module:
    make = getattr(theirs, f"vgg{depth}_bn" if normed else f"vgg{depth}")
    return with_channels(make(num_classes=task.classes), task)


def _rows() -> list[Row]:
    rows = []
    for depth, (params, madds, top1, top5) in PLAIN.items():
        plain = Paper(CITATION, "torchvision, IMAGENET1K_V1", "ImageNet", params, madds, top1, top5)
        first, fifth = NORMED[depth]
        normed = Paper(
            CITATION, "torchvision, IMAGENET1K_V1", "ImageNet", params, madds, first, fifth
        )
        cifar = Paper(CITATION, "not in the paper", "CIFAR-10")
        rows += [
            Row(
                f"vgg{depth}",
                f"VGG-{depth}",
                partial(_imagenet, depth=depth, normed=False),
                plain,
                least=32,
            ),
            Row(
                f"vgg{depth}_bn",
                f"VGG-{depth}, normalised",
                partial(_imagenet, depth=depth, normed=True),
                normed,
                least=32,
            ),
            Row(
                f"vgg{depth}_bn_cifar",
                f"VGG-{depth}, CIFAR form",
                partial(CifarVGG, depth=depth),
                cifar,
                CIFAR,
                least=32,
            ),
        ]
    return rows


TRAINING = Training(
    "section 3.1",
    "divided by 10 when the validation accuracy stops rising, three times",
    batch_size=256,
    learning_rate=0.01,
    epochs=74,
    weight_decay=5e-4,
    dropout=0.5,
)
MODELS = family(
    __name__,
    2014,
    "Only 3x3 convolutions: three see what one 7x7 sees, with 45 % fewer weights.",
    TRAINING,
    _rows(),
)
