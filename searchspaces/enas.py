"""The micro search space of ENAS (arXiv 1802.03268): five sums of two of five operations a cell.

Section 2.4 of the paper and src/cifar10/micro_child.py of the authors' code, which numbers
h_{i-1} as 0 and h_i as 1; here it is the other way round, as everywhere in this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces.assembly import ENAS
from searchspaces.blocks import Block, BlockSpace, block_cell
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch, Cell
    from searchspaces.scale import Scale

# In the order of the code's numbers; its README names four.
OPERATIONS = ("sep_3x3", "sep_5x5", "avg_3x3", "max_3x3", "linear_skip")


class EnasMicro(BlockSpace):
    """ENAS micro cells: five sums of two operations out of five, two cells."""

    name = "enas"
    operations = OPERATIONS

    def __init__(
        self, *, blocks: Annotated[int, Field(ge=1, le=10, description="Nodes a cell")] = 5
    ) -> None:
        """Make the choices for ``blocks`` nodes a cell (the paper has 5 besides the inputs)."""
        self.blocks = blocks
        self.choices = self.block_choices()

    def finish(self, name: str, blocks: list[Block]) -> Cell:
        """Return the cell of these nodes; states that no node reads go out, inputs too."""
        read = {state for block in blocks for state in (block.input1, block.input2)}
        return block_cell(name, blocks, [s for s in range(2 + len(blocks)) if s not in read])

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return CellNetwork(arch, task, scale, assembly=ENAS)


def enas_cell(name: str, numbers: Sequence[int]) -> Cell:
    """Return the cell of the authors' notation: input, operation, input, operation a node."""
    blocks = []
    for first in range(0, len(numbers), 4):
        in1, op1, in2, op2 = numbers[first : first + 4]
        blocks.append(Block(OPERATIONS[op1], _ours(in1), OPERATIONS[op2], _ours(in2)))
    return EnasMicro(blocks=len(blocks)).finish(name, blocks)


def _ours(state: int) -> int:
    """Return our number of a state: the two inputs change places."""
    return 1 - state if state < 2 else state
