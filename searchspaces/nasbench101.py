"""NAS-Bench-101 (arXiv 1902.09635): cells of up to seven vertices and nine edges, three operations.

The first vertex is the input, the last the output. Decisions are the upper triangle of the matrix,
row by row, then an operation for every vertex between. A vertex adds what arrives; what arrives
from the input is projected by a 1x1 convolution; the output concatenates, and adds the input.

The channels of the output are split over the vertices that reach it, the first ones one wider
where it does not divide (nasbench/lib/model_builder.py, compute_vertex_channels). Which are first
depends on how a graph is numbered, so that every graph is numbered canonically here.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from searchspaces import Choice, Decisions, SearchSpace, SpaceError
from searchspaces.arch import Arch, Cell, Node
from searchspaces.canonical import canonical_order
from searchspaces.heads import AuxiliaryHead, Head
from searchspaces.layers import MaxPool, SameConv2d
from searchspaces.ops import OPS, op

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from searchspaces import Task
    from searchspaces.scale import Scale

PROJECTION = "conv_1x1_norm_relu"
OUTPUT = -1  # the last vertex, whatever its number
# The benchmark's names of the operations and ours (nasbench/lib/base_ops.py).
OPERATIONS = {
    "conv3x3-bn-relu": "conv_3x3_norm_relu",
    "conv1x1-bn-relu": "conv_1x1_norm_relu",
    "maxpool3x3": "max_3x3",
}
NAMES = tuple(OPERATIONS)
VERTICES, EDGES = 7, 9  # section 2.1
STACKS = 3
# The skeleton of the benchmark (section 2.2): 128 filters, 3 cells a stack.
SKELETON = {"cells": 3, "filters": 128}


def from_matrix(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> Arch:
    """Return the architecture of an adjacency matrix and the names of its inner operations.

    Raises SpaceError unless the matrix is upper triangular, the output hangs on the input, and no
    more than nine edges and seven vertices are left once the dead ones are gone.
    """
    total = len(matrix)
    if total < 2 or any(len(row) != total for row in matrix) or len(labels) != total - 2:
        raise SpaceError("nasbench101: the matrix is not square, or its operations do not fit it")
    for label in labels:
        if label not in OPERATIONS:
            raise SpaceError(f"nasbench101: unknown operation {label!r}; known: {NAMES}")
    if any(matrix[row][column] for row in range(total) for column in range(row + 1)):
        raise SpaceError("nasbench101: the matrix is not upper triangular")
    edges = {(s, t) for s in range(total) for t in range(s + 1, total) if matrix[s][t]}
    live = _live(edges, total)
    edges = {(s, t) for s, t in edges if s in live and t in live}
    if not edges:
        raise SpaceError("nasbench101: no path leads from the input to the output")
    if len(edges) > EDGES or len(live) > VERTICES:
        raise SpaceError(
            f"nasbench101: {len(edges)} edges and {len(live)} vertices, "
            f"allowed are {EDGES} and {VERTICES}"
        )
    ops = {v: OPERATIONS[labels[v - 1]] for v in sorted(live - {0, total - 1})}
    return Arch(NASBench101.name, (_cell(_numbered(edges, ops, total - 1)),))


def _live(edges: set[tuple[int, int]], total: int) -> set[int]:
    """Return the vertices on a path from the input to the output."""
    ahead, back = {0}, {total - 1}
    for source, target in sorted(edges):
        if source in ahead:
            ahead.add(target)
    for source, target in sorted(edges, reverse=True):
        if target in back:
            back.add(source)
    return ahead & back


Rows = list[tuple[str, tuple[int, ...]]]  # operation and the vertices read, input 0


def _numbered(
    edges: set[tuple[int, int]], ops: dict[int, str], output: int
) -> tuple[Rows, tuple[int, ...]]:
    """Return inner vertices 1, 2, ... in canonical order, and the vertices that go out."""

    def rows(order: list[int]) -> tuple[Rows, tuple[int, ...]]:
        new = {0: 0} | {vertex: number for number, vertex in enumerate(order, 1)}
        read = [(ops[v], tuple(sorted(new[s] for s, t in edges if t == v))) for v in order]
        return read, tuple(sorted(new[s] for s, t in edges if t == output))

    order = list(ops)
    table, outputs = rows(order)
    depth = [0]
    for _, read in table:
        depth.append(1 + max(depth[source] for source in read))
    places = canonical_order(1, [(name, (), read) for name, read in table], outputs)
    # By depth first, so that no vertex comes before one that it reads.
    ranked = sorted((v for v in places if v > 0), key=lambda v: (depth[v], places.index(v)))
    return rows([order[v - 1] for v in ranked])


def _cell(graph: tuple[Rows, tuple[int, ...]]) -> Cell:
    """Return the cell: projections, sums, operations and the output as nodes."""
    table, outputs = graph
    nodes: list[Node] = []
    parts = [v for v in outputs if v > 0]

    def add(name: str, read: tuple[int, ...], **args: int) -> int:
        nodes.append(Node(name, read, tuple(args.items())))
        return len(nodes)

    values = [0]
    for vertex, (name, read) in enumerate(table, 1):
        terms = [values[v] if v > 0 else add(PROJECTION, (0,)) for v in read]
        total = terms[0] if len(terms) == 1 else add("add", tuple(terms))
        # The share of the output's channels is counted in this order, see ``widths``.
        share = {"share": parts.index(vertex)} if vertex in parts and len(parts) > 1 else {}
        values.append(add(name, (total,), **share))
    out = tuple(values[v] for v in parts)
    if 0 in outputs:
        terms = [add("concat", out)] if len(out) > 1 else list(out)
        terms.append(add(PROJECTION, (0,)))
        out = (add("add", tuple(terms)) if len(terms) > 1 else terms[0],)
    return Cell("cell", 1, tuple(nodes), out)


def _graph(cell: Cell) -> tuple[set[tuple[int, int]], list[str]]:
    """Return the edges between vertices and the operations of the inner ones, which `_cell` had.

    Only projections read the input itself; sums and concatenations stand for all that they read.
    """
    names = {ours: benchmark for benchmark, ours in OPERATIONS.items()}
    sources: list[set[int]] = [{0}]  # of each value: the vertices that are added up in it
    edges: set[tuple[int, int]] = set()
    labels: list[str] = []
    for node in cell.nodes:
        read = set().union(*(sources[value] for value in node.inputs))
        if node.op in names and node.inputs != (0,):
            labels.append(names[node.op])
            edges |= {(source, len(labels)) for source in read}
            read = {len(labels)}
        sources.append(read)
    return edges | {(s, OUTPUT) for value in cell.outputs for s in sources[value]}, labels


class NASBench101(SearchSpace):
    """NAS-Bench-101 cells: a graph of up to seven vertices and nine edges, three operations."""

    name = "nasbench101"

    def __init__(
        self,
        *,
        vertices: Annotated[
            int, Field(ge=3, le=VERTICES, description="Vertices, input and output among them")
        ] = VERTICES,
    ) -> None:
        """Make the choices: an edge or none for every pair, an operation for every vertex."""
        self.vertices = vertices
        self.pairs = tuple(combinations(range(vertices), 2))
        labels = tuple(OPS[name].label for name in OPERATIONS.values())
        self.choices = tuple(
            Choice(f"edge.{source}-{target}", "edge", ("no", "yes"))
            for source, target in self.pairs
        ) + tuple(Choice(f"vertex.{v}.op", "op", labels) for v in range(1, vertices - 1))

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        point = self.check(decisions)
        matrix = [[0] * self.vertices for _ in range(self.vertices)]
        for (source, target), edge in zip(self.pairs, point, strict=False):
            matrix[source][target] = edge
        return from_matrix(matrix, [NAMES[index] for index in point[len(self.pairs) :]])

    def _read(self, arch: Arch) -> Decisions:
        cell = arch.cell("cell")
        edges, labels = _graph(cell)
        inner, last = len(labels), self.vertices - 1
        if inner > last - 1:
            raise SpaceError(f"{self.name}: {inner + 2} vertices, here are {self.vertices}")
        here = {(source, last if target == OUTPUT else target) for source, target in edges}
        ops = [NAMES.index(label) for label in labels] + [0] * (last - 1 - inner)
        return (*(int(pair in here) for pair in self.pairs), *ops)

    def sample(self, rng: random.Random) -> Decisions:
        """Return a point drawn uniformly from those that are architectures."""
        while True:
            point = super().sample(rng)
            if self._valid(point):
                return point

    def mutate(self, decisions: Decisions, rng: random.Random) -> Decisions:
        """Return an architecture's point in which exactly one decision differs."""
        while True:
            point = super().mutate(decisions, rng)
            if self._valid(point):
                return point

    def _valid(self, point: Decisions) -> bool:
        try:
            self.decode(point)
        except SpaceError:
            return False
        return True

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return Stacks(arch.cell("cell"), task, scale)


def widths(cell: Cell, channels: int) -> list[int]:
    """Return the channels of every value but the input, for ``channels`` of the output.

    A value is as wide as the widest that reads it; what is concatenated shares its width, the
    first parts one channel more.
    """
    found = [0] * (1 + len(cell.nodes))

    def split(values: Sequence[int], width: int) -> None:
        shares = [dict(cell.nodes[v - 1].args).get("share", 0) for v in values]
        each, left = divmod(width, len(values))
        for value, share in zip(values, shares, strict=True):
            found[value] = each + (int(share) < left)

    split(cell.outputs, channels)
    for value in range(len(cell.nodes), 0, -1):
        node = cell.nodes[value - 1]
        if node.op == "concat":
            split(node.inputs, found[value])
            continue
        for source in node.inputs:
            # A part of the output has its width already, and is no narrower than its readers.
            if source and "share" not in dict(cell.nodes[source - 1].args):
                found[source] = max(found[source], found[value])
    if min(found[1:]) < 1:
        raise SpaceError(f"nasbench101: {channels} filters are too few for this cell")
    return found[1:]


class GraphCell(nn.Module):
    """The torch module of one cell; sums cut off the channels that not all operands have."""

    def __init__(self, cell: Cell, c_in: int, c_out: int) -> None:
        """Build the nodes for an output of ``c_out`` channels."""
        super().__init__()
        self.cell, self.kind = cell.pruned(), cell.name
        wide = widths(self.cell, c_out)
        self.widths = wide
        self.ops = nn.ModuleList()
        for node, width in zip(self.cell.nodes, wide, strict=True):
            read = c_in if node.inputs[0] == 0 else min(wide[node.inputs[0] - 1], width)
            if OPS[node.op].family not in {"conv", "combine"}:
                read = width
            self.ops.append(op(node.op).build(read, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c_in, height, width) to (batch, c_out, height, width)."""
        values = [x]
        for node, module, width in zip(self.cell.nodes, self.ops, self.widths, strict=True):
            read = [values[v] for v in node.inputs]
            if node.op != "concat" and node.inputs[0] != 0:
                read = [value[:, :width] for value in read]
            value: Tensor = module(*read)
            values.append(value)
        parts = [values[v] for v in self.cell.outputs]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


class Stacks(nn.Module):
    """The benchmark's network: stem and three stacks of cells, between them 2x2 maxima.

    Every stack has twice the filters of the one before.
    The published one has 128 filters and 3 cells a stack (``SKELETON``). With the imagenet stem,
    which the benchmark does not have, the stem has stride 2 and two maxima follow it.
    """

    def __init__(self, cell: Cell, task: Task, scale: Scale) -> None:
        """Build for images of ``task``."""
        super().__init__()
        width, large = scale.filters, scale.stem == "imagenet"
        size = (task.height, task.width)
        self.stem = nn.Sequential(
            SameConv2d(task.channels, width, 3, stride=2 if large else 1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            *([MaxPool(2, 2), MaxPool(2, 2)] if large else []),
        )
        for _ in range(3 if large else 0):
            size = (-(-size[0] // 2), -(-size[1] // 2))
        self.per_stack = scale.cells
        self.pool = MaxPool(2, 2)
        self.cells = nn.ModuleList()
        c_in, before_last = width, (width, size)
        for stack in range(STACKS):
            if stack:
                before_last = (c_in, size)
                width, size = 2 * width, (-(-size[0] // 2), -(-size[1] // 2))
            for _ in range(scale.cells):
                self.cells.append(GraphCell(cell, c_in, width))
                c_in = width
        self.head = Head(width, task.classes, scale.dropout, relu=False)
        self.auxiliary = AuxiliaryHead(*before_last, task.classes) if scale.auxiliary else None

    def set_progress(self, _fraction: float) -> None:
        """Do nothing: the benchmark trains without drop path."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        x = self.stem(x)
        read = x
        for number, cell in enumerate(self.cells):
            if number and number % self.per_stack == 0:
                read = x
                x = self.pool(x)
            x = cell(x)
        logits: Tensor = self.head(x)
        if self.training and self.auxiliary is not None:
            return logits, self.auxiliary(read)
        return logits
