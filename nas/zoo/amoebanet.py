"""AmoebaNet-A to D: cells that evolution found (arXiv 1802.01548), at the published sizes.

The cells are those of tensorflow/tpu, models/official/amoeba_net/model_specs.py, with its masks of
what goes out. Its 1x7 7x1 and 3x3 convolutions are bottlenecks, and ``dil_2_separable_5x5_2`` is
parsed there as a plain separable convolution. Accuracies are the paper's, not ours.
"""

from __future__ import annotations

from nas.zoo import Paper
from nas.zoo.sized import SizedModel
from nas.zoo.training import Training
from searchspaces import Task
from searchspaces.arch import Arch
from searchspaces.blocks import Block, block_cell
from searchspaces.scale import Scale

AMOEBANET_A = Arch(
    "amoebanet",
    (
        block_cell(
            "normal",
            (
                Block("avg_3x3", 0, "max_3x3", 0),
                Block("sep_3x3", 1, "identity", 1),
                Block("identity", 0, "avg_3x3", 1),
                Block("sep_3x3", 0, "sep_5x5", 2),
                Block("avg_3x3", 5, "sep_3x3", 0),
            ),
            states=(1, 3, 4, 6),
        ),
        block_cell(
            "reduction",
            (
                Block("sep_3x3", 1, "avg_3x3", 0),
                Block("max_3x3", 0, "sep_7x7", 2),
                Block("max_3x3", 1, "max_3x3", 0),
                Block("sep_3x3", 4, "bottleneck_1x7_7x1", 0),
                Block("avg_3x3", 1, "sep_7x7", 0),
            ),
            states=(2, 3, 4, 5, 6),
        ),
    ),
)
AMOEBANET_B = Arch(
    "amoebanet",
    (
        block_cell(
            "normal",
            (
                Block("conv_1x1", 1, "max_3x3", 1),
                Block("identity", 1, "sep_3x3", 0),
                Block("conv_1x1", 1, "sep_3x3", 0),
                Block("conv_1x1", 2, "identity", 2),
                Block("avg_3x3", 1, "conv_1x1", 5),
            ),
            states=(0, 3, 4, 6),
        ),
        block_cell(
            "reduction",
            (
                Block("max_2x2", 0, "max_3x3", 0),
                Block("identity", 2, "bottleneck_3x3", 1),
                Block("sep_5x5", 2, "max_3x3", 2),
                Block("identity", 3, "sep_3x3", 1),
                Block("avg_3x3", 4, "conv_1x1", 3),
            ),
            states=(5, 6),
        ),
    ),
)
AMOEBANET_C = Arch(
    "amoebanet",
    (
        block_cell(
            "normal",
            (
                Block("avg_3x3", 0, "sep_3x3", 0),
                Block("identity", 0, "sep_3x3", 0),
                Block("avg_3x3", 2, "sep_3x3", 1),
                Block("identity", 0, "sep_3x3", 1),
                Block("avg_3x3", 3, "sep_3x3", 0),
            ),
            states=(1, 2, 4, 5, 6),
        ),
        block_cell(
            "reduction",
            (
                Block("max_3x3", 0, "max_3x3", 0),
                Block("sep_7x7", 2, "sep_3x3", 0),
                Block("sep_7x7", 0, "max_3x3", 1),
                Block("sep_5x5", 4, "sep_5x5", 4),
                Block("max_3x3", 1, "sep_3x3", 1),
            ),
            states=(0, 2, 3, 4, 5, 6),
        ),
    ),
)
AMOEBANET_D = Arch(
    "amoebanet",
    (
        block_cell(
            "normal",
            (
                Block("conv_1x1", 1, "max_3x3", 1),
                Block("identity", 1, "bottleneck_1x7_7x1", 0),
                Block("conv_1x1", 0, "bottleneck_1x7_7x1", 0),
                Block("max_3x3", 2, "identity", 2),
                Block("avg_3x3", 1, "conv_1x1", 5),
            ),
            states=(0, 3, 4, 6),
        ),
        block_cell(
            "reduction",
            (
                Block("max_2x2", 0, "max_3x3", 0),
                Block("identity", 2, "bottleneck_3x3", 1),
                Block("bottleneck_1x7_7x1", 2, "max_3x3", 2),
                Block("identity", 3, "max_2x2", 1),
                Block("avg_3x3", 2, "conv_1x1", 3),
            ),
            states=(4, 5, 6),
        ),
    ),
)
CITATION = "Real, Aggarwal, Huang, Le: Regularized Evolution, arXiv 1802.01548"
CIFAR, MOBILE = Task(3, 32, 32, 10), Task(3, 224, 224, 1000)
EFFICIENTNET = "with AutoAugment 83.5 / 96.5 (arXiv 1905.11946, table 2)"


CIFAR_TRAINING = Training(
    "section 4, final training; 0.7 of the paths are kept at the end",
    "cosine to 0",
    batch_size=128,
    learning_rate=0.024,
    epochs=600,
    weight_decay=5e-4,
    auxiliary_weight=0.5,
    drop_path=0.3,
)
IMAGENET_TRAINING = Training(
    "section 4 for the auxiliary weight; from memory RMSProp, decay of weights, label smoothing, "
    "dropout and the 0.7 of the paths that are kept",
    "times 0.97 every 2 epochs (from memory)",
    weight_decay=4e-5,
    optimiser="RMSProp",
    label_smoothing=0.1,
    auxiliary_weight=0.4,
    dropout=0.5,
    drop_path=0.3,
)
TPU_TRAINING = Training(
    "flags of tensorflow/tpu, models/official/amoeba_net/amoeba_net.py: RMSProp, the weights "
    "averaged with decay 0.9999",
    "3 epochs of warm-up, then times 0.9 an epoch",
    batch_size=256,
    learning_rate=0.64,
    epochs=48,
    weight_decay=4e-5,
    optimiser="RMSProp",
    auxiliary_weight=0.4,
)


class AmoebaNet(SizedModel):
    """What the networks of this file share."""

    year, idea = 2018, "Search a cell by evolution in which the oldest, not the worst, dies."


class AmoebaNetACifar(AmoebaNet):
    """AmoebaNet-A, N = 6, F = 32, for CIFAR-10."""

    name, title = "amoebanet_a_cifar", "AmoebaNet-A (6, 32)"
    task, arch = CIFAR, AMOEBANET_A
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=32, stem_multiplier=3)
    paper = Paper(CITATION, "Table 1: 3.40 +- 0.08 % error", "CIFAR-10", "2.6M", top1=96.6)


class AmoebaNetACifarWide(AmoebaNet):
    """AmoebaNet-A, N = 6, F = 36, for CIFAR-10."""

    name, title = "amoebanet_a_cifar_36", "AmoebaNet-A (6, 36)"
    task, arch = CIFAR, AMOEBANET_A
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=36, stem_multiplier=3)
    paper = Paper(CITATION, "Table 1: 3.34 +- 0.06 % error", "CIFAR-10", "3.2M", top1=96.66)


class AmoebaNetAMobile(AmoebaNet):
    """AmoebaNet-A, N = 4, F = 50, for ImageNet on a phone."""

    name, title = "amoebanet_a_mobile", "AmoebaNet-A (4, 50)"
    task, arch = MOBILE, AMOEBANET_A
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=4, filters=50, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        CITATION,
        "mobile sizes, quoted by DARTS, Table 3",
        "ImageNet",
        "5.1M",
        "555M",
        top1=74.5,
        top5=92.0,
    )


class AmoebaNetALarge(AmoebaNet):
    """AmoebaNet-A, N = 6, F = 190, for ImageNet."""

    name, title = "amoebanet_a_large", "AmoebaNet-A (6, 190)"
    task, arch = Task(3, 331, 331, 1000), AMOEBANET_A
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=6, filters=190, stem="imagenet", stem_multiplier=1)
    paper = Paper(CITATION, "Table 2", "ImageNet", "86.7M", "23.1B", top1=82.8, top5=96.1)


class AmoebaNetAHuge(AmoebaNet):
    """AmoebaNet-A, N = 6, F = 448, for ImageNet."""

    name, title = "amoebanet_a_huge", "AmoebaNet-A (6, 448)"
    # The text says 331 pixels; the multiply-adds that it prints are those of 299.
    task, arch = Task(3, 299, 299, 1000), AMOEBANET_A
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=6, filters=448, stem="imagenet", stem_multiplier=1)
    paper = Paper(CITATION, "Table 2", "ImageNet", "469M", "104B", top1=83.9, top5=96.6)


class AmoebaNetBCifar(AmoebaNet):
    """AmoebaNet-B, N = 6, F = 36, for CIFAR-10."""

    name, title = "amoebanet_b_cifar", "AmoebaNet-B (6, 36)"
    task, arch = CIFAR, AMOEBANET_B
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=36, stem_multiplier=3)
    paper = Paper(
        CITATION,
        "with cutout: 2.55 +- 0.05 % error (quoted by DARTS, Table 1)",
        "CIFAR-10",
        "2.8M",
        top1=97.45,
    )


class AmoebaNetBCifarWide(AmoebaNet):
    """AmoebaNet-B, N = 6, F = 128, for CIFAR-10."""

    name, title = "amoebanet_b_cifar_128", "AmoebaNet-B (6, 128)"
    task, arch = CIFAR, AMOEBANET_B
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=128, stem_multiplier=3)
    paper = Paper(CITATION, "abstract: 2.13 % error", "CIFAR-10", "34.9M", top1=97.87)


class AmoebaNetBMobile(AmoebaNet):
    """AmoebaNet-B, N = 3, F = 62, for ImageNet on a phone."""

    name, title = "amoebanet_b_mobile", "AmoebaNet-B (3, 62)"
    task, arch = MOBILE, AMOEBANET_B
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=3, filters=62, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        CITATION,
        "mobile sizes, quoted by DARTS, Table 3",
        "ImageNet",
        "5.3M",
        "555M",
        top1=74.0,
        top5=91.5,
    )


class AmoebaNetBLarge(AmoebaNet):
    """AmoebaNet-B, N = 6, F = 190, for ImageNet."""

    name, title = "amoebanet_b_large", "AmoebaNet-B (6, 190)"
    task, arch = Task(3, 331, 331, 1000), AMOEBANET_B
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=6, filters=190, stem="imagenet", stem_multiplier=3)
    paper = Paper(
        CITATION,
        "ImageNet sizes (from memory)",
        "ImageNet",
        "84.0M",
        "22.3B",
        top1=82.3,
        top5=96.1,
        differs="F = 190 gives 79.0M and 21.1B; F = 196 with a stem of 32 gives what is printed",
    )


class AmoebaNetCMobile(AmoebaNet):
    """AmoebaNet-C, N = 4, F = 50, for ImageNet on a phone."""

    name, title = "amoebanet_c_mobile", "AmoebaNet-C (4, 50)"
    task, arch = MOBILE, AMOEBANET_C
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=4, filters=50, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        CITATION,
        "mobile sizes, quoted by DARTS, Table 3",
        "ImageNet",
        "6.4M",
        "570M",
        top1=75.7,
        top5=92.4,
        differs="the parameters agree, but such a network takes 677M multiply-adds",
    )


class AmoebaNetCCifar(AmoebaNet):
    """AmoebaNet-C, N = 6, F = 36, for CIFAR-10."""

    name, title = "amoebanet_c_cifar", "AmoebaNet-C (6, 36)"
    task, arch = CIFAR, AMOEBANET_C
    recipe = CIFAR_TRAINING
    scale = Scale(cells=6, filters=36, stem_multiplier=3)
    paper = Paper(CITATION, "no figures of this size", "CIFAR-10")


class AmoebaNetCLarge(AmoebaNet):
    """AmoebaNet-C, N = 6, F = 228, for ImageNet."""

    name, title = "amoebanet_c_large", "AmoebaNet-C (6, 228)"
    task, arch = Task(3, 331, 331, 1000), AMOEBANET_C
    recipe = IMAGENET_TRAINING
    scale = Scale(cells=6, filters=228, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        CITATION,
        f"ImageNet sizes (from memory); {EFFICIENTNET}",
        "ImageNet",
        "155.3M",
        "41.1B",
        top1=83.1,
        top5=96.3,
    )


class AmoebaNetDTpu(AmoebaNet):
    """AmoebaNet-D as the TPU code trains it by default: 12 cells, F = 256, 299 pixels."""

    name, title = "amoebanet_d_tpu", "AmoebaNet-D (4, 256)"
    task, arch = Task(3, 299, 299, 1000), AMOEBANET_D
    recipe = TPU_TRAINING
    scale = Scale(cells=4, filters=256, stem="imagenet", stem_multiplier=1)
    paper = Paper(
        "tensorflow/tpu, models/official/amoeba_net", "README: over 80 % top-1", "ImageNet"
    )
