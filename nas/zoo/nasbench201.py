"""NAS-Bench-201: its best cell and the one of ResNet (arXiv 2001.00326), in its own skeleton.

Accuracies are means over the training runs of the benchmark, 200 epochs, test images of CIFAR-10.
"""

from __future__ import annotations

from nas.zoo import Paper
from nas.zoo.sized import SizedModel
from nas.zoo.training import Training
from searchspaces import Task
from searchspaces.nasbench201 import SKELETON, NASBench201, from_string
from searchspaces.scale import Scale

CITATION = "Dong, Yang: NAS-Bench-201, arXiv 2001.00326"
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
)
RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


class NASBench201Cell(SizedModel):
    """What the networks of this file share."""

    year, idea = 2020, "Train every cell of a small space once, so that searches can be compared."
    recipe = Training(
        "Table 1; configs/nas-benchmark/hyper-opts/200E.config of D-X-Y/AutoDL-Projects",
        "cosine to 0",
        batch_size=256,
        learning_rate=0.1,
        epochs=200,
        weight_decay=5e-4,
        nesterov=True,
    )


class NASBench201Best(NASBench201Cell):
    """The best of the 15,625 cells on the test images of CIFAR-10 (two cells tie)."""

    name, title = "nasbench201_best", "NAS-Bench-201, best cell"
    arch, task = NASBench201().decode(from_string(BEST)), Task(3, 32, 32, 10)
    scale = Scale.model_validate(SKELETON)
    paper = Paper(
        CITATION, "main table, optimal (quoted by Mellor et al., table 2a)", "CIFAR-10", top1=94.37
    )


class NASBench201ResNet(NASBench201Cell):
    """The residual cell of two 3x3 convolutions."""

    name, title = "nasbench201_resnet", "NAS-Bench-201, ResNet cell"
    arch, task = NASBench201().decode(from_string(RESNET)), Task(3, 32, 32, 10)
    scale = Scale.model_validate(SKELETON)
    paper = Paper(
        CITATION, "main table, ResNet (quoted by Mellor et al., table 2a)", "CIFAR-10", top1=93.97
    )
