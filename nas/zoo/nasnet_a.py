"""NASNet-A: the cells that the search of arXiv 1707.07012 found, at the three published sizes.

The cells are those of the authors' code (tensorflow/models, slim/nets/nasnet/nasnet_utils.py),
with its hand-written masks of what a cell gives out. A size N@P has N normal cells a stage and P
filters before the classifier: P = 6 outputs x 4 F. Accuracies are the paper's, not ours.
Released weights see pixels from -1 to 1 (slim's preprocessing_factory; the configuration of
timm's nasnetalarge).
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

# Operation and state it reads, twice; added. State 0 is h_i, 1 is h_{i-1}, b + 2 is block b.
NORMAL = (
    Block("sep_5x5", 0, "sep_3x3", 1),
    Block("sep_5x5", 1, "sep_3x3", 1),
    Block("avg_3x3", 0, "identity", 1),
    Block("avg_3x3", 1, "avg_3x3", 1),
    Block("sep_3x3", 0, "identity", 0),
)
REDUCTION = (
    Block("sep_5x5", 0, "sep_7x7", 1),
    Block("max_3x3", 0, "sep_7x7", 1),
    Block("avg_3x3", 0, "sep_5x5", 1),
    Block("identity", 3, "avg_3x3", 2),
    Block("sep_3x3", 2, "max_3x3", 0),
)
NASNET_A = Arch(
    "nasnet",
    (
        block_cell("normal", NORMAL, states=(1, 2, 3, 4, 5, 6)),
        block_cell("reduction", REDUCTION, states=(3, 4, 5, 6)),
    ),
)
CITATION = "Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures, arXiv 1707.07012"


NOTES = "notes and configurations of slim/nets/nasnet/nasnet.py"
REPLICAS = "RMSProp, decay 0.9, epsilon 1; {} replicas in step; gradients clipped at 10"
CIFAR_TRAINING = Training(
    NOTES,
    "cosine to 0",
    batch_size=32,
    learning_rate=0.025,
    epochs=600,
    weight_decay=5e-4,
    auxiliary_weight=0.4,
    drop_path=0.4,
    grad_clip=5.0,
)
# Both train for 250,000 steps, 312 epochs.
MOBILE_TRAINING = Training(
    f"{NOTES}: {REPLICAS.format(50)}",
    "times 0.97 every 2.4 epochs",
    batch_size=50 * 32,
    learning_rate=50 * 0.04,
    epochs=312,
    weight_decay=4e-5,
    optimiser="RMSProp",
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    dropout=0.5,
    grad_clip=10.0,
)
LARGE_TRAINING = Training(
    f"{NOTES}: {REPLICAS.format(100)}",
    "times 0.97 every 2.4 epochs",
    batch_size=100 * 16,
    learning_rate=100 * 0.015,
    epochs=312,
    weight_decay=5e-5,
    optimiser="RMSProp",
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    dropout=0.5,
    drop_path=0.3,
    grad_clip=10.0,
)


class NASNetA(SizedModel):
    """What the networks of this file share."""

    year, idea = (
        2017,
        "Search a cell on CIFAR-10 by reinforcement learning and stack it for ImageNet.",
    )


class NASNetACifar(NASNetA):
    """NASNet-A 6@768 for CIFAR-10."""

    name, title = "nasnet_a_cifar", "NASNet-A 6@768"
    arch, task = NASNET_A, Task(3, 32, 32, 10)
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=32, stem_multiplier=3)
    # 3.41 % error; 2.65 % with cutout.
    paper = Paper(CITATION, "Table 1, without cutout", "CIFAR-10", "3.3M", top1=96.59)


class NASNetAMobile(NASNetA):
    """NASNet-A 4@1056 for ImageNet on a phone."""

    name, title = "nasnet_a_mobile", "NASNet-A 4@1056"
    arch, task = NASNET_A, Task(3, 224, 224, 1000)
    statistics = CENTRED
    recipe = MOBILE_TRAINING
    scale = Scale(cells=4, filters=44, stem="imagenet", stem_multiplier=1)
    paper = Paper(CITATION, "Table 3", "ImageNet", "5.3M", "564M", top1=74.0, top5=91.6)


class NASNetALarge(NASNetA):
    """NASNet-A 6@4032 for ImageNet."""

    name, title = "nasnet_a_large", "NASNet-A 6@4032"
    arch, task = NASNET_A, Task(3, 331, 331, 1000)
    statistics = CENTRED
    recipe = LARGE_TRAINING
    scale = Scale(
        cells=6, filters=168, stem="imagenet", stem_multiplier=3, skip_reduction_input=True
    )
    # The paper's 88.9M counts the statistics of the batch normalisation, which are not trained.
    paper = Paper(CITATION, "Table 2", "ImageNet", "88.9M", "23.8B", top1=82.7, top5=96.2)
