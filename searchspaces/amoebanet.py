"""The AmoebaNet search space (arXiv 1802.01548): five sums of two of eight operations a cell.

It is the NASNet space with fewer operations and no choice of the combination: section 3.1 of the
paper, which calls the identity "none". Loose ends are concatenated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces.assembly import TPU
from searchspaces.blocks import BlockSpace
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

OPERATIONS = (
    "identity",
    "sep_3x3",
    "sep_5x5",
    "sep_7x7",
    "avg_3x3",
    "max_3x3",
    "dil_sep_3x3",
    "conv_1x7_7x1",
)


class AmoebaNet(BlockSpace):
    """AmoebaNet cells: five sums of two operations out of eight, two cells."""

    name = "amoebanet"
    operations = OPERATIONS

    def __init__(
        self, *, blocks: Annotated[int, Field(ge=1, le=10, description="Blocks a cell")] = 5
    ) -> None:
        """Make the choices for ``blocks`` pairwise combinations a cell (the paper has 5)."""
        self.blocks = blocks
        self.choices = self.block_choices()

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return CellNetwork(arch, task, scale, assembly=TPU)
