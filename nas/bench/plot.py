"""Draws best-so-far curves with bands of two standard errors, as SVG or PNG, without a library."""

from __future__ import annotations

import math
import statistics
from html import escape
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nas.bench.play import Game

Points = list[tuple[float, float]]
WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 72, 176, 44, 52  # margins, for the labels
# Okabe and Ito's colours, told apart by the colour-blind; then again from the first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A7A7A")
FIRST = 10  # trials; before them every curve is luck, and the scale would be spent on them
TICKS = 6
SHARP = 2  # pixels of a PNG for each unit


class Canvas(Protocol):
    """Something to draw on, in units from the top left."""

    def line(self, points: Points, colour: str, width: float) -> None:
        """Draw a line through points."""

    def band(self, points: Points, colour: str) -> None:
        """Fill a polygon, so lightly that what lies under it shows."""

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write at the middle height ``y``; ``anchor`` is start, middle or end."""


class Svg:
    """A canvas that becomes SVG text."""

    def __init__(self) -> None:
        """Begin with a white page."""
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="13">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        ]

    def line(self, points: Points, colour: str, width: float) -> None:
        """Draw a line through points."""
        self.parts.append(
            f'<polyline points="{_list(points)}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )

    def band(self, points: Points, colour: str) -> None:
        """Fill a polygon."""
        self.parts.append(f'<polygon points="{_list(points)}" fill="{colour}" opacity="0.18"/>')

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'dominant-baseline="middle">{escape(text)}</text>'
        )

    def save(self, path: Path) -> None:
        """Write the file."""
        path.write_text("\n".join([*self.parts, "</svg>\n"]), encoding="utf-8")


class Png:
    """A canvas of pixels."""

    def __init__(self) -> None:
        """Begin with a white page."""
        self.image = Image.new("RGB", (WIDTH * SHARP, HEIGHT * SHARP), "#fff")
        self.draw = ImageDraw.Draw(self.image, "RGBA")
        self.font = ImageFont.load_default(13 * SHARP)

    def line(self, points: Points, colour: str, width: float) -> None:
        """Draw a line through points."""
        self.draw.line(_scaled(points), fill=colour, width=round(width * SHARP), joint="curve")

    def band(self, points: Points, colour: str) -> None:
        """Fill a polygon."""
        self.draw.polygon(_scaled(points), fill=f"{colour}2E")

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write."""
        side = {"start": "lm", "middle": "mm", "end": "rm"}[anchor]
        self.draw.text((x * SHARP, y * SHARP), text, "#000", self.font, side)

    def save(self, path: Path) -> None:
        """Write the file."""
        self.image.save(path, "PNG")


FORMATS: dict[str, type[Svg] | type[Png]] = {".svg": Svg, ".png": Png}


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
    for value in _ticks(low, high):
        canvas.line([(LEFT, y(value)), (LEFT + wide, y(value))], "#DDDDDD", 1)
        canvas.text(LEFT - 8, y(value), f"{value:g}", "end")
    for trial in _ticks(first + 1, trials):
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


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high``, about ``TICKS`` of them."""
    rough = (high - low or 1.0) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    first = math.ceil(low / step)
    return [round(step * i, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _list(points: Points) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _scaled(points: Points) -> Points:
    return [(x * SHARP, y * SHARP) for x, y in points]
