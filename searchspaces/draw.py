"""Drawings of a cell: SVG for pages and files, text for terminals, families for a barcode.

Colours are CSS variables with a value to fall back on, written as attributes: the drawing follows
the theme of a page that sets them (also under a strict content security policy) and is readable
without. The families are based on the Okabe-Ito palette; chips always carry their name as well.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from searchspaces.draw_graph import (
    Box,
    boxes_of,
    family_of,
    is_combine,
    label_of,
    owned_nodes,
    value_names,
)
from searchspaces.draw_layout import Layout, lay_out

if TYPE_CHECKING:
    from searchspaces.arch import Arch, Cell

# name: (light, dark). --op-FAMILY is a chip, --op-FAMILY-text its label, --wire-N a wire.
COLOURS: dict[str, tuple[str, str]] = {
    "op-sep": ("#0068a5", "#4ba3dc"),
    "op-sep-text": ("#ffffff", "#04121d"),
    "op-dil": ("#56b4e9", "#a3dbfa"),
    "op-dil-text": ("#06202f", "#06202f"),
    "op-avg": ("#e69f00", "#f2b632"),
    "op-avg-text": ("#1f1500", "#1f1500"),
    "op-max": ("#b04600", "#ea8247"),
    "op-max-text": ("#ffffff", "#1f0c00"),
    "op-conv": ("#00755a", "#3dbf9b"),
    "op-conv-text": ("#ffffff", "#00170f"),
    "op-skip": ("#5c6570", "#9ba5b0"),
    "op-skip-text": ("#ffffff", "#0d1218"),
    "op-zero": ("#d4d9df", "#414b56"),
    "op-zero-text": ("#1f2328", "#f0f3f6"),
    "op-combine": ("#eceff3", "#2a313a"),
    "op-combine-text": ("#33393f", "#dce2e8"),
    "wire-0": ("#0a5bd3", "#6fb1ff"),
    "wire-1": ("#7b3fc4", "#c39bff"),
    "wire-block": ("#66707b", "#97a2ae"),
    "cell-page": ("#ffffff", "#0d1117"),
    "cell-surface": ("#f6f8fa", "#171d25"),
    "cell-border": ("#cfd6dd", "#39424d"),
    "cell-text": ("#1f2328", "#e6edf3"),
    "cell-muted": ("#57606a", "#a3adb8"),
}


def cell_svg(arch: Arch, cell_name: str, *, standalone: bool = False) -> str:
    """Return the drawing of one cell; raise SpaceError if there is no such cell.

    ``standalone`` adds a style sheet that follows the reader's light or dark setting.
    """
    cell = arch.cell(cell_name).pruned()
    layout = lay_out(boxes_of(cell))
    title = escape(f"{cell_name} cell: {_summary(cell)}", quote=True)
    wide, high = f"{layout.width:g}", f"{layout.height:g}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cell-drawing" role="img" '
        f'aria-label="{title}" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        'font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif" '
        f'font-size="11" text-anchor="middle"><title>{title}</title>'
    ]
    if standalone:
        parts.append(f"<style>{stylesheet()}</style>")
        parts.append(f'<rect width="{wide}" height="{high}" rx="8" fill="{_colour("cell-page")}"/>')
    parts += _wires(layout, cell.inputs)
    for node in range(len(layout.boxes)):
        parts.append(_box(layout, node))
    return "".join(parts) + "</svg>"


def arch_svg(arch: Arch) -> str:
    """Return one drawing of all cells, under each other, each named for those who cannot see it.

    It brings its own style, for notebooks and files.
    """
    parts: list[str] = []
    wide, high = 0.0, 0.0
    for cell in arch.cells:
        svg = cell_svg(arch, cell.name)
        layout = lay_out(boxes_of(cell.pruned()))
        parts.append(
            f'<text x="14" y="{high + 20:g}" font-size="13" font-weight="600" '
            f'text-anchor="start" fill="{_colour("cell-text")}">{escape(cell.name)}</text>'
        )
        parts.append(svg.replace("<svg ", f'<svg y="{high + 24:g}" ', 1))
        wide, high = max(wide, layout.width), high + layout.height + 24
    title = escape(f"{arch.space}: {', '.join(cell.name for cell in arch.cells)}", quote=True)
    size = f'width="{wide:g}" height="{high:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" {size} '
        f'viewBox="0 0 {wide:g} {high:g}" '
        'font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif">'
        f"<title>{title}</title><style>{stylesheet()}</style>"
        f'<rect {size} rx="8" fill="{_colour("cell-page")}"/>{"".join(parts)}</svg>'
    )


def stylesheet() -> str:
    """Return CSS that sets the variables of the drawings, for light and dark."""
    light, dark = (
        "".join(f"--{name}:{pair[side]};" for name, pair in COLOURS.items()) for side in (0, 1)
    )
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def cell_text(arch: Arch, cell_name: str) -> str:
    """Return one cell as lines of text; raise SpaceError if there is no such cell."""
    cell = arch.cell(cell_name).pruned()
    names = value_names(cell)
    rows = [(names[value], text) for value, text in _sentences(cell)]
    outputs = ", ".join(names[value] for value in cell.outputs)
    rows.append(("output", f"concat({outputs})" if len(cell.outputs) > 1 else outputs))
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join([f"{cell_name} cell", *lines])


def barcode(arch: Arch) -> list[str]:
    """Return the colour family of each operation, cell by cell, in order; combiners left out."""
    return [
        family_of(node)
        for cell in arch.cells
        for node in cell.pruned().nodes
        if not is_combine(node)
    ]


def _sentences(cell: Cell) -> list[tuple[int, str]]:
    """Return what each block or single operation computes, by its value."""
    names, owned = value_names(cell), owned_nodes(cell)

    def term(value: int) -> str:
        if value not in owned:
            return names[value]
        node = cell.nodes[value - cell.inputs]
        return f"{label_of(node)}({names[node.inputs[0]]})"

    found = []
    for value, node in enumerate(cell.nodes, cell.inputs):
        if value in owned:
            continue
        terms = [term(source) for source in node.inputs]
        called = f"{label_of(node)}({', '.join(terms)})"
        found.append((value, " + ".join(terms) if node.op == "add" else called))
    return found


def _summary(cell: Cell) -> str:
    names = value_names(cell)
    return "; ".join(f"{names[value]} = {text}" for value, text in _sentences(cell))


def _colour(name: str) -> str:
    return f"var(--{name},{COLOURS[name][0]})"


def _wires(layout: Layout, inputs: int) -> list[str]:
    """Return one path for all wires of a source and style, coloured by the source."""
    paths: dict[tuple[int, bool], list[str]] = {}
    for wire in layout.segments:
        x, y = layout.x[wire.source], layout.top[wire.source]
        if wire.source < len(layout.boxes):
            y += layout.boxes[wire.source].height
        bend, end = layout.bottom[wire.source], layout.top[wire.target]
        to = round(layout.x[wire.target] + layout.slot_centre(wire.target, wire.slot), 1)
        middle = round((bend + end) / 2, 1)
        # Straight down to the foot of the layer first, so that no wire cuts a taller box.
        piece = f"M{x:g} {y:g}" + (f"V{bend:g}" if bend > y else "")
        if abs(to - x) < 0.5:
            piece += f"V{end:g}"
        else:
            piece += f"C{x:g} {middle:g} {to:g} {middle:g} {to:g} {end:g}"
        paths.setdefault((wire.origin, wire.dashed), []).append(piece)
    found = []
    for (origin, dashed), pieces in sorted(paths.items()):
        name = f"wire-{origin % 2}" if origin < inputs else "wire-block"
        style = ' stroke-dasharray="4 3"' if dashed else ""
        found.append(
            f'<path class="{name}" d="{"".join(pieces)}" fill="none" stroke="{_colour(name)}" '
            f'stroke-width="1.5" stroke-linecap="round"{style}/>'
        )
    return found


def _box(layout: Layout, node: int) -> str:
    box = layout.boxes[node]
    left = round(layout.x[node] - box.width / 2, 1)
    top = layout.top[node]
    if box.kind == "chip":
        return _chip(layout, node, 0, top)
    radius = {"input": 12, "output": 5}.get(box.kind, 7)
    frame = (
        f'<rect class="cell-{box.kind}" x="{left:g}" y="{top:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="{radius}" fill="{_colour("cell-surface")}" '
        f'stroke="{_outline(box)}"/>'
    )
    chips = "".join(
        _chip(layout, node, slot, top + 3)
        for slot in range(len(box.slots))
        if box.kind == "block" and box.slots[slot].label
    )
    small = box.kind == "block"
    baseline = top + (box.height - 6 if small else 16)
    colour = _colour("cell-muted" if small else "cell-text")
    size = ' font-size="10"' if small else ""
    caption = (
        f'<text x="{layout.x[node]:g}" y="{baseline:g}" fill="{colour}"{size}>'
        f"{escape(box.caption)}</text>"
    )
    return f'<g class="cell-box">{frame}{chips}{caption}</g>'


def _outline(box: Box) -> str:
    return _colour("cell-border" if box.kind == "block" else "cell-muted")


def _chip(layout: Layout, node: int, slot: int, top: float) -> str:
    part = layout.boxes[node].slots[slot]
    centre = round(layout.x[node] + layout.slot_centre(node, slot), 1)
    name = f"op-{part.family}"
    return (
        f'<rect class="{name}" x="{centre - part.width / 2:g}" y="{top:g}" '
        f'width="{part.width:g}" height="22" rx="4" fill="{_colour(name)}"/>'
        f'<text class="{name}-text" x="{centre:g}" y="{top + 15:g}" font-weight="600" '
        f'fill="{_colour(f"{name}-text")}">{escape(part.label)}</text>'
    )
