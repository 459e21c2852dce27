"""One cell of an architecture as a torch module: adjusted inputs, nodes, drop path, outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from searchspaces import SpaceError
from searchspaces.layers import FactorizedReduction, conv_norm, relu_conv_norm
from searchspaces.ops import op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from searchspaces.arch import Cell, Node


@dataclass(frozen=True, slots=True)
class Source:
    """What arrives at an input of a cell: its channels, how often its size must be halved.

    ``raw`` hands it over untouched, as the first cell takes the stem for h_{i-1}. ``twice`` adjusts
    it twice, as ENAS does with h_i.
    """

    width: int
    halvings: int = 0
    raw: bool = False
    twice: bool = False

    def adjust(self, filters: int) -> nn.Module:
        """Return the module that brings the input to the cell: ``filters`` wide unless raw."""
        if self.raw:
            return nn.Identity()
        if self.twice:
            return nn.Sequential(
                *relu_conv_norm(self.width, filters), *relu_conv_norm(filters, filters)
            )
        if self.halvings == 0:
            return relu_conv_norm(self.width, filters)
        widths = [self.width] + [filters] * (self.halvings - 1)
        steps = [FactorizedReduction(width, filters, relu=True) for width in widths]
        return steps[0] if len(steps) == 1 else nn.Sequential(*steps)


def drop_path(x: Tensor, keep: float) -> Tensor:
    """Zero the path of whole examples with probability ``1 - keep``; scale the rest by 1 / keep."""
    mask = x.new_empty((x.shape[0], 1, 1, 1)).bernoulli_(keep)
    return x * (mask / keep)


class CellModule(nn.Module):
    """The torch module of one (pruned) cell; only what reaches its output has parameters."""

    def __init__(self, cell: Cell, sources: Sequence[Source], filters: int, stride: int) -> None:
        """Build the nodes ``filters`` wide; operations that read an input take the stride."""
        super().__init__()
        cell = cell.without_zeros()
        self.kind, self.filters, self.stride = cell.name, filters, stride
        self.cell = cell
        self.keep = 1.0
        live = cell.live()
        self.adjust = nn.ModuleDict()
        widths = []
        for place, source in enumerate(sources):
            widths.append(source.width if source.raw else filters)
            if place in live:
                self.adjust[str(place)] = source.adjust(filters)
        self.ops = nn.ModuleList()
        for node in cell.nodes:
            module, width = self._node(node, widths)
            self.ops.append(module)
            widths.append(width)
        self.out = nn.ModuleDict()
        for value in sorted(set(cell.outputs)):
            if value < cell.inputs and (stride > 1 or widths[value] != filters):
                self.out[str(value)] = self._output(widths[value])
                widths[value] = filters
        self.width = sum(widths[value] for value in cell.outputs)
        self._droppable = tuple(
            op(node.op).family not in {"skip", "zero", "combine"} for node in cell.nodes
        )

    def _node(self, node: Node, widths: list[int]) -> tuple[nn.Module, int]:
        kind = op(node.op)
        read = [widths[value] for value in node.inputs]
        outside = any(value < self.cell.inputs for value in node.inputs)
        stride = self.stride if outside else 1
        if kind.family == "combine":
            if stride > 1:
                raise SpaceError(
                    f"cell {self.kind}: {node.op} reads an input of a cell with stride {stride}; "
                    "an operation must come between them"
                )
        elif len(read) != 1:
            raise SpaceError(f"cell {self.kind}: {node.op} reads one value, got {len(read)}")
        width = kind.width(read) if kind.width else self.filters
        return kind.build(read[0], width, stride), width

    def _output(self, width: int) -> nn.Module:
        """Bring an input of the cell to its outputs: 1x1 or factorised, without ReLU as in TF."""
        if self.stride == 1:
            return conv_norm(width, self.filters)
        return FactorizedReduction(width, self.filters, relu=False)

    def forward(self, *inputs: Tensor | None) -> Tensor:
        """Map the cell's inputs to (batch, self.width, height / stride, width / stride).

        An input that the cell does not read may be None.
        """
        values: list[Tensor | None] = [None] * len(inputs)
        for place, module in self.adjust.items():
            values[int(place)] = module(inputs[int(place)])
        for node, module, droppable in zip(self.cell.nodes, self.ops, self._droppable, strict=True):
            value = module(*(values[i] for i in node.inputs))
            if droppable and self.training and self.keep < 1:
                value = drop_path(value, self.keep)
            values.append(value)
        for place, module in self.out.items():
            values[int(place)] = module(values[int(place)])
        outputs = [value for i in self.cell.outputs if (value := values[i]) is not None]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)
