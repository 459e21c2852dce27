"""NASNet-A as its authors published it (tensorflow/models, slim/nets/nasnet/nasnet_utils.py)."""

from __future__ import annotations

from searchspaces.arch import Arch
from searchspaces.nasnet import Block, block_cell

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
