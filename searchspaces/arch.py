"""An architecture as data: nodes, cells, JSON, pruning, and the canonical key.

One node type serves every space. A cell has ``inputs`` incoming values, numbered 0, 1, ...; each
node adds one value after them. A node is an operation, the values it reads, and arguments. In
the NASNet family value 0 is h_i (the previous cell) and value 1 is h_{i-1} (the one before), as in
the authors' TensorFlow code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from searchspaces.canonical import Row, digest
from searchspaces.errors import SpaceError
from searchspaces.simplify import IDENTITIES, NONE, drop_zeros, merge_sums

Arg = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its name in the table of operations, the values it reads, its arguments."""

    op: str
    inputs: tuple[int, ...]
    args: tuple[tuple[str, Arg], ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A directed acyclic graph of nodes; ``outputs`` are the values that are concatenated."""

    name: str
    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def check(self) -> None:
        """Raise SpaceError unless every node looks back and every output exists."""
        for place, node in enumerate(self.nodes):
            here = self.inputs + place
            if not node.inputs or any(not 0 <= value < here for value in node.inputs):
                raise SpaceError(
                    f"cell {self.name}: value {here} ({node.op}) reads {list(node.inputs)}, "
                    f"allowed are 0 to {here - 1}"
                )
        top = self.inputs + len(self.nodes) - 1
        if not self.outputs or any(not 0 <= value <= top for value in self.outputs):
            raise SpaceError(
                f"cell {self.name}: outputs {list(self.outputs)}, allowed are 0 to {top}"
            )

    def live(self) -> frozenset[int]:
        """Return the values that reach the output."""
        seen: set[int] = set()
        stack = list(self.outputs)
        while stack:
            value = stack.pop()
            if value not in seen:
                seen.add(value)
                if value >= self.inputs:
                    stack.extend(self.nodes[value - self.inputs].inputs)
        return frozenset(seen)

    def pruned(self) -> Cell:
        """Return the cell without the nodes that do not reach the output."""
        live = self.live()
        keep = [*range(self.inputs)]
        keep += [v for v in range(self.inputs, self.inputs + len(self.nodes)) if v in live]
        new = {old: place for place, old in enumerate(keep)}
        nodes = tuple(
            Node(node.op, tuple(new[v] for v in node.inputs), node.args)
            for v, node in enumerate(self.nodes, self.inputs)
            if v in live
        )
        return Cell(self.name, self.inputs, nodes, tuple(new[v] for v in self.outputs))

    def without_zeros(self) -> Cell:
        """Return the pruned cell without the nodes that can only be zero: what is built.

        See :mod:`searchspaces.simplify`.
        """
        cell = self.pruned()
        if all(node.op != NONE for node in cell.nodes):
            return cell
        return cell._of(*drop_zeros(cell.inputs, cell._rows(), cell.outputs)).pruned()

    def simplified(self) -> Cell:
        """Return the smallest cell of the same function: no zeros, no identities, flat sums.

        Cells called ``reduction`` halve the size, so that nothing on their inputs is an identity.
        """
        cell = self.without_zeros()
        if all(node.op not in IDENTITIES | {NONE} for node in self.nodes):
            return cell
        keeps_size = cell.name != "reduction"
        graph = merge_sums(cell.inputs, cell._rows(), cell.outputs, keeps_size=keeps_size)
        return cell._of(*graph).pruned()

    def _rows(self) -> list[Row]:
        return [(node.op, node.args, node.inputs) for node in self.nodes]

    def _of(self, rows: list[Row], outputs: tuple[int, ...]) -> Cell:
        nodes = tuple(Node(op, read, args) for op, args, read in rows)
        return Cell(self.name, self.inputs, nodes, outputs)


@dataclass(frozen=True, slots=True)
class Arch:
    """Cells of one search space. Equal ``key()`` means the same function up to a weight mapping."""

    space: str
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        """Check every cell."""
        for cell in self.cells:
            cell.check()

    def cell(self, name: str) -> Cell:
        """Return the cell called ``name``; raise SpaceError if there is none."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        known = ", ".join(cell.name for cell in self.cells)
        raise SpaceError(f"{self.space}: no cell {name!r}, there are: {known}")

    def key(self) -> str:
        """Return 16 hex digits that isomorphic architectures share, once simplified."""
        parts = [
            (cell.name, cell.inputs, cell._rows(), cell.outputs)
            for cell in (cell.simplified() for cell in self.cells)
        ]
        return digest(self.space, parts)

    def _repr_svg_(self) -> str:
        """Return the drawing that a notebook shows."""
        from searchspaces.draw import arch_svg  # an architecture is data and needs no torch

        return arch_svg(self)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "space": self.space,
            "cells": [
                {
                    "name": cell.name,
                    "inputs": cell.inputs,
                    "nodes": [
                        {"op": n.op, "inputs": list(n.inputs), "args": dict(n.args)}
                        for n in cell.nodes
                    ],
                    "outputs": list(cell.outputs),
                }
                for cell in self.cells
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Arch:
        """Return the architecture of ``to_json`` data; raise SpaceError where it is malformed."""
        try:
            cells = tuple(
                Cell(
                    str(cell["name"]),
                    int(cell["inputs"]),
                    tuple(
                        Node(
                            str(node["op"]),
                            tuple(int(v) for v in node["inputs"]),
                            tuple(sorted(dict(node.get("args", {})).items())),
                        )
                        for node in cell["nodes"]
                    ),
                    tuple(int(v) for v in cell["outputs"]),
                )
                for cell in data["cells"]
            )
            return cls(str(data["space"]), cells)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, SpaceError):
                raise
            raise SpaceError(f"not an architecture: {type(error).__name__} {error}") from error
