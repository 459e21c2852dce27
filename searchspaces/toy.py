"""A small space with a known optimum: six operations in a row, four options each, 4,096 points.

``value`` scores a point without training, so that controllers can be tested in milliseconds. It is
not separable: neighbours earn a bonus together, so that the point two steps from the optimum
everywhere is a trap for changes of one decision in the middle of the row.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from searchspaces import Choice, Decisions, SearchSpace
from searchspaces.arch import Arch, Cell, Node

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.scale import Scale

# Operations by their names and their labels in the table of ``ops.py``, which is not imported here:
# a process that scores points by the formula needs no torch.
OPERATIONS = {
    "identity": "identity",
    "conv_3x3": "conv 3×3",
    "sep_3x3": "sep 3×3",
    "max_3x3": "max 3×3",
}
NAMES = tuple(OPERATIONS)
OPTIMUM = (2, 1, 2, 3, 0, 1)
# How good an option is by itself, by its distance (modulo 4) from the best one.
ALONE = (1.0, 0.4, 0.6, 0.0)
# What a pair of neighbours adds: both best, neither, or only one of them.
BOTH, NEITHER, ONE = 1.0, 0.25, 0.0


class Toy(SearchSpace):
    """Six operations in a row with a known best point; for tests and first steps."""

    name = "toy"

    def __init__(self) -> None:
        """Make the six choices of one kind."""
        labels = tuple(OPERATIONS.values())
        self.choices = tuple(Choice(f"chain.{i}.op", "op", labels) for i in range(len(OPTIMUM)))

    @property
    def optimum(self) -> Decisions:
        """The one point whose value is 1."""
        return OPTIMUM

    def value(self, decisions: Decisions) -> float:
        """Return how good a point is, 0 to 1: half from each option alone, half from neighbours."""
        point = self.check(decisions)
        alone = [ALONE[(got - best) % 4] for got, best in zip(point, OPTIMUM, strict=True)]
        hits = [got == best for got, best in zip(point, OPTIMUM, strict=True)]
        pairs = [
            ONE if left != right else BOTH if left else NEITHER for left, right in pairwise(hits)
        ]
        return sum(alone) / len(alone) / 2 + sum(pairs) / len(pairs) / 2

    def decode(self, decisions: Decisions) -> Arch:
        """Return the chain of a point; raise SpaceError where the point is not one."""
        nodes = tuple(
            Node(NAMES[index], (value,)) for value, index in enumerate(self.check(decisions))
        )
        return Arch(self.name, (Cell("chain", 1, nodes, (len(nodes),)),))

    def _read(self, arch: Arch) -> Decisions:
        return tuple(NAMES.index(node.op) for node in arch.cell("chain").nodes)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        from searchspaces.chain import Chain

        return Chain(arch.cell("chain"), task, scale)
