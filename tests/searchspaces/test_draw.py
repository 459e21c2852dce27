"""Drawings: no overlap, every operation once, few crossings, escaped text, readable colours."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchspaces import SpaceError
from searchspaces.arch import Arch, Cell, Node
from searchspaces.catalog import SPACES
from searchspaces.draw import COLOURS, barcode, cell_svg, cell_text
from searchspaces.draw_graph import boxes_of, label_of
from searchspaces.draw_layout import Layout, lay_out
from searchspaces.nasnet import NASNet
from searchspaces.ops import OPS
from tests.searchspaces.published import NASNET_A

if TYPE_CHECKING:
    from pathlib import Path

NS = "{http://www.w3.org/2000/svg}"
SINGLE = sorted(name for name, entry in OPS.items() if entry.family != "combine")


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Any cell of one-value operations and combiners of one to three values."""
    inputs = draw(st.integers(1, 3))
    nodes: list[Node] = []
    for here in range(inputs, inputs + draw(st.integers(1, 14))):
        value = st.integers(0, here - 1)
        if draw(st.booleans()):
            nodes.append(Node(draw(st.sampled_from(SINGLE)), (draw(value),)))
        else:
            read = draw(st.lists(value, min_size=1, max_size=3))
            nodes.append(Node(draw(st.sampled_from(["add", "concat"])), tuple(read)))
    top = st.integers(0, inputs + len(nodes) - 1)
    outputs = tuple(draw(st.lists(top, min_size=1, max_size=4, unique=True)))
    return Cell("normal", inputs, tuple(nodes), outputs).pruned()


def frame(layout: Layout, node: int) -> tuple[float, float, float, float]:
    width = layout.box_width(node)
    left, top = layout.x[node] - width / 2, layout.top[node]
    height = layout.boxes[node].height if node < len(layout.boxes) else 0
    return left, left + width, top, top + height


def overlapping(layout: Layout) -> list[tuple[int, int]]:
    frames = [frame(layout, node) for node in sorted(layout.x)]
    return [
        (i, j)
        for i, a in enumerate(frames)
        for j, b in enumerate(frames[i + 1 :], i + 1)
        if a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]
    ]


def crossings(layout: Layout) -> int:
    def ends(wire):
        slot = layout.slot_centre(wire.target, wire.slot)
        return layout.x[wire.source], layout.x[wire.target] + slot

    pairs = [
        (ends(a), ends(b))
        for i, a in enumerate(layout.segments)
        for b in layout.segments[i + 1 :]
        if layout.top[a.source] == layout.top[b.source] and a.source != b.source
    ]
    return sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs)


@given(cells())
def test_boxes_and_lanes_of_any_cell_lie_apart_and_inside_the_picture(cell: Cell) -> None:
    layout = lay_out(boxes_of(cell))
    assert overlapping(layout) == []
    for node in layout.x:
        left, right, top, bottom = frame(layout, node)
        assert left >= 0
        assert right <= layout.width
        assert top >= 0
        assert bottom <= layout.height


@given(cells())
def test_every_operation_is_drawn_once_and_every_wire_goes_down(cell: Cell) -> None:
    svg = ElementTree.fromstring(cell_svg(Arch("any", (cell,)), "normal"))
    drawn = sorted(
        text.text or "" for text in svg.iter(f"{NS}text") if text.get("font-weight") == "600"
    )
    assert drawn == sorted(OPS[n.op].label for n in cell.nodes if OPS[n.op].family != "combine")
    layout = lay_out(boxes_of(cell))
    wanted = sum(len(box.slots) for box in layout.boxes)
    assert sum(wire.slot >= 0 for wire in layout.segments) == wanted
    for wire in layout.segments:
        assert layout.top[wire.target] >= layout.bottom[wire.source]


@given(cells())
def test_each_slot_is_fed_by_its_own_source_through_its_lanes(cell: Cell) -> None:
    layout = lay_out(boxes_of(cell))
    into = {wire.target: wire for wire in layout.segments if wire.slot < 0}
    for wire in layout.segments:
        at = wire.source
        while at >= len(layout.boxes):
            at = into[at].source
        assert at == wire.origin
        if wire.slot >= 0:
            assert layout.boxes[wire.target].slots[wire.slot].source == at


def test_nasnet_a_is_drawn_with_few_crossings() -> None:
    assert crossings(lay_out(boxes_of(NASNET_A.cell("normal")))) <= 1
    assert crossings(lay_out(boxes_of(NASNET_A.cell("reduction")))) <= 3


def test_a_drawing_is_the_same_every_time_and_small() -> None:
    rng, space = random.Random(0), NASNet()
    for _ in range(20):
        arch = space.decode(space.sample(rng))
        svg = cell_svg(arch, "normal")
        assert svg == cell_svg(Arch.from_json(arch.to_json()), "normal")
        assert len(svg) < 8000


def test_a_drawing_is_named_for_those_who_cannot_see_it() -> None:
    svg = ElementTree.fromstring(cell_svg(NASNET_A, "reduction"))
    title = svg.find(f"{NS}title")
    assert svg.get("role") == "img"
    assert title is not None
    assert title.text == svg.get("aria-label")
    assert "reduction cell: block 0 = sep 5×5(h[i]) + sep 7×7(h[i−1]); block 1" in title.text


@pytest.mark.parametrize("cell", ["normal", "reduction"])
def test_nasnet_a_is_drawn_as_it_was(cell: str, request: pytest.FixtureRequest, root: Path) -> None:
    path = root / "tests" / "golden" / f"nasnet-a-{cell}.svg"
    svg = cell_svg(NASNET_A, cell, standalone=True) + "\n"
    if request.config.getoption("--update-golden"):
        path.write_text(svg)
    assert svg == path.read_text()


def test_a_notebook_shows_all_cells_each_with_its_name() -> None:
    svg = ElementTree.fromstring(NASNET_A._repr_svg_())
    assert svg.get("aria-label") == "nasnet: normal, reduction"
    inner = list(svg.findall(f"{NS}svg"))
    labels = [part.get("aria-label", "").partition(":")[0] for part in inner]
    assert labels == ["normal cell", "reduction cell"]
    # Under each other, inside the picture.
    ends = [float(p.get("y", 0)) + float(p.get("height", 0)) for p in inner]
    assert ends[0] <= float(inner[1].get("y", 0))
    assert ends[1] <= float(svg.get("height", 0))
    assert max(float(p.get("width", 0)) for p in inner) <= float(svg.get("width", 0))


def test_arguments_are_part_of_a_label_by_their_names() -> None:
    args = {"filters": 64, "kernel": 5, "stride": 2, "expansion": 6, "squeeze": True}
    assert label_of(Node("mobile_block", (0,), tuple(sorted(args.items())))) == (
        "mobile 5×5 /2 ×6 SE →64"
    )
    uneven = (("height", 1), ("stride", 1), ("stride_width", 3), ("width", 7))
    assert label_of(Node("conv_norm_relu", (0,), uneven)) == "conv 1×7 /1×3"
    assert label_of(Node("sep_3x3", (0,))) == "sep 3×3"


def test_drawing_random_cells_of_every_space_takes_under_20_ms_and_none_overlap() -> None:
    rng, seconds = random.Random(0), []
    spaces = [SPACES.create(name) for name in SPACES.names() if SPACES.get(name).buildable]
    for number in range(100):
        space = spaces[number % len(spaces)]
        arch = space.decode(space.sample(rng))
        cell = rng.choice(arch.cells)
        assert overlapping(lay_out(boxes_of(cell.pruned()))) == []
        begun = time.process_time()
        cell_svg(arch, cell.name)
        seconds.append(time.process_time() - begun)
    assert statistics.median(seconds) < 0.02


def test_only_a_standalone_drawing_brings_its_style() -> None:
    assert "<style>" not in cell_svg(NASNET_A, "normal")
    alone = cell_svg(NASNET_A, "normal", standalone=True)
    ElementTree.fromstring(alone)
    assert "prefers-color-scheme:dark" in alone
    assert f"--op-sep:{COLOURS['op-sep'][1]}" in alone


def test_wires_to_the_output_are_dashed_and_wires_have_the_colour_of_their_source() -> None:
    svg = ElementTree.fromstring(cell_svg(NASNET_A, "normal"))
    wires = [
        (path.get("class"), path.get("stroke-dasharray") is not None)
        for path in svg.iter(f"{NS}path")
    ]
    assert wires.count(("wire-0", False)) == 1
    assert wires.count(("wire-1", True)) == 1
    assert wires.count(("wire-block", True)) == 5


def test_text_from_an_architecture_is_escaped() -> None:
    cell = Cell("<normal>", 1, (Node("<b>&", (0,)),), (1,))
    svg = cell_svg(Arch("any", (cell,)), "<normal>")
    assert "<b>" not in svg
    assert "&lt;b&gt;&amp;" in svg
    ElementTree.fromstring(svg)


def test_an_unknown_cell_is_refused_with_the_names() -> None:
    with pytest.raises(SpaceError, match="there are: normal, reduction"):
        cell_svg(NASNET_A, "stem")
    with pytest.raises(SpaceError, match="there are: normal, reduction"):
        cell_text(NASNET_A, "stem")


def test_the_text_of_a_cell_names_its_blocks() -> None:
    lines = cell_text(NASNET_A, "reduction").splitlines()
    assert lines[0] == "reduction cell"
    assert lines[4] == "  block 3  identity(block 1) + avg 3×3(block 0)"
    assert lines[-1] == "  output   concat(block 1, block 2, block 3, block 4)"


def test_the_text_of_a_concatenating_block_and_of_a_chain() -> None:
    nodes = (Node("sep_3x3", (0,)), Node("conv_1x1", (1,)), Node("concat", (2, 3)))
    arch = Arch("any", (Cell("normal", 2, nodes, (4,)),))
    assert "block 0  concat(sep 3×3(h[i]), conv 1×1(h[i−1]))" in cell_text(arch, "normal")
    toy = SPACES.create("toy")
    assert "node 0  sep 3×3(input)" in cell_text(toy.decode(toy.optimum), "chain")


def test_a_barcode_has_one_family_for_each_operation() -> None:
    assert barcode(NASNET_A)[:6] == ["sep", "sep", "sep", "sep", "avg", "skip"]
    assert len(barcode(NASNET_A)) == 20


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_has_a_contrast_of_five_and_wires_of_four(theme: int) -> None:
    colours = {name: pair[theme] for name, pair in COLOURS.items()}
    families = {entry.family for entry in OPS.values()} | {"zero"}
    for family in families:
        assert contrast(colours[f"op-{family}"], colours[f"op-{family}-text"]) >= 5, family
    for text in ("cell-text", "cell-muted"):
        assert contrast(colours["cell-surface"], colours[text]) >= 5
    for wire in ("wire-0", "wire-1", "wire-block"):
        assert contrast(colours["cell-page"], colours[wire]) >= 4, wire
