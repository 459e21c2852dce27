"""The NASNet search space (arXiv 1707.07012): B blocks a cell, 13 operations, 2 combiners.

A cell reads h_i (value 0) and h_{i-1} (value 1). Each of its B blocks makes five decisions: two
hidden states, an operation for each, and how to combine the results (section 3.1). Block outputs
that no later block reads are concatenated. The normal and the reduction cell are searched apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces.blocks import Block as Block
from searchspaces.blocks import BlockSpace
from searchspaces.blocks import block_cell as block_cell
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

OPERATIONS = (
    "identity",
    "conv_1x3_3x1",
    "conv_1x7_7x1",
    "dil_3x3",
    "avg_3x3",
    "max_3x3",
    "max_5x5",
    "max_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_3x3",
    "sep_5x5",
    "sep_7x7",
)
COMBINERS = ("add", "concat")


class NASNet(BlockSpace):
    """NASNet cells: blocks of two operations, separate normal and reduction cell."""

    name = "nasnet"
    operations, combiners = OPERATIONS, COMBINERS

    def __init__(
        self, *, blocks: Annotated[int, Field(ge=1, le=10, description="Blocks a cell (B)")] = 5
    ) -> None:
        """Make the choices for ``blocks`` blocks a cell (the paper's B is 5)."""
        self.blocks = blocks
        self.choices = self.block_choices()

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return CellNetwork(arch, task, scale)
