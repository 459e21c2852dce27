"""Where the boxes of a drawing stand: layers, few crossings, straight wires; no overlap.

Longest-path layers; a wire over several layers gets a lane, shared by all wires of its source;
seeded starts of barycentre sweeps and adjacent swaps (Sugiyama's method); operands of a box follow
the order of their sources, because they commute; x by least squares with separations.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces.draw_graph import Box

Near = dict[int, list[int]]  # box or lane to those that wires join it to, on one side

STARTS, SWEEPS, SEED = 10, 4, 0
PIECES = 800  # of wire that all starts together may order: large drawings get fewer starts
MARGIN, BESIDE, LANE = 14.0, 18.0, 10.0  # pixels: around, between boxes, width of a lane


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of wire from one layer to the next; slot is -1 where it ends in a lane."""

    source: int
    target: int
    slot: int
    origin: int  # the box that the wire comes from
    dashed: bool


@dataclass(slots=True)
class Layout:
    """Positions: ``x`` of centres and ``top`` of boxes by index; lanes have indices after boxes."""

    boxes: Sequence[Box]
    layers: list[list[int]]
    segments: list[Segment]
    x: dict[int, float] = field(default_factory=dict)
    top: dict[int, float] = field(default_factory=dict)
    bottom: dict[int, float] = field(default_factory=dict)  # of the layer, where wires bend off
    slots: dict[int, list[int]] = field(default_factory=dict)  # slots from left to right
    width: float = 0.0
    height: float = 0.0

    def box_width(self, node: int) -> float:
        """Return the pixels that a box or lane takes."""
        return self.boxes[node].width if node < len(self.boxes) else LANE

    def slot_centre(self, node: int, slot: int) -> float:
        """Return the x of a slot of a box, relative to the box's centre."""
        if slot < 0:
            return 0.0
        box, order = self.boxes[node], self.slots[node]
        if box.kind == "output":
            step = min(22.0, (box.width - 20) / max(1, len(order) - 1))
            return (order.index(slot) - (len(order) - 1) / 2) * step
        widths = [box.slots[i].width for i in order]
        left = -(sum(widths) + 4 * (len(widths) - 1)) / 2
        at = order.index(slot)
        return left + sum(widths[:at]) + 4 * at + widths[at] / 2


def lay_out(boxes: Sequence[Box]) -> Layout:
    """Return positions for boxes that are listed after their sources; the last is the output."""
    layer = [0] * len(boxes)
    for node, box in enumerate(boxes):
        layer[node] = 1 + max((layer[slot.source] for slot in box.slots), default=-1)
    layers: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for node, at in enumerate(layer):
        layers[at].append(node)
    layout = Layout(boxes, layers, _wires(boxes, layer, layers))
    layout.layers = _order(layout)
    _sort_slots(layout)
    _place_x(layout)
    _place_y(layout)
    return layout


def _wires(boxes: Sequence[Box], layer: list[int], layers: list[list[int]]) -> list[Segment]:
    """Cut the wires at the layers; add the lanes to ``layers``."""
    output, free = len(boxes) - 1, len(boxes)
    segments: list[Segment] = []
    targets: dict[int, list[tuple[int, int]]] = {}
    for node, box in enumerate(boxes):
        for slot, part in enumerate(box.slots):
            targets.setdefault(part.source, []).append((node, slot))
    for source, ends in sorted(targets.items()):
        lanes = {layer[source]: source}
        for at in range(layer[source] + 1, max(layer[node] for node, _ in ends)):
            onward = all(node == output for node, _ in ends if layer[node] > at)
            lanes[at] = free
            layers[at].append(free)
            segments.append(Segment(lanes[at - 1], free, -1, source, onward))
            free += 1
        for node, slot in ends:
            start = lanes[layer[node] - 1]
            segments.append(Segment(start, node, slot, source, node == output))
    return segments


def _order(layout: Layout) -> list[list[int]]:
    """Return the order of each layer with the fewest crossings over several seeded starts."""
    rng = random.Random(SEED)
    ups: Near = {}
    downs: Near = {}
    gaps: list[list[tuple[int, int]]] = [[] for _ in layout.layers]
    depth = {node: at for at, nodes in enumerate(layout.layers) for node in nodes}
    for segment in layout.segments:
        ups.setdefault(segment.target, []).append(segment.source)
        downs.setdefault(segment.source, []).append(segment.target)
        gaps[depth[segment.source]].append((segment.source, segment.target))
    best: tuple[tuple[int, int], list[list[int]]] | None = None
    for start in range(max(2, min(STARTS, PIECES // max(1, len(layout.segments))))):
        layers = [list(nodes) for nodes in layout.layers]
        if start:
            for nodes in layers[1:]:  # the inputs keep their order: h[i] on the left
                rng.shuffle(nodes)
        for _ in range(SWEEPS):
            _sweep(layers[1:], layers[:-1], ups)
            _sweep(layers[-2:0:-1], layers[:1:-1], downs)
        _swap(layers, (ups, downs))
        score = _score(layers, gaps)
        if best is None or score < best[0]:
            best = (score, layers)
        if score[0] == 0:
            break
    return best[1] if best else layout.layers


def _sweep(layers: list[list[int]], fixed: list[list[int]], near: Near) -> None:
    """Sort each layer by the mean place of its neighbours in the fixed layer beside it."""
    for nodes, beside in zip(layers, fixed, strict=True):
        place = {node: i / max(1, len(beside) - 1) for i, node in enumerate(beside)}
        here = {node: i / max(1, len(nodes) - 1) for i, node in enumerate(nodes)}
        mean = {
            node: sum(place[n] for n in near[node]) / len(near[node]) if near.get(node) else at
            for node, at in here.items()
        }
        nodes.sort(key=lambda node: (mean[node], here[node]))


def _swap(layers: list[list[int]], near: tuple[Near, Near]) -> None:
    """Swap neighbours for as long as that lessens the crossings, or how far wires run sideways."""
    place = {node: i for nodes in layers for i, node in enumerate(nodes)}
    centre = {node: len(nodes) - 1 for nodes in layers for node in nodes}  # twice the centre
    improved = True
    while improved:
        improved = False
        for nodes in layers[1:]:
            for i in range(len(nodes) - 1):
                left, right = nodes[i], nodes[i + 1]
                if _gain(left, right, near, place, centre) < (0, 0):
                    nodes[i], nodes[i + 1] = right, left
                    place[left], place[right] = i + 1, i
                    improved = True


def _gain(
    left: int, right: int, near: tuple[Near, Near], place: dict[int, int], centre: dict[int, int]
) -> tuple[int, int]:
    """Return what a swap of two neighbours adds to the crossings, and to the sideways run.

    Only their own wires count, which is what makes large drawings quick.
    """
    crossings = run = 0
    for beside in near:
        ends = [place[node] for node in beside.get(left, ())]
        others = [place[node] for node in beside.get(right, ())]
        crossings += sum((a < b) - (a > b) for a in ends for b in others)
        for node, step in ((left, 2), (right, -2)):
            for other in beside.get(node, ()):
                far = (2 * place[node] - centre[node]) - (2 * place[other] - centre[other])
                run += abs(far + step) - abs(far)
    return crossings, run


def _score(layers: list[list[int]], gaps: list[list[tuple[int, int]]]) -> tuple[int, int]:
    scores = [_gap_score(layers, gaps, at) for at in range(len(layers) - 1)]
    return sum(crossings for crossings, _ in scores), sum(length for _, length in scores)


def _gap_score(
    layers: list[list[int]], gaps: list[list[tuple[int, int]]], at: int
) -> tuple[int, int]:
    """Return the crossings between two layers, and how far the wires run sideways."""
    above = {node: i for i, node in enumerate(layers[at])}
    below = {node: i for i, node in enumerate(layers[at + 1])}
    ends = sorted((above[source], below[target]) for source, target in gaps[at])
    crossings = sum(
        left[0] < right[0] and left[1] > right[1]
        for i, left in enumerate(ends)
        for right in ends[i + 1 :]
    )
    centre = (len(above) - 1) / 2, (len(below) - 1) / 2
    length = sum(abs((source - centre[0]) - (target - centre[1])) for source, target in ends)
    return crossings, round(2 * length)


def _sort_slots(layout: Layout) -> None:
    """Let the operands of each box follow the order of their sources."""
    place = {node: i for nodes in layout.layers for i, node in enumerate(nodes)}
    arriving: dict[int, list[tuple[int, int]]] = {}
    for segment in layout.segments:
        if segment.slot >= 0:
            entry = (place[segment.source], segment.slot)
            arriving.setdefault(segment.target, []).append(entry)
    layout.slots = {node: [slot for _, slot in sorted(ends)] for node, ends in arriving.items()}


def _place_x(layout: Layout) -> None:
    """Set x: each box near the wires that meet it, in order, apart."""
    for nodes in layout.layers:
        at = 0.0
        for node in nodes:
            layout.x[node] = at + layout.box_width(node) / 2
            at += layout.box_width(node) + BESIDE
        for node in nodes:
            layout.x[node] -= (at - BESIDE) / 2
    meets: dict[int, list[tuple[int, float, float]]] = {}
    for segment in layout.segments:
        shift = layout.slot_centre(segment.target, segment.slot)
        lanes = sum(node >= len(layout.boxes) for node in (segment.source, segment.target))
        weight = (1.0, 3.0, 8.0)[lanes]
        meets.setdefault(segment.target, []).append((segment.source, -shift, weight))
        meets.setdefault(segment.source, []).append((segment.target, shift, weight))
    down = list(range(len(layout.layers)))
    for _ in range(8):
        for at in (*down, *reversed(down)):
            _settle(layout, layout.layers[at], meets)
    left = min(layout.x[node] - layout.box_width(node) / 2 for node in layout.x)
    right = max(layout.x[node] + layout.box_width(node) / 2 for node in layout.x)
    for node in layout.x:
        layout.x[node] = round(layout.x[node] - left + MARGIN, 1)
    layout.width = round(right - left + 2 * MARGIN)


def _settle(
    layout: Layout, nodes: list[int], meets: dict[int, list[tuple[int, float, float]]]
) -> None:
    """Move one layer to its least-squares positions that keep the boxes apart.

    With the separations taken off, keeping apart is keeping in order: isotonic regression, solved
    by pooling neighbours that are out of order.
    """
    pools: list[tuple[float, float, int]] = []  # weighted mean, weight, how many
    offsets, at = [], 0.0
    for i, node in enumerate(nodes):
        if i:
            last = nodes[i - 1]
            at += (layout.box_width(last) + layout.box_width(node)) / 2 + BESIDE
        offsets.append(at)
        near = meets.get(node, [(node, 0.0, 1.0)])
        weight = sum(w for _, _, w in near)
        wish = sum(w * (layout.x[other] + shift) for other, shift, w in near) / weight
        pool = (wish - at, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    means = [mean for mean, _, count in pools for _ in range(count)]
    for node, offset, mean in zip(nodes, offsets, means, strict=True):
        layout.x[node] = mean + offset


def _place_y(layout: Layout) -> None:
    """Set the tops; gaps grow with how far the wires in them run sideways."""
    top = MARGIN
    for nodes in layout.layers:
        tall = max((layout.boxes[n].height for n in nodes if n < len(layout.boxes)), default=0.0)
        reach = 0.0
        for segment in layout.segments:
            if segment.source in nodes:
                end = layout.x[segment.target] + layout.slot_centre(segment.target, segment.slot)
                reach = max(reach, abs(end - layout.x[segment.source]))
        for node in nodes:
            layout.top[node], layout.bottom[node] = top, top + tall
        layout.height = top + tall + MARGIN
        top += tall + min(56.0, max(20.0, round(20 + reach / 5)))
