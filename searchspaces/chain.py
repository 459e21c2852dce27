"""The network of the toy space: stem, one row of operations, classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from searchspaces.cells import CellModule, Source
from searchspaces.heads import Head, Stem

if TYPE_CHECKING:
    from searchspaces import Task
    from searchspaces.arch import Cell
    from searchspaces.scale import Scale


class Chain(nn.Module):
    """Stem, one chain of operations, classifier."""

    def __init__(self, cell: Cell, task: Task, scale: Scale) -> None:
        """Build the chain ``scale.filters`` wide."""
        super().__init__()
        self.stem = Stem(task, scale)
        self.cells = nn.ModuleList([CellModule(cell, [Source(self.stem.width)], scale.filters, 1)])
        self.head = Head(scale.filters, task.classes, scale.dropout)

    def set_progress(self, _fraction: float) -> None:
        """Do nothing: a row is one path, and drop path needs another one beside it."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        logits: Tensor = self.head(x)
        return logits
