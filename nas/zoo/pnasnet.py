"""PNASNet-5: the cell that progressive search found (arXiv 1712.00559), at the published sizes.

The cell is that of tensorflow/models, slim/nets/nasnet/pnasnet.py. N counts the cells of a stage,
the strided one among them. Accuracies are the paper's, not ours.
Released weights see pixels from -1 to 1 (slim's preprocessing_factory; the configuration of
timm's pnasnet5large).
"""

from __future__ import annotations

from nas.normalisation import CENTRED
from nas.zoo import Paper
from nas.zoo.sized import SizedModel
from nas.zoo.training import Training
from searchspaces import Task
from searchspaces.arch import Arch
from searchspaces.blocks import Block, block_cell
from searchspaces.scale import Scale

PNASNET_5 = Arch(
    "pnas",
    (
        block_cell(
            "normal",
            (
                Block("sep_5x5", 1, "max_3x3", 1),
                Block("sep_7x7", 0, "max_3x3", 0),
                Block("sep_5x5", 0, "sep_3x3", 0),
                Block("sep_3x3", 4, "max_3x3", 0),
                Block("sep_3x3", 1, "identity", 0),
            ),
            states=(2, 3, 4, 5, 6),
        ),
    ),
)
CITATION = "Liu et al.: Progressive Neural Architecture Search, arXiv 1712.00559"


# 250,000 steps of 100 x 16 images are 312 epochs.
LARGE_TRAINING = Training(
    "notes and configuration of chenxi116/PNASNet.TF, pnasnet.py: RMSProp; 100 replicas in step",
    "times 0.97 every 2.4 epochs",
    batch_size=100 * 16,
    learning_rate=100 * 0.015,
    epochs=312,
    weight_decay=4e-5,
    optimiser="RMSProp",
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    dropout=0.5,
    drop_path=0.4,
    grad_clip=10.0,
)
MOBILE_TRAINING = Training(
    "configuration of slim/nets/nasnet/pnasnet.py, which has no batch, no rate and no schedule",
    "not printed",
    weight_decay=4e-5,
    dropout=0.5,
)


class PNASNet(SizedModel):
    """What the networks of this file share."""

    year, idea = (
        2017,
        "Search from small cells to large ones, guided by a model that predicts accuracy.",
    )


class PNASNet5Cifar(PNASNet):
    """PNASNet-5, N = 3, F = 48, for CIFAR-10; no source that was read says how it was trained."""

    name, title = "pnasnet_5_cifar", "PNASNet-5 (3, 48)"
    arch, task = PNASNET_5, Task(3, 32, 32, 10)
    scale = Scale(cells=3, filters=48, stem_multiplier=3)
    paper = Paper(
        CITATION, "3.41 +- 0.09 % error (quoted by DARTS, Table 1)", "CIFAR-10", "3.2M", top1=96.59
    )


class PNASNet5Mobile(PNASNet):
    """PNASNet-5, N = 3, F = 54, for ImageNet on a phone."""

    name, title = "pnasnet_5_mobile", "PNASNet-5 (3, 54)"
    arch, task = PNASNET_5, Task(3, 224, 224, 1000)
    statistics = CENTRED
    recipe = MOBILE_TRAINING
    scale = Scale(cells=3, filters=54, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        CITATION,
        "mobile size, quoted by DARTS, Table 3",
        "ImageNet",
        "5.1M",
        "588M",
        top1=74.2,
        top5=91.9,
    )


class PNASNet5Large(PNASNet):
    """PNASNet-5, N = 4, F = 216, for ImageNet."""

    name, title = "pnasnet_5_large", "PNASNet-5 (4, 216)"
    arch, task = PNASNET_5, Task(3, 331, 331, 1000)
    statistics = CENTRED
    recipe = LARGE_TRAINING
    scale = Scale(cells=4, filters=216, stem="imagenet", stem_multiplier=3)
    paper = Paper(
        CITATION,
        "quoted by arXiv 1802.01548, table 2",
        "ImageNet",
        "86.1M",
        "25.0B",
        top1=82.9,
        top5=96.2,
    )
