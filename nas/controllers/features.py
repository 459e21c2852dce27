"""What a model of a space sees of an architecture: its paths, their shapes, decisions, size.

All of it comes from the architecture alone. Paths from input to output, written as operations, are
the features of BANANAS (White et al. 2021, arXiv 1910.11858, section 3). How many paths have n
operations, and n operations with weights, says how deep and how wide a cell is: two cells may
share few paths and still be alike in that. Both are the same for isomorphic cells; decisions are
not, but they are all there is to tell two chains apart.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from searchspaces import SpaceError
from searchspaces.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from searchspaces import Decisions, SearchSpace
    from searchspaces.arch import Arch, Cell, Node

ENUMERABLE = 20_000  # points; a space up to this size is looked at whole
MOST_PATHS = 64  # of one cell; more tell a model nothing that the decisions do not
PATHS = 8.0  # so many different paths are a distance of 1
WIDTH = 16  # channels at which operations are weighed
FIXED = 3.0  # weight of stem, transitions and classifier in 1x1 convolutions (NAS-Bench-201: 2.7)
SAMPLED = 256  # architectures that tell the mean and spread of log-size where none can list all


@dataclass(frozen=True, slots=True)
class Features:
    """One architecture: paths written as operations, how many of which shape, and log-size.

    A shape is (cell, "long", n) for paths of n operations, (cell, "heavy", n) for paths with n
    operations that have weights.
    """

    decisions: Decisions
    paths: frozenset[str]
    shapes: dict[tuple[str, str, int], int]
    size: float


def features(decisions: Decisions, arch: Arch) -> Features:
    """Return the features of an architecture, after its cells are simplified."""
    cells = [cell.simplified() for cell in arch.cells]
    weights = sum(_weight(node) for cell in cells for node in cell.nodes)
    names: set[str] = set()
    shapes: Counter[tuple[str, str, int]] = Counter()
    for cell in cells:
        names.update(_names(cell))
        for kind, count in (("long", lambda _: 1), ("heavy", lambda node: int(_weight(node) > 0))):
            for length, number in _lengths(cell, count).items():
                shapes[cell.name, kind, length] += number
    return Features(decisions, frozenset(names), dict(shapes), math.log(FIXED + weights))


def _names(cell: Cell) -> list[str]:
    """Return the paths of a cell from an input to an output, at most ``MOST_PATHS``."""
    into: list[list[str]] = [[f"{cell.name}:{value}"] for value in range(cell.inputs)]
    for node in cell.nodes:
        label = "" if _joins(node) else f">{node.op}{list(node.args) or ''}"
        reached = dict.fromkeys(
            path + label for value in dict.fromkeys(node.inputs) for path in into[value]
        )
        into.append(list(reached)[:MOST_PATHS])
    return list(dict.fromkeys(path for value in cell.outputs for path in into[value]))[:MOST_PATHS]


def _lengths(cell: Cell, count: Callable[[Node], int]) -> Counter[int]:
    """Return how many paths there are of each length, a node being as long as ``count`` says."""
    into = [Counter({0: 1}) for _ in range(cell.inputs)]
    for node in cell.nodes:
        more = 0 if _joins(node) else count(node)
        reached: Counter[int] = Counter()
        for value in node.inputs:
            for length, number in into[value].items():
                reached[length + more] += number
        into.append(reached)
    return sum((into[value] for value in cell.outputs), Counter())


def _joins(node: Node) -> bool:
    return node.op in OPS and OPS[node.op].family == "combine"


def _weight(node: Node) -> float:
    return _operation_weight(node.op) if node.op in OPS else 0.0


@cache
def _operation_weight(name: str) -> float:
    """Return the parameters of an operation, ``WIDTH`` channels wide, in 1x1 convolutions."""
    with torch.device("meta"):  # shapes only
        module = OPS[name].build(WIDTH, WIDTH, 1)
    return sum(p.numel() for p in module.parameters()) / WIDTH**2


class Table:
    """Architectures as arrays, for distances; three kinds, each about 0 to a few.

    0: squared distance of the logs of the numbers of paths of each shape; 1: paths that only one
    of two has, in eighths; 2: share of decisions that differ.
    """

    def __init__(self, rows: Sequence[Features]) -> None:
        """Give every path that two rows share, and every shape, a column."""
        self.points = np.array([row.decisions for row in rows], dtype=np.int16)
        self.counts = np.array([len(row.paths) for row in rows], dtype=np.float32)
        uses = Counter(path for row in rows for path in row.paths)
        shared = {path: i for i, path in enumerate(sorted(p for p, n in uses.items() if n > 1))}
        self.marks = np.zeros((len(rows), len(shared)), dtype=np.float32)  # (rows, paths)
        shapes = {shape: i for i, shape in enumerate(sorted({s for r in rows for s in r.shapes}))}
        self.shapes = np.zeros((len(rows), len(shapes)), dtype=np.float32)  # (rows, shapes)
        for i, row in enumerate(rows):
            self.marks[i, [shared[path] for path in row.paths if path in shared]] = 1.0
            for shape, number in row.shapes.items():
                self.shapes[i, shapes[shape]] = math.log1p(number)

    def distances(self, row: int) -> NDArray[np.float32]:
        """Return the three distances of every row to one row, (3, rows)."""
        shape = np.square(self.shapes - self.shapes[row]).sum(1)
        path = (self.counts + self.counts[row] - 2 * (self.marks @ self.marks[row])) / PATHS
        decision = (self.points != self.points[row]).mean(1)
        return np.stack([shape, path, decision]).astype(np.float32)

    def between(self, first: int) -> NDArray[np.float32]:
        """Return the distances of the first rows to all rows, (3, first, rows)."""
        squares = np.square(self.shapes).sum(1)
        shape = squares[:first, None] + squares - 2 * self.shapes[:first] @ self.shapes.T
        shared = self.marks[:first] @ self.marks.T
        path = (self.counts[:first, None] + self.counts - 2 * shared) / PATHS
        decision = np.stack([(self.points != row).mean(1) for row in self.points[:first]])
        return np.stack([np.maximum(shape, 0), path, decision]).astype(np.float32)


class Catalogue:
    """Every function of a small space, once: its first point, features and standardised log-size.

    ``index`` maps a canonical key to its row.
    """

    def __init__(self, space: SearchSpace) -> None:
        """Walk through the space."""
        rows: list[Features] = []
        self.index: dict[str, int] = {}
        for decisions, arch in _architectures(space, _all_points(space)):
            key = arch.key()
            if key not in self.index:
                self.index[key] = len(rows)
                rows.append(features(decisions, arch))
        self.points = [row.decisions for row in rows]
        self.table = Table(rows)
        sizes = [row.size for row in rows]
        self.sizes = Sizes(sizes).standardise(sizes)


class Sizes:
    """The mean and the spread of log-sizes in a space."""

    def __init__(self, sizes: Sequence[float]) -> None:
        """Measure them on some sizes."""
        self.mean = float(np.mean(sizes)) if len(sizes) else 0.0
        self.spread = float(np.std(sizes)) if len(sizes) else 0.0

    def standardise(self, sizes: Sequence[float]) -> NDArray[np.float64]:
        """Return sizes as standard deviations from the mean; zeros where all are alike."""
        if self.spread < 1e-9:
            return np.zeros(len(sizes))
        return (np.asarray(sizes) - self.mean) / self.spread


@lru_cache(maxsize=2)
def catalogue(space: SearchSpace) -> Catalogue:
    """Return the catalogue of a space; seconds the first time, so the last ones are kept."""
    return Catalogue(space)


def sampled_sizes(space: SearchSpace) -> Sizes:
    """Return the spread of log-size over some points of a large space, the same every time."""
    rng = random.Random(0)
    points = [space.sample(rng) for _ in range(SAMPLED)]
    return Sizes([features(*found).size for found in _architectures(space, points)])


def _all_points(space: SearchSpace) -> Iterable[Decisions]:
    return itertools.product(*(range(len(choice)) for choice in space.choices))


def _architectures(
    space: SearchSpace, points: Iterable[Decisions]
) -> Iterable[tuple[Decisions, Arch]]:
    for decisions in points:
        try:
            arch = space.decode(decisions)
        except SpaceError:
            continue  # not every point of every space is an architecture
        yield decisions, arch
