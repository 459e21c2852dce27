"""The NASNet search space (arXiv 1707.07012): B blocks a cell, 13 operations, 2 combiners.

A cell reads h_i (value 0) and h_{i-1} (value 1). Each of its B blocks makes five decisions: two
hidden states, an operation for each, and how to combine the results (section 3.1). Block outputs
that no later block reads are concatenated. The normal and the reduction cell are searched apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces import Choice, Decisions, SearchSpace
from searchspaces.arch import Arch, Cell, Node
from searchspaces.network import CellNetwork
from searchspaces.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from searchspaces import Task
    from searchspaces.scale import Scale

CELLS = ("normal", "reduction")
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


@dataclass(frozen=True, slots=True)
class Block:
    """Two operations on two states, combined. State 0 is h_i, 1 is h_{i-1}, b + 2 is block b."""

    op1: str
    input1: int
    op2: str
    input2: int
    combine: str = "add"


def block_cell(name: str, blocks: Sequence[Block], states: Sequence[int] | None = None) -> Cell:
    """Return the cell of these blocks; each block is three nodes.

    ``states`` are the states that go out; by default the blocks that no block reads. Published
    cells name theirs, because the authors' code uses a mask written by hand.
    """
    if states is None:
        read = {state for block in blocks for state in (block.input1, block.input2)}
        states = [state for state in range(2, 2 + len(blocks)) if state not in read]
    values = [0, 1] + [4 + 3 * number for number in range(len(blocks))]  # state to value
    nodes: list[Node] = []
    for block in blocks:
        first = 2 + len(nodes)
        nodes.append(Node(block.op1, (values[block.input1],)))
        nodes.append(Node(block.op2, (values[block.input2],)))
        nodes.append(Node(block.combine, (first, first + 1)))
    return Cell(name, 2, tuple(nodes), tuple(values[state] for state in states))


class NASNet(SearchSpace):
    """NASNet cells: blocks of two operations, separate normal and reduction cell."""

    name = "nasnet"

    def __init__(
        self, *, blocks: Annotated[int, Field(ge=1, le=10, description="Blocks a cell (B)")] = 5
    ) -> None:
        """Make the choices for ``blocks`` blocks a cell (the paper's B is 5)."""
        self.blocks = blocks
        self.choices = tuple(
            choice for cell in CELLS for block in range(blocks) for choice in _choices(cell, block)
        )

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        values = iter(self.check(decisions))
        cells = []
        for cell in CELLS:
            blocks = []
            for _ in range(self.blocks):
                input1, input2, op1, op2, combine = (next(values) for _ in range(5))
                blocks.append(
                    Block(OPERATIONS[op1], input1, OPERATIONS[op2], input2, COMBINERS[combine])
                )
            cells.append(block_cell(cell, blocks))
        return Arch(self.name, tuple(cells))

    def _read(self, arch: Arch) -> Decisions:
        # Values 0 and 1 are states 0 and 1; block b is state b + 2 and ends at value 4 + 3 b.
        found: list[int] = []
        for name in CELLS:
            nodes = arch.cell(name).nodes
            for block in range(self.blocks):
                left, right, combine = nodes[3 * block : 3 * block + 3]
                for node in (left, right):
                    value = node.inputs[0]
                    found.append(value if value < 2 else (value - 4) // 3 + 2)
                found += [OPERATIONS.index(left.op), OPERATIONS.index(right.op)]
                found.append(COMBINERS.index(combine.op))
        return tuple(found)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return CellNetwork(arch, task, scale)


def _choices(cell: str, block: int) -> tuple[Choice, ...]:
    states = ("h[i]", "h[i-1]", *(f"block {number}" for number in range(block)))
    labels = tuple(OPS[name].label for name in OPERATIONS)
    prefix = f"{cell}.{block}"
    # Inputs of one length share the weights of a policy, as do all operations.
    return (
        Choice(f"{prefix}.input1", f"input{block + 2}", states),
        Choice(f"{prefix}.input2", f"input{block + 2}", states),
        Choice(f"{prefix}.op1", "op", labels),
        Choice(f"{prefix}.op2", "op", labels),
        Choice(f"{prefix}.combine", "combine", COMBINERS),
    )
