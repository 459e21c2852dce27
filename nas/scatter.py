"""Draws how good networks are against what they cost, with the Pareto front, as SVG or PNG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.canvas import BOTTOM, COLOURS, FORMATS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ticks
from nas.pareto import front

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.canvas import Canvas

GREY, FRONT = "#DDDDDD", "#555555"
DOT, LINE = 4.0, 1.5
LABEL = 13  # units that a label is high
LETTER = 7.2  # and a letter wide


@dataclass(frozen=True, slots=True)
class Dot:
    """One network: its cost (above 0), how good it is, and half of the spread of that."""

    label: str
    group: str
    cost: float
    value: float
    spread: float = 0.0


def draw_scatter(
    path: Path, dots: Sequence[Dot], *, title: str, cost: str, value: str, log: bool = True
) -> None:
    """Draw ``dots`` into a file whose suffix is one of ``nas.canvas.FORMATS``.

    Costs go right, on a logarithmic scale unless ``log`` is off; values go up. Groups have colours
    and stand in the legend; the networks of the Pareto front are joined and named. Raises
    ValueError where there are no dots, or a cost is not above 0.
    """
    if not dots or min(dot.cost for dot in dots) <= 0:
        raise ValueError("dots are empty, or one has a cost that is not above 0")
    canvas = FORMATS[path.suffix.lower()]()
    canvas.text(LEFT, TOP / 2, title)
    plane = _Plane(dots, log=log)
    plane.axes(canvas, cost, value)
    _groups(canvas, plane, dots)
    _front(canvas, plane, dots)
    canvas.save(path)


class _Plane:
    """Where a cost and a value lie on the page."""

    def __init__(self, dots: Sequence[Dot], *, log: bool) -> None:
        self.log = log
        costs = [self._scaled(dot.cost) for dot in dots]
        ends = [end for dot in dots for end in (dot.value - dot.spread, dot.value + dot.spread)]
        self.left, self.right = _widened(min(costs), max(costs))
        self.low, self.high = _widened(min(ends), max(ends))

    def _scaled(self, cost: float) -> float:
        return math.log10(cost) if self.log else cost

    def x(self, cost: float) -> float:
        part = (self._scaled(cost) - self.left) / (self.right - self.left)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        part = (self.high - value) / (self.high - self.low)
        return TOP + part * (HEIGHT - TOP - BOTTOM)

    def axes(self, canvas: Canvas, cost: str, value: str) -> None:
        """Draw the grid, its numbers and the titles of both axes."""
        bottom = HEIGHT - BOTTOM
        for mark in ticks(self.low, self.high):
            canvas.line([(LEFT, self.y(mark)), (WIDTH - RIGHT, self.y(mark))], GREY, 1)
            canvas.text(LEFT - 8, self.y(mark), f"{mark:g}", "end")
        for mark in self._marks():
            canvas.line([(self.x(mark), TOP), (self.x(mark), bottom)], GREY, 1)
            canvas.text(self.x(mark), bottom + 16, _short(mark), "middle")
        canvas.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, cost, "middle")
        canvas.text(LEFT, TOP - 6, value)

    def _marks(self) -> list[float]:
        if not self.log:
            return ticks(self.left, self.right)
        powers = range(math.floor(self.left), math.ceil(self.right) + 1)
        steps = (1, 2, 5) if self.right - self.left < 2.5 else (1,)
        marks = [step * 10.0**power for power in powers for step in steps]
        return [mark for mark in marks if self.left <= math.log10(mark) <= self.right]


def _groups(canvas: Canvas, plane: _Plane, dots: Sequence[Dot]) -> None:
    names = list(dict.fromkeys(dot.group for dot in dots))
    for place, name in enumerate(names):
        colour = COLOURS[place % len(COLOURS)]
        for dot in (dot for dot in dots if dot.group == name):
            x = plane.x(dot.cost)
            if dot.spread:
                ends = (dot.value - dot.spread, dot.value + dot.spread)
                canvas.line([(x, plane.y(end)) for end in ends], colour, LINE)
            canvas.dot(x, plane.y(dot.value), colour, DOT)
        row = TOP + 10 + 22 * place
        canvas.dot(WIDTH - RIGHT + 22, row, colour, DOT)
        canvas.text(WIDTH - RIGHT + 34, row, name)


def _front(canvas: Canvas, plane: _Plane, dots: Sequence[Dot]) -> None:
    """Join the front by steps; name its networks where a name hides no other one."""
    best = sorted(
        (dots[place] for place in front([(dot.value, -dot.cost) for dot in dots])),
        key=lambda dot: dot.cost,
    )
    steps: list[tuple[float, float]] = []
    for dot in best:
        x, y = plane.x(dot.cost), plane.y(dot.value)
        steps += [(x, steps[-1][1])] if steps else []
        steps.append((x, y))
    canvas.line(steps, FRONT, LINE)
    taken: list[tuple[float, float, float, float]] = []
    for dot in reversed(best):
        place = _free(plane.x(dot.cost), plane.y(dot.value), len(dot.label) * LETTER, taken)
        if place is not None:
            canvas.text(place[2] - 4, place[1] + LABEL / 2, dot.label, "end")
            taken.append(place)


def _free(
    x: float, y: float, width: float, taken: Sequence[tuple[float, float, float, float]]
) -> tuple[float, float, float, float] | None:
    """Return the box of a label up to the left of a dot, None where another label is."""
    right, top = max(x, LEFT + width), y - LABEL - 3
    box = (right - width, top, right, top + LABEL)
    hit = any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
    return None if hit else box


def _widened(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _short(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"
