"""ZFNet: AlexNet with a finer first layer; that of figure 3, and the wider one that did better.

7x7 at stride 2 instead of 11x11 at stride 4, and stride 2 in the second convolution. The first is
what the paper calls its model; 512, 1,024 and 512 filters are its ablation (b). The 11.7 % of the
challenge is an ensemble of Clarifai, not one ZFNet.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn

from nas.zoo import Paper
from nas.zoo.alexnet import classifier
from nas.zoo.built import Row, family
from nas.zoo.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchspaces import Task

CITATION = "Zeiler, Fergus: Visualizing and Understanding Convolutional Networks, arXiv 1311.2901"


class ZFNet(nn.Module):
    """Five convolutions and three linear layers; ``widths`` of the last three convolutions."""

    def __init__(self, task: Task, widths: tuple[int, int, int]) -> None:
        """Build it for images of ``task``."""
        super().__init__()
        self.features = nn.Sequential(*_features(task.channels, widths))
        height, width = _side(task.height), _side(task.width)
        self.classifier = nn.Sequential(*classifier(widths[-1] * height * width, task.classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits


def _features(channels: int, widths: tuple[int, int, int]) -> Iterator[nn.Module]:
    for c_in, c_out, kernel, padding in ((channels, 96, 7, 1), (96, 256, 5, 0)):
        yield from (nn.Conv2d(c_in, c_out, kernel, 2, padding), nn.ReLU(inplace=True))
        yield nn.MaxPool2d(3, 2, padding=1)
        yield nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    c_in = 256
    for c_out in widths:
        yield from (nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(inplace=True))
        c_in = c_out
    yield nn.MaxPool2d(3, 2)


def _side(pixels: int) -> int:
    """Return the side of the last maps."""
    for kernel, padding in ((7, 1), (3, 1), (5, 0), (3, 1), (3, 0)):
        pixels = (pixels + 2 * padding - kernel) // 2 + 1
    return pixels


TRAINING = Training(
    "section 3",
    "by hand when the validation error stops falling",
    batch_size=128,
    learning_rate=0.01,
    epochs=70,
    dropout=0.5,
)
MODELS = family(
    __name__,
    2013,
    "Look at what the layers see, then repair them: a finer first layer loses less.",
    TRAINING,
    (
        Row(
            "zfnet",
            "ZFNet, figure 3",
            partial(ZFNet, widths=(384, 384, 256)),
            Paper(CITATION, "Table 2: 38.4 and 16.5 % error", "ImageNet", top1=61.6, top5=83.5),
            least=73,
        ),
        Row(
            "zfnet_wide",
            "ZFNet (b), 512-1024-512",
            partial(ZFNet, widths=(512, 1024, 512)),
            Paper(CITATION, "Table 2: 37.5 and 16.0 % error", "ImageNet", top1=62.5, top5=84.0),
            least=73,
        ),
    ),
)
