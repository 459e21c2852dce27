"""The plot of networks: what is on the page, and where."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from nas.scatter import Dot, draw_scatter

if TYPE_CHECKING:
    from pathlib import Path

DOTS = (
    Dot("small", "hand-built", 1e6, 70.0, 0.5),
    Dot("large", "hand-built", 1e8, 80.0),
    Dot("cell", "searched", 5e6, 78.0),
    Dot("waste", "searched", 2e8, 75.0),
)
TITLES = {"title": "Networks", "cost": "parameters", "value": "accuracy, %"}


def test_the_front_is_named_and_what_it_dominates_is_not(tmp_path: Path) -> None:
    draw_scatter(tmp_path / "a.svg", DOTS, **TITLES)
    page = (tmp_path / "a.svg").read_text()
    assert all(f">{name}</text>" in page for name in ("small", "large", "cell", "hand-built"))
    assert ">waste</text>" not in page
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', page)
    assert len(dots) == len(DOTS) + 2  # and the legend's
    small, large = ((float(x), float(y)) for x, y in (dots[0], dots[1]))
    assert small[0] < large[0]
    assert small[1] > large[1]  # upwards is better
    assert "1M" in page
    assert "100M" in page


def test_the_same_page_as_pixels(tmp_path: Path) -> None:
    draw_scatter(tmp_path / "a.png", DOTS, **TITLES, log=False)
    with Image.open(tmp_path / "a.png") as page:
        colours = {colour for _, colour in page.convert("RGB").getcolors(1 << 20)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colours


def test_one_network_alone_has_a_page_too(tmp_path: Path) -> None:
    draw_scatter(tmp_path / "a.svg", DOTS[:1], **TITLES)
    assert ">small</text>" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("dots", [(), (Dot("free", "x", 0.0, 1.0),)])
def test_nothing_to_draw_is_refused(tmp_path: Path, dots: tuple[Dot, ...]) -> None:
    with pytest.raises(ValueError, match="dots"):
        draw_scatter(tmp_path / "a.svg", dots, **TITLES)
