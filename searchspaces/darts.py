"""The DARTS search space (arXiv 1806.09055): four nodes a cell, two edges into each, 8 operations.

A cell reads h_i (value 0) and h_{i-1} (value 1); DARTS itself numbers them the other way round. A
node adds two operations on two different earlier states; all nodes go out (section 2.1 and 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces import Choice, Decisions, SearchSpace, SpaceError
from searchspaces.arch import Arch
from searchspaces.assembly import TORCH, TORCH_IMAGENET
from searchspaces.blocks import Block, block_cell, cell_blocks
from searchspaces.network import CellNetwork
from searchspaces.ops import OPS
from searchspaces.stack import darts_stack

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Cell
    from searchspaces.scale import Scale

CELLS = ("normal", "reduction")
# cnn/genotypes.py, PRIMITIVES, in its order, by our names.
OPERATIONS = (
    "none",
    "max_3x3",
    "avg_3x3",
    "skip_connect",
    "sep_3x3",
    "sep_5x5",
    "dil_sep_3x3",
    "dil_sep_5x5",
)

# The names in the authors' genotypes; the last two are only in those of other papers' cells.
THEIRS = {
    "none": "none",
    "max_pool_3x3": "max_3x3",
    "avg_pool_3x3": "avg_3x3",
    "skip_connect": "skip_connect",
    "sep_conv_3x3": "sep_3x3",
    "sep_conv_5x5": "sep_5x5",
    "dil_conv_3x3": "dil_sep_3x3",
    "dil_conv_5x5": "dil_sep_5x5",
    "sep_conv_7x7": "sep_7x7",
    "conv_7x1_1x7": "conv_7x1_1x7",
}
Genotype = Sequence[tuple[str, int]]


class Darts(SearchSpace):
    """DARTS cells: nodes with two operations on two different states, every node goes out."""

    name = "darts"

    def __init__(
        self,
        *,
        nodes: Annotated[int, Field(ge=1, le=8, description="Nodes a cell")] = 4,
        none: Annotated[bool, Field(description="Offer the operation none (zero)")] = False,
    ) -> None:
        """Make the choices; DARTS has 4 nodes and never ends up with ``none``."""
        self.nodes = nodes
        self.operations = OPERATIONS if none else OPERATIONS[1:]
        labels = tuple(OPS[name].label for name in self.operations)
        self.choices = tuple(
            choice
            for cell in CELLS
            for node in range(nodes)
            for choice in _choices(f"{cell}.{node}", node, labels)
        )

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        values = iter(self.check(decisions))
        cells = []
        for cell in CELLS:
            blocks = []
            for node in range(self.nodes):
                pair, op1, op2 = (next(values) for _ in range(3))
                one, other = _pairs(node)[pair]
                blocks.append(Block(self.operations[op1], one, self.operations[op2], other))
            cells.append(darts_cell(cell, blocks))
        return Arch(self.name, tuple(cells))

    def _read(self, arch: Arch) -> Decisions:
        point: list[int] = []
        for name in CELLS:
            blocks = cell_blocks(arch.cell(name))
            for node, block in enumerate(blocks):
                point.append(_pairs(node).index((block.input1, block.input2)))
                point += [self.operations.index(op) for op in (block.op1, block.op2)]
        return tuple(point)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        form = TORCH if scale.stem == "cifar" else TORCH_IMAGENET
        return CellNetwork(arch, task, scale, plan=darts_stack(scale), assembly=form)


def from_genotype(
    normal: Genotype,
    reduction: Genotype,
    *,
    concats: tuple[Sequence[int] | None, Sequence[int] | None] = (None, None),
) -> Arch:
    """Return the architecture of a genotype as DARTS writes it: two (operation, state) a node.

    There state 0 is h_{i-1} and state 1 is h_i. ``concats`` are the states that go out of the two
    cells, by default all nodes. Raises SpaceError for an unknown operation.
    """
    cells = []
    for name, pairs, states in zip(CELLS, (normal, reduction), concats, strict=True):
        edges = [(_swapped(state), _operation(op)) for op, state in pairs]
        blocks = []
        for first in range(0, len(edges), 2):
            (one, op1), (other, op2) = sorted(edges[first : first + 2])
            blocks.append(Block(op1, one, op2, other))
        cells.append(block_cell(name, blocks, states or range(2, 2 + len(blocks))))
    return Arch(Darts.name, tuple(cells))


def _swapped(state: int) -> int:
    return 1 - state if state < 2 else state


def _operation(name: str) -> str:
    if name not in THEIRS:
        raise SpaceError(f"darts: unknown operation {name!r}; known: {', '.join(THEIRS)}")
    return THEIRS[name]


def darts_cell(name: str, blocks: list[Block]) -> Cell:
    """Return the cell of these nodes in our numbering; every node goes out."""
    return block_cell(name, blocks, states=range(2, 2 + len(blocks)))


def _pairs(node: int) -> list[tuple[int, ...]]:
    """Return the pairs of different states that a node may read."""
    return list(combinations(range(2 + node), 2))


def _choices(prefix: str, node: int, labels: tuple[str, ...]) -> tuple[Choice, ...]:
    states = ("h[i]", "h[i-1]", *(f"node {number}" for number in range(node)))
    pairs = tuple(f"{states[one]}, {states[other]}" for one, other in _pairs(node))
    return (
        Choice(f"{prefix}.inputs", f"inputs{node + 2}", pairs),
        Choice(f"{prefix}.op1", "op", labels),
        Choice(f"{prefix}.op2", "op", labels),
    )
