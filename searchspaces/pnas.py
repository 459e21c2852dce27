"""The search space of progressive search, PNAS (arXiv 1712.00559): one cell for both sizes.

Eight operations, blocks are added, and the same cell stands at stride 1 and, with twice the
filters, at stride 2 (sections 3.1 and 3.2). All blocks that no block reads are concatenated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces.blocks import BlockSpace
from searchspaces.network import CellNetwork
from searchspaces.stack import strided_stack

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

OPERATIONS = (
    "sep_3x3",
    "sep_5x5",
    "sep_7x7",
    "conv_1x7_7x1",
    "identity",
    "avg_3x3",
    "max_3x3",
    "dil_3x3",
)


class PNAS(BlockSpace):
    """PNAS cells: five sums of two operations out of eight, one cell at both strides."""

    name = "pnas"
    cells = ("normal",)
    operations = OPERATIONS

    def __init__(
        self, *, blocks: Annotated[int, Field(ge=1, le=10, description="Blocks a cell (B)")] = 5
    ) -> None:
        """Make the choices for ``blocks`` blocks (the paper grows B from 1 to 5)."""
        self.blocks = blocks
        self.choices = self.block_choices()

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return CellNetwork(arch, task, scale, plan=strided_stack(scale))
