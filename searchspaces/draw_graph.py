"""The boxes and wires of a drawing, found in a cell: inputs, blocks of operations, output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchspaces.labels import CHOICE
from searchspaces.ops import OPS, X

if TYPE_CHECKING:
    from searchspaces.arch import Arg, Cell, Node

MINUS, ARROW = "\N{MINUS SIGN}", "\N{RIGHTWARDS ARROW}"
FONT, SMALL = 7.2, 5.9  # widest average advance of 11 px bold and 10 px text, in pixels


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a box where a wire arrives: an operation's chip, or bare (no label)."""

    source: int  # the box that the wire comes from
    label: str = ""
    family: str = ""

    @property
    def width(self) -> float:
        """Pixels along the top of the box."""
        return round(FONT * len(self.label) + 14) if self.label else 16


@dataclass(frozen=True, slots=True)
class Box:
    """One box: kind is input, block, chip or output; the caption stands under or in it."""

    kind: str
    caption: str
    slots: tuple[Slot, ...] = ()

    @property
    def width(self) -> float:
        """Pixels, wide enough for the slots and the caption."""
        text = SMALL * len(self.caption) + 16
        if self.kind == "chip":
            return self.slots[0].width
        if self.kind == "block":
            chips = sum(slot.width for slot in self.slots) + 4 * (len(self.slots) - 1) + 8
            return max(chips, text)
        return max(text + 14, 76)

    @property
    def height(self) -> float:
        """Pixels; a block without a chip is its caption only."""
        if self.kind == "block":
            return 43 if any(slot.label for slot in self.slots) else 22
        return 22 if self.kind == "chip" else 24


def value_names(cell: Cell) -> list[str]:
    """Return a name for each value of a cell: h[i], h[i−1], block 0, ...; operations of blocks too.

    In a cell of two inputs value 0 is h[i] and value 1 is h[i−1] (see searchspaces.arch).
    """
    if cell.inputs == 2:
        names = ["h[i]", f"h[i{MINUS}1]"]
    else:
        names = ["input" if cell.inputs == 1 else f"input {i}" for i in range(cell.inputs)]
    blocks = 0
    for number, node in enumerate(cell.nodes):
        if is_combine(node):
            names.append(f"block {blocks}")
            blocks += 1
        else:
            names.append(f"node {number}")
    return names


def is_combine(node: Node) -> bool:
    """Say whether a node combines values; an operation that the table lacks does not."""
    return node.op in OPS and OPS[node.op].family == "combine"


def label_of(node: Node) -> str:
    """Return the label of a node's operation, or its name where the table lacks it; arguments too.

    An argument is shown by its name: kernel, stride and filters make sep 5×5 /2 →64.
    """
    label = OPS[node.op].label if node.op in OPS else node.op
    args = dict(node.args)
    if node.op == CHOICE:  # a label, of a row of a table
        return f"{args['name']}: {args['option']}"
    return " ".join([label, *_details(args)])


def _details(args: dict[str, Arg]) -> list[str]:
    found = []
    if "kernel" in args:
        found.append(f"{args['kernel']}{X}{args['kernel']}")
    if "height" in args and "width" in args:
        found.append(f"{args['height']}{X}{args['width']}")
    down, right = args.get("stride", 1), args.get("stride_width", args.get("stride", 1))
    if (down, right) != (1, 1):
        found.append(f"/{down}" if down == right else f"/{down}{X}{right}")
    if "expansion" in args:
        found.append(f"{X}{args['expansion']}")
    if args.get("squeeze"):
        found.append("SE")
    if "filters" in args:
        found.append(f"{ARROW}{args['filters']}")
    return found


def family_of(node: Node) -> str:
    """Return the colour family of a node's operation; ``zero`` where the table lacks it."""
    return OPS[node.op].family if node.op in OPS else "zero"


def owned_nodes(cell: Cell) -> frozenset[int]:
    """Return the values of operations that only one combiner reads: the chips of its block."""
    readers: dict[int, list[Node]] = {}
    for node in cell.nodes:
        for value in node.inputs:
            readers.setdefault(value, []).append(node)
    return frozenset(
        value
        for value, node in enumerate(cell.nodes, cell.inputs)
        if not is_combine(node)
        and value not in cell.outputs
        and len(readers.get(value, [])) == 1
        and is_combine(readers[value][0])
    )


def boxes_of(cell: Cell) -> list[Box]:
    """Return the boxes of a pruned cell, sources before what reads them, the output last."""
    names, owned = value_names(cell), owned_nodes(cell)
    boxes = [Box("input", names[value]) for value in range(cell.inputs)]
    place = {value: value for value in range(cell.inputs)}  # value to its box
    for value, node in enumerate(cell.nodes, cell.inputs):
        if value in owned:
            continue
        place[value] = len(boxes)
        if is_combine(node):
            slots = tuple(_slot(cell, source, owned, place) for source in node.inputs)
            sign = "\N{CIRCLED PLUS} " if node.op == "add" else f"{label_of(node)} \u00b7 "
            boxes.append(Box("block", sign + names[value], slots))
        else:
            slot = Slot(place[node.inputs[0]], label_of(node), family_of(node))
            boxes.append(Box("chip", "", (slot,)))
    boxes.append(_output(cell, place))
    return boxes


def _slot(cell: Cell, value: int, owned: frozenset[int], place: dict[int, int]) -> Slot:
    if value not in owned:
        return Slot(place[value])
    node = cell.nodes[value - cell.inputs]
    return Slot(place[node.inputs[0]], label_of(node), family_of(node))


def _output(cell: Cell, place: dict[int, int]) -> Box:
    name = "h[i+1]" if cell.inputs == 2 else "output"
    many = "concat \N{RIGHTWARDS ARROW} " if len(cell.outputs) > 1 else ""
    return Box("output", many + name, tuple(Slot(place[value]) for value in cell.outputs))
