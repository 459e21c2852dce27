"""Network in Network: for CIFAR-10 and CIFAR-100, and the ImageNet form of the Caffe zoo."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.layers import Average, he_normal
from nas.zoo.training import Training
from searchspaces import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

CITATION = "Lin, Chen, Yan: Network In Network, arXiv 1312.4400"


def _mlpconv(filters: tuple[int, ...], conv: nn.Conv2d) -> Iterator[nn.Module]:
    """Yield a convolution and 1x1 convolutions behind it, each with ReLU."""
    yield from (conv, nn.ReLU(inplace=True))
    for width, wider in pairwise(filters):
        yield from (nn.Conv2d(width, wider, 1), nn.ReLU(inplace=True))


class CifarNiN(nn.Sequential):
    """Three mlpconv layers of 192 filters, pools and dropout between, global average."""

    def __init__(self, task: Task) -> None:
        """Build it; the last layer has a map a class."""
        last = (192, 192, task.classes)
        super().__init__(
            *_mlpconv((192, 160, 96), nn.Conv2d(task.channels, 192, 5, padding=2)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(0.5),
            *_mlpconv((192, 192, 192), nn.Conv2d(96, 192, 5, padding=2)),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Dropout(0.5),
            *_mlpconv(last, nn.Conv2d(192, 192, 3, padding=1)),
            Average(),
        )
        he_normal(self)


class ImageNetNiN(nn.Sequential):
    """Four mlpconv layers: 96, 256, 384 and 1,024 filters."""

    def __init__(self, task: Task) -> None:
        """Build it; the last layer has a map a class."""
        last = (1024, 1024, task.classes)
        super().__init__(
            *_mlpconv((96, 96, 96), nn.Conv2d(task.channels, 96, 11, 4)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *_mlpconv((256, 256, 256), nn.Conv2d(96, 256, 5, padding=2)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *_mlpconv((384, 384, 384), nn.Conv2d(256, 384, 3, padding=1)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(0.5),
            *_mlpconv(last, nn.Conv2d(384, 1024, 3, padding=1)),
            Average(),
        )
        he_normal(self)


TRAINING = Training(
    "section 4.1: as Krizhevsky et al.; batches of 128",
    "divided by 10 when the training accuracy stops rising, twice",
    batch_size=128,
    dropout=0.5,
)
MODELS = family(
    __name__,
    2013,
    "A small network of 1x1 convolutions at every pixel, and the mean of a map as a class's score.",
    TRAINING,
    (
        Row(
            "nin_cifar",
            "Network in Network, CIFAR-10",
            CifarNiN,
            Paper(CITATION, "Table 1: 8.81 % error", "CIFAR-10", "0.97M", top1=91.19),
            CIFAR,
        ),
        Row(
            "nin_cifar100",
            "Network in Network, CIFAR-100",
            CifarNiN,
            Paper(CITATION, "35.68 % error (quoted by DenseNet, Table 2)", "CIFAR-100", top1=64.32),
            Task(3, 32, 32, 100),
        ),
        Row(
            "nin_imagenet",
            "Network in Network, ImageNet",
            ImageNetNiN,
            Paper(
                CITATION,
                "Caffe model zoo, readme of NIN-Imagenet: a file of 29 MB",
                "ImageNet",
                "7.6M",
                top1=59.36,
            ),
            least=64,
        ),
    ),
)
