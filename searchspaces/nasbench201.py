"""NAS-Bench-201 (arXiv 2001.00326): cells of four nodes and six edges, five operations on each.

A cell is written ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``: the operations on the edges into nodes
1, 2 and 3, with the node each edge comes from; a node is the sum of its edges. Decisions are in
that order. All 15,625 cells have a published accuracy (section 3.1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from searchspaces import Choice, Decisions, SearchSpace, SpaceError
from searchspaces.arch import Arch, Cell, Node
from searchspaces.cells import CellModule, Source
from searchspaces.heads import AuxiliaryHead, Head, Stem
from searchspaces.layers import SameConv2d, pad_symmetrically, relu_conv_norm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchspaces import Task
    from searchspaces.scale import Scale

# The benchmark's names of the operations, in its order, and ours.
OPERATIONS = {
    "none": "none",
    "skip_connect": "skip_connect",
    "nor_conv_1x1": "conv_1x1",
    "nor_conv_3x3": "conv_3x3",
    "avg_pool_3x3": "avg_3x3",
}
NAMES = tuple(OPERATIONS)
THEIRS = {ours: theirs for theirs, ours in OPERATIONS.items()}
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))  # from, to
NODES = 4
STAGES = 3
# The skeleton of the benchmark (section 3.1): C = 16 filters, N = 5 cells a stage.
SKELETON = {"cells": 5, "filters": 16}


def from_string(text: str) -> Decisions:
    """Return the decisions of a cell in the benchmark's notation; raise SpaceError if it is not."""
    found = []
    groups = text.split("+")
    for node, group in enumerate(groups, 1):
        edges = group.split("|")[1:-1]
        if not re.fullmatch(r"(\|[^|~]+~\d+)+\|", group) or len(edges) != node:
            raise SpaceError(f"nasbench201: {text!r} is not |op~0|+|op~0|op~1|+|op~0|op~1|op~2|")
        for source, edge in enumerate(edges):
            name, _, origin = edge.partition("~")
            if name not in NAMES:
                raise SpaceError(f"nasbench201: unknown operation {name!r}; known: {NAMES}")
            if origin != str(source):
                raise SpaceError(
                    f"nasbench201: edge {edge!r} into node {node} should come from {source}"
                )
            found.append(NAMES.index(name))
    if len(groups) != NODES - 1:
        raise SpaceError(f"nasbench201: {text!r} has {len(groups)} nodes, not {NODES - 1}")
    return tuple(found)


def to_string(cell: Decisions | Arch) -> str:
    """Return a cell in the benchmark's notation; the inverse of :func:`from_string`."""
    if isinstance(cell, Arch):
        cell = NASBench201().encode(cell)
    names = iter(NAMES[index] for index in cell)
    groups = (
        "|" + "".join(f"{next(names)}~{source}|" for source in range(node))
        for node in range(1, NODES)
    )
    return "+".join(groups)


class NASBench201(SearchSpace):
    """NAS-Bench-201: six edges, five operations; the small space with a known answer for all."""

    name = "nasbench201"

    def __init__(self) -> None:
        """Make the six choices of one kind."""
        self.choices = tuple(
            Choice(f"edge.{source}-{target}", "op", NAMES) for source, target in EDGES
        )

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        names = iter(self.check(decisions))
        nodes: list[Node] = []
        values = [0]  # node to value
        for node in range(1, NODES):
            edges = [Node(OPERATIONS[NAMES[next(names)]], (values[s],)) for s in range(node)]
            first = 1 + len(nodes)
            nodes += edges
            if node > 1:
                nodes.append(Node("add", tuple(range(first, first + node))))
            values.append(len(nodes))
        return Arch(self.name, (Cell("cell", 1, tuple(nodes), (values[-1],)),))

    def _read(self, arch: Arch) -> Decisions:
        nodes = arch.cell("cell").nodes
        return tuple(NAMES.index(THEIRS[node.op]) for node in nodes if node.op != "add")

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return Skeleton(arch.cell("cell"), task, scale)


class Skeleton(nn.Module):
    """The benchmark's network around a cell: three stages of N cells, residual blocks between.

    The published one has N = 5 cells a stage and C = 16 filters (``SKELETON``). With the imagenet
    stem, which the benchmark does not have, two residual blocks of C/4 and C/2 filters come first.
    """

    def __init__(self, cell: Cell, task: Task, scale: Scale) -> None:
        """Build for images of ``task``."""
        super().__init__()
        self.drop = scale.drop_path
        width = scale.filters if scale.stem == "cifar" else max(1, scale.filters // 4)
        self.stem = Stem(task, scale, width=width)
        self.blocks, self.cells = nn.ModuleDict(), nn.ModuleDict()
        size, auxiliary = self.stem.size, None
        for place, (kind, filters) in enumerate(_plan(scale)):
            if kind == "cell":
                self.cells[str(place)] = CellModule(cell, [Source(filters, raw=True)], filters, 1)
                continue
            auxiliary = (width, size)  # the auxiliary classifier reads what the last block reads
            self.blocks[str(place)] = Residual(width, filters)
            size, width = (-(-size[0] // 2), -(-size[1] // 2)), filters
        self.norm = nn.BatchNorm2d(width)
        self.head = Head(width, task.classes, scale.dropout)
        self.auxiliary = None
        if scale.auxiliary and auxiliary is not None:
            self.auxiliary = AuxiliaryHead(*auxiliary, task.classes)
        pad_symmetrically(self)
        self.set_progress(0.0)

    def set_progress(self, fraction: float) -> None:
        """Set the drop path of every cell for ``fraction`` (0 to 1) of the training.

        As in the NASNet family, linear with training and with depth; the benchmark has none.
        """
        done, total = min(1.0, max(0.0, fraction)), len(self.cells) + len(self.blocks)
        for place, module in self.cells.items():
            if isinstance(module, CellModule):
                module.keep = 1 - (int(place) + 1) / total * self.drop * done

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        x = self.stem(x)
        read = x
        for place in range(len(self.cells) + len(self.blocks)):
            name = str(place)
            if name in self.blocks:
                read = x
                x = self.blocks[name](x)
            else:
                x = self.cells[name](x)
        logits: Tensor = self.head(self.norm(x))
        if self.training and self.auxiliary is not None:
            return logits, self.auxiliary(read)
        return logits


def _plan(scale: Scale) -> Iterator[tuple[str, int]]:
    """Yield what stands where, after the stem: a cell or a block, and its filters."""
    filters = scale.filters
    if scale.stem == "imagenet":
        yield "block", max(1, filters // 2)
        yield "block", filters
    for stage in range(STAGES):
        if stage:
            filters *= 2
            yield "block", filters
        for _ in range(scale.cells):
            yield "cell", filters


class Residual(nn.Module):
    """The basic residual block that halves the size: two 3x3, and 2x2 average and 1x1 beside."""

    kind = "residual"

    def __init__(self, c_in: int, c_out: int) -> None:
        """Make both paths."""
        super().__init__()
        self.first = relu_conv_norm(c_in, c_out, 3, stride=2)
        self.second = relu_conv_norm(c_out, c_out, 3)
        self.short = SameConv2d(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c_in, height, width) to (batch, c_out, height / 2, width / 2)."""
        residual: Tensor = self.second(self.first(x))
        # Rounded up, so that an odd size has its last row; the benchmark's sizes are even.
        small = functional.avg_pool2d(x, 2, 2, ceil_mode=True)
        short: Tensor = self.short(small)
        return short + residual
