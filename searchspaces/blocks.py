"""Cells made of blocks: two operations on two states, combined; NASNet, AmoebaNet, PNAS, ENAS.

State 0 is h_i, state 1 is h_{i-1}, state b + 2 is block b. In the graph of a cell a block is three
nodes: its two operations and its combination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchspaces import Choice, Decisions, SearchSpace
from searchspaces.arch import Arch, Cell, Node
from searchspaces.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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


def cell_blocks(cell: Cell) -> list[Block]:
    """Return the blocks of a cell that :func:`block_cell` made; ValueError where it did not."""
    found = []
    for first in range(0, len(cell.nodes), 3):
        left, right, combine = cell.nodes[first : first + 3]
        # Block b ends at value 4 + 3 b.
        one, other = (v if v < 2 else (v - 4) // 3 + 2 for v in (*left.inputs, *right.inputs))
        found.append(Block(left.op, one, right.op, other, combine.op))
    return found


class BlockSpace(SearchSpace):
    """A space of ``blocks`` blocks for each of ``cells``; a subclass sets these and ``build``."""

    cells: tuple[str, ...] = ("normal", "reduction")
    operations: tuple[str, ...]
    combiners: tuple[str, ...] = ("add",)
    blocks: int

    def block_choices(self) -> tuple[Choice, ...]:
        """Return the decisions: for each block two states, two operations and a combination.

        Where there is one combination it is no decision. Inputs of one length share the weights
        of a policy, as do all operations.
        """
        labels = tuple(OPS[name].label for name in self.operations)
        found = []
        for cell in self.cells:
            for block in range(self.blocks):
                states = ("h[i]", "h[i-1]", *(f"block {number}" for number in range(block)))
                prefix = f"{cell}.{block}"
                found += [
                    Choice(f"{prefix}.input1", f"input{block + 2}", states),
                    Choice(f"{prefix}.input2", f"input{block + 2}", states),
                    Choice(f"{prefix}.op1", "op", labels),
                    Choice(f"{prefix}.op2", "op", labels),
                ]
                if len(self.combiners) > 1:
                    found.append(Choice(f"{prefix}.combine", "combine", self.combiners))
        return tuple(found)

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        values = iter(self.check(decisions))
        return Arch(
            self.name,
            tuple(
                self.finish(name, [self._block(values) for _ in range(self.blocks)])
                for name in self.cells
            ),
        )

    def finish(self, name: str, blocks: list[Block]) -> Cell:
        """Return the cell of these blocks; by default those that no block reads go out."""
        return block_cell(name, blocks)

    def _block(self, values: Iterator[int]) -> Block:
        input1, input2, op1, op2 = (next(values) for _ in range(4))
        combine = next(values) if len(self.combiners) > 1 else 0
        names = self.operations
        return Block(names[op1], input1, names[op2], input2, self.combiners[combine])

    def _read(self, arch: Arch) -> Decisions:
        found: list[int] = []
        for name in self.cells:
            for block in cell_blocks(arch.cell(name)):
                found += [block.input1, block.input2]
                found += [self.operations.index(op) for op in (block.op1, block.op2)]
                if len(self.combiners) > 1:
                    found.append(self.combiners.index(block.combine))
        return tuple(found)
