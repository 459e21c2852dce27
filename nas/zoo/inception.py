"""Inception-v3 (torchvision's), Inception-v4 and Inception-ResNet-v2 (weights of timm by name).

Inception-v4 has no residual connections; Inception-ResNet, of the same paper, does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torchvision.models import inception_v3

from nas.normalisation import CENTRED
from nas.zoo import Paper
from nas.zoo.built import Row, family
from nas.zoo.inception_blocks import Conv, ConvNorm, Forked, Paths, Residual
from nas.zoo.layers import he_normal, with_channels
from nas.zoo.training import Training
from searchspaces import Task

if TYPE_CHECKING:
    from nas.zoo.inception_blocks import Path

V3 = "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking Inception, arXiv 1512.00567"
V4 = "Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet, arXiv 1602.07261"
PIXELS, AUXILIARY_LEAST, LEAST = Task(3, 299, 299, 1000), 299, 75
ACROSS, DOWN = (1, 7), (7, 1)


def _half(filters: int) -> Conv:
    return Conv(filters, 3, 2, valid=True)


STEM_4A: tuple[Path, ...] = (
    (Conv(64), Conv(96, 3, valid=True)),
    (Conv(64), Conv(64, ACROSS), Conv(64, DOWN), Conv(96, 3, valid=True)),
)
A: tuple[Path, ...] = (
    (Conv(96),),
    (Conv(64), Conv(96, 3)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    ("average", Conv(96)),
)
REDUCTION_A: tuple[Path, ...] = (
    (_half(384),),
    (Conv(192), Conv(224, 3), _half(256)),
    ("max",),
)
B: tuple[Path, ...] = (
    (Conv(384),),
    (Conv(192), Conv(224, ACROSS), Conv(256, DOWN)),
    (Conv(192), Conv(192, DOWN), Conv(224, ACROSS), Conv(224, DOWN), Conv(256, ACROSS)),
    ("average", Conv(128)),
)
REDUCTION_B: tuple[Path, ...] = (
    (Conv(192), _half(192)),
    (Conv(256), Conv(256, ACROSS), Conv(320, DOWN), _half(320)),
    ("max",),
)


class InceptionV4(nn.Module):
    """A stem with three forks, four A, seven B and three C modules, average, linear."""

    def __init__(self, task: Task) -> None:
        """Build it for images of ``task``."""
        super().__init__()
        names = ("maxpool", "conv")
        parts: list[nn.Module] = [
            ConvNorm(task.channels, _half(32)),
            ConvNorm(32, Conv(32, 3, valid=True)),
            ConvNorm(32, Conv(64, 3)),
            Paths(64, (("max",), (_half(96),)), names),
            Paths(160, STEM_4A),
            Paths(192, ((_half(192),), ("max",)), names[::-1]),
            *(Paths(384, A) for _ in range(4)),
            Paths(384, REDUCTION_A),
            *(Paths(1024, B) for _ in range(7)),
            Paths(1024, REDUCTION_B),
            *(Forked(1536) for _ in range(3)),
        ]
        self.features = nn.Sequential(*parts)
        self.dropout, self.last_linear = nn.Dropout(0.2), nn.Linear(1536, task.classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        logits: Tensor = self.last_linear(self.dropout(self.features(x).mean((2, 3))))
        return logits


MIXED_5B: tuple[Path, ...] = (
    (Conv(96),),
    (Conv(48), Conv(64, 5)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    ("average", Conv(64)),
)
BLOCK_35: tuple[Path, ...] = (
    (Conv(32),),
    (Conv(32), Conv(32, 3)),
    (Conv(32), Conv(48, 3), Conv(64, 3)),
)
MIXED_6A: tuple[Path, ...] = (
    (_half(384),),
    (Conv(256), Conv(256, 3), _half(384)),
    ("max",),
)
BLOCK_17: tuple[Path, ...] = ((Conv(192),), (Conv(128), Conv(160, ACROSS), Conv(192, DOWN)))
MIXED_7A: tuple[Path, ...] = (
    (Conv(256), _half(384)),
    (Conv(256), _half(288)),
    (Conv(256), Conv(288, 3), _half(320)),
    ("max",),
)
BLOCK_8: tuple[Path, ...] = ((Conv(192),), (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))))


class InceptionResNetV2(nn.Module):
    """A stem, ten, twenty and ten residual blocks with two reductions, average, linear."""

    def __init__(self, task: Task) -> None:
        """Build it for images of ``task``; the scales are those of the authors' code."""
        super().__init__()
        self.conv2d_1a = ConvNorm(task.channels, _half(32))
        self.conv2d_2a = ConvNorm(32, Conv(32, 3, valid=True))
        self.conv2d_2b = ConvNorm(32, Conv(64, 3))
        self.maxpool_3a = nn.MaxPool2d(3, 2)
        self.conv2d_3b = ConvNorm(64, Conv(80))
        self.conv2d_4a = ConvNorm(80, Conv(192, 3, valid=True))
        self.maxpool_5a = nn.MaxPool2d(3, 2)
        self.mixed_5b = Paths(192, MIXED_5B)
        self.repeat = nn.Sequential(*(Residual(320, BLOCK_35, 0.17) for _ in range(10)))
        self.mixed_6a = Paths(320, MIXED_6A)
        self.repeat_1 = nn.Sequential(*(Residual(1088, BLOCK_17, 0.1) for _ in range(20)))
        self.mixed_7a = Paths(1088, MIXED_7A)
        self.repeat_2 = nn.Sequential(*(Residual(2080, BLOCK_8, 0.2) for _ in range(9)))
        self.block8 = Residual(2080, BLOCK_8, 1.0, last=True)
        self.conv2d_7b = ConvNorm(2080, Conv(1536))
        self.order = [name for name, _ in self.named_children()]
        self.dropout, self.classif = nn.Dropout(0.2), nn.Linear(1536, task.classes)
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        for name in self.order:
            x = self.get_submodule(name)(x)
        logits: Tensor = self.classif(self.dropout(x.mean((2, 3))))
        return logits


def _v3(task: Task) -> nn.Module:
    """Return torchvision's; its auxiliary classifier needs maps of 17x17, so images of 299."""
    auxiliary = min(task.height, task.width) >= AUXILIARY_LEAST
    model = inception_v3(num_classes=task.classes, aux_logits=auxiliary, init_weights=False)
    return with_channels(he_normal(model), task)


V3_TRAINING = Training(
    "section 8: RMSProp, decay 0.9, epsilon 1; gradients clipped at 2; 50 replicas, each with the "
    "batches named; the auxiliary weight is that of TensorFlow's code",
    "times 0.94 every two epochs",
    batch_size=32,
    learning_rate=0.045,
    epochs=100,
    optimiser="RMSProp",
    label_smoothing=0.1,
    auxiliary_weight=0.4,
)
V4_TRAINING = Training(
    "section 4: RMSProp, decay 0.9, epsilon 1; 20 replicas",
    "times 0.94 every two epochs",
    learning_rate=0.045,
    optimiser="RMSProp",
    dropout=0.2,
)
V3_MODELS = family(
    __name__,
    2015,
    "Factor large kernels into small and one-sided ones; smooth the labels.",
    V3_TRAINING,
    (
        Row(
            "inception_v3",
            "Inception-v3",
            _v3,
            Paper(
                V3,
                "torchvision, IMAGENET1K_V1; costs: NASNet, Table 2",
                "ImageNet",
                "23.8M",
                "5.72B",
                77.294,
                93.45,
            ),
            PIXELS,
            LEAST,
            # torchvision builds it for these weights with transform_input, which does the same.
            statistics=CENTRED,
        ),
    ),
)
V4_MODELS = family(
    __name__,
    2016,
    "Uniform Inception modules, and the same with residual connections, which train faster.",
    V4_TRAINING,
    (
        Row(
            "inception_v4",
            "Inception-v4",
            InceptionV4,
            Paper(V4, "timm, results-imagenet.csv", "ImageNet", top1=80.144, top5=94.982),
            PIXELS,
            LEAST,
            statistics=CENTRED,  # timm's configuration of its weights
        ),
        Row(
            "inception_resnet_v2",
            "Inception-ResNet-v2",
            InceptionResNetV2,
            Paper(
                V4,
                "timm, results-imagenet.csv; costs: NASNet, Table 2",
                "ImageNet",
                "55.8M",
                "13.2B",
                80.434,
                95.312,
            ),
            PIXELS,
            LEAST,
            statistics=CENTRED,  # timm's configuration of its weights
        ),
    ),
)
