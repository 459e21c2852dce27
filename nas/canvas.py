"""Pages to draw plots on, SVG or PNG, without a library: lines, areas, dots and text."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from pathlib import Path

Points = list[tuple[float, float]]
WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 72, 176, 44, 52  # margins, for the labels
# Okabe and Ito's colours, told apart by the colour-blind; then again from the first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A7A7A")
TICKS = 6
SHARP = 2  # pixels of a PNG for each unit


class Canvas(Protocol):
    """Something to draw on, in units from the top left."""

    def line(self, points: Points, colour: str, width: float) -> None:
        """Draw a line through points."""

    def band(self, points: Points, colour: str) -> None:
        """Fill a polygon, so lightly that what lies under it shows."""

    def dot(self, x: float, y: float, colour: str, radius: float) -> None:
        """Fill a circle."""

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

    def dot(self, x: float, y: float, colour: str, radius: float) -> None:
        """Fill a circle."""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>')

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

    def dot(self, x: float, y: float, colour: str, radius: float) -> None:
        """Fill a circle."""
        box = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse([side * SHARP for side in box], fill=colour)

    def text(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        """Write."""
        side = {"start": "lm", "middle": "mm", "end": "rm"}[anchor]
        self.draw.text((x * SHARP, y * SHARP), text, "#000", self.font, side)

    def save(self, path: Path) -> None:
        """Write the file."""
        self.image.save(path, "PNG")


FORMATS: dict[str, type[Svg] | type[Png]] = {".svg": Svg, ".png": Png}


def ticks(low: float, high: float) -> list[float]:
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
