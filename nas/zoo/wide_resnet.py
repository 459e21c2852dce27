"""Wide ResNet: few layers, many filters; for CIFAR and, with wider bottlenecks, for ImageNet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torchvision.models import wide_resnet50_2, wide_resnet101_2

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.preact_blocks import PreActNet
from nas.zoo.resnet import fitted
from nas.zoo.training import Training

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task

CITATION = "Zagoruyko, Komodakis: Wide Residual Networks, arXiv 1605.07146"
README = "szagoruyko/wide-residual-networks, README"
WHITENED = "Table 4, whitened images"
# Depth, width, parameters printed, accuracy, where.
PRINTED = (
    (28, 10, "36.5M", 96.0, f"{README}: 4.00 % error"),
    (16, 8, "11.0M", 95.73, "Table 5: 4.27 % error"),
    (40, 4, "8.9M", 95.47, "Table 5: 4.53 % error"),
    (40, 10, "55.8M", 96.2, f"{README}: 3.8 % error, one run with dropout"),
    (28, 12, "52.5M", 95.67, f"{WHITENED}: 4.33 % error"),
    (22, 8, "17.2M", 95.62, f"{WHITENED}: 4.38 % error"),
    (40, 2, "2.2M", 94.67, f"{WHITENED}: 5.33 % error"),
    (40, 1, "0.6M", 93.15, f"{WHITENED}: 6.85 % error"),
    (16, 4, None, 94.98, "Table 6: 5.02 % error"),
    (
        28,
        2,
        "1.5M",
        None,
        "not in the paper; parameters as papers on semi-supervised learning print them",
    ),
)


def _wide50(task: Task) -> nn.Module:
    return fitted(wide_resnet50_2(num_classes=task.classes), task)


def _wide101(task: Task) -> nn.Module:
    return fitted(wide_resnet101_2(num_classes=task.classes), task)


TRAINING = Training(
    "section 3, implementation details",
    "times 0.2 after 60, 120 and 160 epochs",
    batch_size=128,
    learning_rate=0.1,
    epochs=200,
    weight_decay=5e-4,
    nesterov=True,
)
IMAGENET_TRAINING = Training(
    "section 3: as fb.resnet.torch, whose opts.lua, train.lua and TRAINING.md have these",
    "divided by 10 after 30 and 60 epochs",
    batch_size=256,
    learning_rate=0.1,
    epochs=90,
    weight_decay=1e-4,
    nesterov=True,
)
MODELS = family(
    __name__,
    2016,
    "Widen the blocks instead of adding layers: sixteen wide ones reach what a thousand thin do.",
    TRAINING,
    (
        *(
            Row(
                f"wide_resnet{depth}_{width}_cifar",
                f"WRN-{depth}-{width}",
                partial(PreActNet, blocks=(depth - 4) // 6, widen=width),
                Paper(CITATION, where, "CIFAR-10", params, top1=top1),
                CIFAR,
            )
            for depth, width, params, top1, where in PRINTED
        ),
        Row(
            "wide_resnet28_10_dropout_cifar",
            "WRN-28-10, dropout 0.3",
            partial(PreActNet, blocks=4, widen=10, dropout=0.3),
            Paper(CITATION, f"{README}: 3.89 % error", "CIFAR-10", "36.5M", top1=96.11),
            CIFAR,
        ),
        Row(
            "wide_resnet50_2",
            "WRN-50-2, bottlenecks",
            _wide50,
            Paper(
                CITATION,
                "Table 8: 21.9 and 6.03 % error (Table 9 and the README: 5.79, pre-ResNet-200's)",
                "ImageNet",
                "68.9M",
                top1=78.1,
                top5=93.97,
            ),
            recipe=IMAGENET_TRAINING,
        ),
        Row(
            "wide_resnet101_2",
            "WRN-101-2, bottlenecks",
            _wide101,
            Paper(
                CITATION,
                "not in the paper; torchvision, IMAGENET1K_V1",
                "ImageNet",
                top1=78.848,
                top5=94.284,
            ),
            recipe=IMAGENET_TRAINING,
        ),
    ),
)
