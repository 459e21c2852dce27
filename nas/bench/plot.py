"""Draws best-so-far curves with bands of two standard errors, as SVG or PNG."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from nas.canvas import BOTTOM, COLOURS, FORMATS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nas.bench.play import Game
    from nas.canvas import Canvas

FIRST = 10  # trials; before them every curve is luck, and the scale would be spent on them


def draw_curves(path: Path, games: Mapping[str, Sequence[Game]], title: str) -> None:
    """Draw the curves into a file; its suffix is one of ``FORMATS``."""
    canvas = FORMATS[path.suffix.lower()]()
    _chart(canvas, {name: _bands(found) for name, found in games.items()}, title)
    canvas.save(path)


def _bands(games: Sequence[Game]) -> list[tuple[float, float]]:
    """Return mean and two standard errors after each trial."""
    found = []
    for values in zip(*(game.curve for game in games), strict=True):
        sd = statistics.stdev(values) if len(values) > 1 else 0.0
        found.append((statistics.fmean(values), 2 * sd / math.sqrt(len(values))))
    return found


def _chart(canvas: Canvas, bands: Mapping[str, list[tuple[float, float]]], title: str) -> None:
    trials = max(len(curve) for curve in bands.values())
    first = min(FIRST, trials) - 1
    shown = [point for curve in bands.values() for point in curve[first:]]
    low, high = min(m - e for m, e in shown), max(m + e for m, e in shown)
    span = (high - low) or 1.0
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(trial: float) -> float:
        return LEFT + wide * (trial - first - 1) / max(1, trials - first - 1)

    def y(value: float) -> float:
        return TOP + tall * (high - value) / span

    canvas.text(LEFT, TOP / 2, title)
    for value in ticks(low, high):
        canvas.line([(LEFT, y(value)), (LEFT + wide, y(value))], "#DDDDDD", 1)
        canvas.text(LEFT - 8, y(value), f"{value:g}", "end")
    for trial in ticks(first + 1, trials):
        canvas.text(x(trial), HEIGHT - BOTTOM + 16, f"{trial:g}", "middle")
    canvas.text(LEFT + wide / 2, HEIGHT - 14, "functions trained", "middle")
    for place, (name, curve) in enumerate(bands.items()):
        colour = COLOURS[place % len(COLOURS)]
        rows = list(enumerate(curve, 1))[first:]
        above = [(x(t), y(m + e)) for t, (m, e) in rows]
        below = [(x(t), y(m - e)) for t, (m, e) in rows]
        canvas.band(above + below[::-1], colour)
        canvas.line([(x(t), y(m)) for t, (m, _) in rows], colour, 2)
        row = TOP + 10 + 22 * place
        canvas.line([(WIDTH - RIGHT + 16, row), (WIDTH - RIGHT + 40, row)], colour, 3)
        canvas.text(WIDTH - RIGHT + 46, row, name)
