"""ENAS: the micro cells that its authors released (arXiv 1802.03268), for CIFAR-10.

The numbers are those of the final micro script of melodyguan/enas. Accuracies are the paper's.
"""

from __future__ import annotations

from nas.zoo import Paper
from nas.zoo.sized import SizedModel
from nas.zoo.training import Training
from searchspaces import Task
from searchspaces.arch import Arch
from searchspaces.enas import enas_cell
from searchspaces.scale import Scale

# Input, operation, input, operation a node, in the authors' numbering.
NORMAL = (0, 2, 0, 0, 0, 4, 0, 1, 0, 4, 1, 1, 1, 0, 0, 1, 0, 2, 1, 1)
REDUCTION = (1, 0, 1, 0, 0, 3, 0, 2, 1, 1, 3, 1, 1, 0, 0, 4, 0, 3, 1, 1)
ENAS_MICRO = Arch("enas", (enas_cell("normal", NORMAL), enas_cell("reduction", REDUCTION)))


class Enas(SizedModel):
    """What the networks of this file share."""

    year, idea = 2018, "Search with weights that all candidates share, a thousand times cheaper."


class EnasMicroCifar(Enas):
    """ENAS micro, 15 normal cells and two reductions, 36 filters, for CIFAR-10."""

    name, title = "enas_micro_cifar", "ENAS micro (5, 36)"
    arch, task = ENAS_MICRO, Task(3, 32, 32, 10)
    scale = Scale(cells=5, filters=36, stem_multiplier=3)
    paper = Paper(
        "Pham et al.: Efficient Neural Architecture Search, arXiv 1802.03268",
        "3.54 % error, 2.89 with cutout (quoted by others; 2.89 by DARTS, Table 1)",
        "CIFAR-10",
        "4.6M",
        top1=96.46,
        differs="the released script builds 3.89M parameters, not the 4.6M printed",
    )
    recipe = Training(
        "scripts/cifar10_micro_final.sh of melodyguan/enas; the auxiliary weight from memory",
        "cosine to 0.0001, anew after 10, 30, 70, 150 and 310 epochs",
        batch_size=144,
        learning_rate=0.05,
        epochs=630,
        weight_decay=2e-4,
        nesterov=True,
        auxiliary_weight=0.4,
        dropout=0.2,
        drop_path=0.4,
        cutout=16,
    )
