"""DARTS: the cells that its first- and second-order searches found (arXiv 1806.09055).

The genotypes are those of quark0/darts, cnn/genotypes.py. Accuracies are the paper's, not ours.
"""

from __future__ import annotations

from nas.zoo import Paper
from nas.zoo.sized import SizedModel
from nas.zoo.training import Training
from searchspaces import Task
from searchspaces.darts import from_genotype
from searchspaces.scale import Scale

SEP, DIL, SKIP = "sep_conv_3x3", "dil_conv_3x3", "skip_connect"
MAX, AVG = "max_pool_3x3", "avg_pool_3x3"
# Two (operation, state) a node in the authors' numbering: 0 is h_{i-1}, 1 is h_i.
DARTS_V1 = from_genotype(
    normal=[(SEP, 1), (SEP, 0), (SKIP, 0), (SEP, 1), (SKIP, 0), (SEP, 1), (SEP, 0), (SKIP, 2)],
    reduction=[(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 0), (MAX, 0), (SKIP, 2), (SKIP, 2), (AVG, 0)],
)
DARTS_V2 = from_genotype(
    normal=[(SEP, 0), (SEP, 1), (SEP, 0), (SEP, 1), (SEP, 1), (SKIP, 0), (SKIP, 0), (DIL, 2)],
    reduction=[(MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 1), (MAX, 0), (SKIP, 2), (SKIP, 2), (MAX, 1)],
)
CITATION = "Liu, Simonyan, Yang: DARTS, arXiv 1806.09055"
# C = 36 and 20 cells: 18 normal ones and two reductions; C = 48 and 14 cells.
CIFAR, IMAGENET = Scale(cells=6, filters=36), Scale(cells=4, filters=48, stem="imagenet")


CIFAR_TRAINING = Training(
    "section 3.2 and appendix; cnn/train.py of quark0/darts",
    "cosine to 0",
    batch_size=96,
    learning_rate=0.025,
    epochs=600,
    weight_decay=3e-4,
    auxiliary_weight=0.4,
    drop_path=0.2,
    cutout=16,
    grad_clip=5.0,
)
IMAGENET_TRAINING = Training(
    "section 3.3 and appendix; cnn/train_imagenet.py of quark0/darts",
    "times 0.97 an epoch",
    batch_size=128,
    learning_rate=0.1,
    epochs=250,
    weight_decay=3e-5,
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    grad_clip=5.0,
)


class Darts(SizedModel):
    """What the networks of this file share."""

    year, idea = 2018, "Search a cell by gradient descent through a mixture of all operations."


class DartsV1Cifar(Darts):
    """DARTS, first order, 20 cells, C = 36, for CIFAR-10."""

    name, title = "darts_v1_cifar", "DARTS (first order)"
    arch, task, scale = DARTS_V1, Task(3, 32, 32, 10), CIFAR
    recipe = CIFAR_TRAINING
    paper = Paper(
        CITATION,
        "Table 1, with cutout: 3.00 +- 0.14 % error",
        "CIFAR-10",
        "3.3M",
        top1=97.0,
        differs="this genotype has 3.17M parameters; the paper prints 3.3M for both orders",
    )


class DartsV2Cifar(Darts):
    """DARTS, second order, 20 cells, C = 36, for CIFAR-10."""

    name, title = "darts_v2_cifar", "DARTS (second order)"
    arch, task, scale = DARTS_V2, Task(3, 32, 32, 10), CIFAR
    recipe = CIFAR_TRAINING
    paper = Paper(
        CITATION, "Table 1, with cutout: 2.76 +- 0.09 % error", "CIFAR-10", "3.3M", top1=97.24
    )


class DartsV1ImageNet(Darts):
    """DARTS, first order, 14 cells, C = 48, for ImageNet."""

    name, title = "darts_v1_imagenet", "DARTS (first order), ImageNet"
    arch, task, scale = DARTS_V1, Task(3, 224, 224, 1000), IMAGENET
    recipe = IMAGENET_TRAINING
    paper = Paper(CITATION, "no figures: the paper transfers the second-order cell", "ImageNet")


class DartsV2ImageNet(Darts):
    """DARTS, second order, 14 cells, C = 48, for ImageNet."""

    name, title = "darts_v2_imagenet", "DARTS (second order), ImageNet"
    arch, task, scale = DARTS_V2, Task(3, 224, 224, 1000), IMAGENET
    recipe = IMAGENET_TRAINING
    paper = Paper(
        CITATION,
        "README of quark0/darts: 26.7 and 8.7 % error",
        "ImageNet",
        "4.7M",
        "574M",
        top1=73.3,
        top5=91.3,
        differs="convolutions and classifier take 530M multiply-adds, not the 574M printed",
    )
