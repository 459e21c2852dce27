"""Pre-activation ResNet 110, 164 and 1001 for CIFAR."""

from __future__ import annotations

from functools import partial

from nas.zoo import Paper
from nas.zoo.built import CIFAR, Row, family
from nas.zoo.preact_blocks import PreActNet
from nas.zoo.training import Training

CITATION = "He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, arXiv 1603.05027"
TRAINING = Training(
    "appendix; the steps of arXiv 1512.03385",
    "0.01 for 400 steps, then 0.1; divided by 10 after 32,000 and 48,000 of 64,000 steps",
    batch_size=128,
    learning_rate=0.1,
    epochs=164,  # 64,000 steps over 50,000 images
    weight_decay=1e-4,
)
MODELS = family(
    __name__,
    2016,
    "Normalise and rectify inside the block, so that nothing stands in the way of the shortcut.",
    TRAINING,
    (
        Row(
            "preact_resnet110_cifar",
            "Pre-activation ResNet-110",
            partial(PreActNet, blocks=18),
            Paper(
                CITATION,
                "6.37 % error (quoted by Wide Residual Networks, Table 5)",
                "CIFAR-10",
                "1.7M",
                top1=93.63,
            ),
            CIFAR,
        ),
        Row(
            "preact_resnet164_cifar",
            "Pre-activation ResNet-164",
            partial(PreActNet, blocks=18, bottleneck=True),
            Paper(
                CITATION,
                "5.46 % error (quoted by szagoruyko/wide-residual-networks)",
                "CIFAR-10",
                "1.7M",
                top1=94.54,
            ),
            CIFAR,
        ),
        Row(
            "preact_resnet1001_cifar",
            "Pre-activation ResNet-1001",
            partial(PreActNet, blocks=111, bottleneck=True),
            Paper(
                CITATION,
                "KaimingHe/resnet-1k-layers, README: 4.92 % error, batches of 128",
                "CIFAR-10",
                "10.2M",  # without the scales of batch normalisation: 10,178,490
                top1=95.08,
            ),
            CIFAR,
        ),
    ),
)
