"""The network of an architecture that is one graph of layers: stem, layers, classifier.

A node of such a graph may carry ``filters``, its width in the space's own unit, and ``stride``; its
other arguments go to the operation. Everything is in the graph: what halves the size is a node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from searchspaces import SpaceError
from searchspaces.branches import PadConcat
from searchspaces.cells import drop_path
from searchspaces.heads import Head, Stem
from searchspaces.network import NORM_EPS
from searchspaces.ops import op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces import Task
    from searchspaces.arch import Arch, Cell, Node
    from searchspaces.scale import Scale


class Layer(nn.Module):
    """The operation of one node; ``width`` is how many channels come out."""

    def __init__(self, node: Node, read: Sequence[int], unit: float) -> None:
        """Build for operands of the widths ``read``; ``filters`` of the node times ``unit``."""
        super().__init__()
        entry = op(node.op)
        args = dict(node.args)
        filters, stride = args.pop("filters", None), args.pop("stride", 1)
        if entry.width is not None:
            self.width = entry.width(read)
        elif len(read) != 1:
            raise SpaceError(f"{node.op} reads one value, got {len(read)}")
        else:
            self.width = read[0] if filters is None else max(1, round(float(filters) * unit))
        self.kind = entry.label
        self.keep = 1.0
        self.op = entry.build(read[0], self.width, int(stride), **args)

    def forward(self, *operands: Tensor) -> Tensor:
        """Map (batch, channels, height, width) of each operand to (batch, width, h, w)."""
        value: Tensor = self.op(*operands)
        return drop_path(value, self.keep) if self.training and self.keep < 1 else value


class LayerNetwork(nn.Module):
    """A classifier whose layers are the nodes of the architecture's one cell.

    Of the scale it uses ``filters``, ``stem``, ``stem_multiplier``, ``dropout`` and ``drop_path``;
    there is no auxiliary classifier, and the number of layers is the architecture's own.
    """

    def __init__(
        self, arch: Arch, task: Task, scale: Scale, *, unit: float, bare: bool = False
    ) -> None:
        """Build for images of ``task``; ``unit`` is the width of one filter of a node.

        ``bare`` leaves out the CIFAR stem: the first layers read the image.
        """
        super().__init__()
        self.cell = arch.cells[0].pruned()
        self.drop = scale.drop_path
        widths = [task.channels]
        self.stem: nn.Module = nn.Identity()
        if not bare or scale.stem == "imagenet":
            stem = Stem(task, scale)
            self.stem, widths = stem, [stem.width]
        self.ops = nn.ModuleList()
        for node in self.cell.nodes:
            layer = Layer(node, [widths[value] for value in node.inputs], unit)
            self.ops.append(layer)
            widths.append(layer.width)
        self.join = PadConcat()
        self.head = Head(sum(widths[v] for v in self.cell.outputs), task.classes, scale.dropout)
        self._spent = spent(self.cell)
        self._beside = residuals(self.cell)
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = NORM_EPS[scale.stem]

    def set_progress(self, fraction: float) -> None:
        """Set the drop path of every layer that has another path beside it.

        The probability grows linearly with training (``fraction``, 0 to 1) and with depth, as
        ScheduledDropPath does for cells (arXiv 1707.07012, appendix A.7).
        """
        done = min(1.0, max(0.0, fraction))
        for number, layer in enumerate(self.ops):
            if isinstance(layer, Layer) and number in self._beside:
                layer.keep = 1 - (number + 1) / len(self.ops) * self.drop * done

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        values: dict[int, Tensor] = {0: self.stem(x)}
        for number, (node, layer) in enumerate(zip(self.cell.nodes, self.ops, strict=True)):
            values[number + 1] = layer(*(values[i] for i in node.inputs))
            for value in self._spent[number]:
                del values[value]  # nobody reads it again: let its memory go
        outputs = [values[i] for i in self.cell.outputs]
        logits: Tensor = self.head(outputs[0] if len(outputs) == 1 else self.join(*outputs))
        return logits


def spent(cell: Cell) -> tuple[tuple[int, ...], ...]:
    """Return, for each node, the values that no later node and no output reads."""
    last = {value: number for number, node in enumerate(cell.nodes) for value in node.inputs}
    found: list[list[int]] = [[] for _ in cell.nodes]
    for value, number in last.items():
        if value not in cell.outputs:
            found[number].append(value)
    return tuple(tuple(values) for values in found)


def residuals(cell: Cell) -> frozenset[int]:
    """Return the numbers of the nodes that are added to a value from before them."""
    return frozenset(
        value - cell.inputs
        for node in cell.nodes
        if node.op == "add"
        for value in node.inputs
        if value > min(node.inputs)
    )
