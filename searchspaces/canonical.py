"""The canonical form of a cell: one serialisation for all isomorphic graphs, and its digest.

Two cells are isomorphic when one becomes the other by renumbering nodes and by reordering the
operands of a node or the parts of the output. Addition commutes; a concatenation is only ever read
by layers that mix all channels, so reordering it is a permutation of their weights.

Colour refinement (Weisfeiler-Leman, with the readers of a node as well as what it reads) orders
most nodes; ties are broken by trying each node of the first tied class and keeping the smallest
serialisation, which makes the form exact.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

Row = tuple[str, Any, tuple[int, ...]]  # operation, arguments, values read


def digest(space: str, cells: list[tuple[str, int, list[Row], tuple[int, ...]]]) -> str:
    """Return 16 hex digits of the canonical form of (pruned) cells."""
    form = [
        [name, inputs, canonical_form(inputs, rows, outputs)]
        for name, inputs, rows, outputs in cells
    ]
    text = json.dumps([space, form], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical_form(inputs: int, rows: list[Row], outputs: tuple[int, ...]) -> list[Any]:
    """Return the smallest serialisation over the orders that refinement leaves open."""
    return _canonical(inputs, rows, outputs)[0]


def canonical_order(inputs: int, rows: list[Row], outputs: tuple[int, ...]) -> list[int]:
    """Return the values in the order of the canonical form: isomorphic graphs list theirs alike."""
    return _canonical(inputs, rows, outputs)[1]


def _canonical(
    inputs: int, rows: list[Row], outputs: tuple[int, ...]
) -> tuple[list[Any], list[int]]:
    total = inputs + len(rows)
    labels = [f"in{i}" for i in range(inputs)]
    labels += [json.dumps([op, list(args)]) for op, args, _ in rows]
    marks = [labels[v] + "*" * outputs.count(v) for v in range(total)]
    reads = [()] * inputs + [row[2] for row in rows]
    readers: list[list[int]] = [[] for _ in range(total)]
    for value, sources in enumerate(reads):
        for source in sources:
            readers[source].append(value)
    colours = _rank(marks)
    return _search(_Graph(labels, reads, readers, outputs), colours)


class _Graph:
    """The graph of one cell, as refinement reads it."""

    def __init__(
        self,
        labels: list[str],
        reads: list[Any],
        readers: list[list[int]],
        outputs: tuple[int, ...],
    ) -> None:
        self.labels, self.reads, self.readers, self.outputs = labels, reads, readers, outputs

    def serialise(self, order: list[int]) -> list[Any]:
        """Return labels, sorted operands and sorted outputs in the given total order."""
        place = {value: i for i, value in enumerate(order)}
        body = [[self.labels[v], sorted(place[s] for s in self.reads[v])] for v in order]
        return [body, sorted(place[v] for v in self.outputs)]


def _rank(keys: list[Any]) -> list[int]:
    """Return the rank of each key among the distinct keys."""
    ranks = {key: i for i, key in enumerate(sorted(set(keys)))}
    return [ranks[key] for key in keys]


def _refine(graph: _Graph, colours: list[int]) -> list[int]:
    """Return the coarsest stable refinement of the colours."""
    while True:
        keys = [
            (
                colours[v],
                tuple(sorted(colours[s] for s in graph.reads[v])),
                tuple(sorted(colours[r] for r in graph.readers[v])),
            )
            for v in range(len(colours))
        ]
        finer = _rank(keys)
        if max(finer) == max(colours):
            return finer
        colours = finer


def _search(graph: _Graph, colours: list[int]) -> tuple[list[Any], list[int]]:
    """Return the smallest serialisation, and its order, over every way to break the ties left.

    A choice that leads to a leaf which another choice led to is the other one's image under a
    symmetry of the graph, so its branch holds the same forms and is not entered. Without that,
    the cells of a controller that has converged (all blocks alike) would take factorial time.
    """
    colours = _refine(graph, colours)
    tied = _first_tie(graph, colours)
    if not tied:
        order = sorted(range(len(colours)), key=colours.__getitem__)
        return graph.serialise(order), order
    forms, leaves = [], []
    for chosen in tied:
        split = _split(colours, chosen)
        if len(tied) > 1:
            leaf = _leaf(graph, split)
            if leaf in leaves:
                continue
            leaves.append(leaf)
        forms.append(_search(graph, split))
    return min(forms)


def _leaf(graph: _Graph, colours: list[int]) -> list[Any]:
    """Return the serialisation that the first choice at every tie leads to."""
    colours = _refine(graph, colours)
    while tied := _first_tie(graph, colours):
        colours = _refine(graph, _split(colours, tied[0]))
    return graph.serialise(sorted(range(len(colours)), key=colours.__getitem__))


def _first_tie(graph: _Graph, colours: list[int]) -> list[int]:
    """Return the nodes to try of the first colour that several share; empty if there is none."""
    classes: dict[int, list[int]] = {}
    for value, colour in enumerate(colours):
        classes.setdefault(colour, []).append(value)
    tied = next((members for _, members in sorted(classes.items()) if len(members) > 1), [])
    return tied[:1] if tied and _twins(graph, tied) else tied


def _split(colours: list[int], chosen: int) -> list[int]:
    """Return the colours with the chosen node before the others of its colour."""
    split = [2 * colour + 1 for colour in colours]
    split[chosen] -= 1
    return _rank(split)


def _twins(graph: _Graph, members: list[int]) -> bool:
    """Say whether the members read and are read alike, so that any of them may come first."""
    alike = {(tuple(sorted(graph.reads[v])), tuple(sorted(graph.readers[v]))) for v in members}
    return len(alike) == 1
