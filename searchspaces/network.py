"""The network around a searched cell: stem, stack of cells, classifier, auxiliary classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from searchspaces.cells import CellModule, Source
from searchspaces.heads import AuxiliaryHead, Head, Stem
from searchspaces.stack import Place, nasnet_stack

if TYPE_CHECKING:
    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale

# Batch normalisation of the authors' code: ImageNet scope 1e-3, CIFAR scope 1e-5.
NORM_EPS = {"imagenet": 1e-3, "cifar": 1e-5}


class CellNetwork(nn.Module):
    """A classifier built from an architecture with the cells ``normal`` and ``reduction``.

    Cells and inputs that cannot reach the logits are not built. In training with
    ``scale.auxiliary`` the forward pass returns (logits, auxiliary logits), else logits.
    """

    def __init__(
        self, arch: Arch, task: Task, scale: Scale, *, plan: tuple[Place, ...] | None = None
    ) -> None:
        """Build for images of ``task``; ``plan`` replaces the NASNet stack."""
        super().__init__()
        self.plan = plan or nasnet_stack(scale)
        self.drop = scale.drop_path
        cells = {place.cell: arch.cell(place.cell).pruned() for place in self.plan}
        self._inputs = {
            name: frozenset(v for v in cell.live() if v < cell.inputs)
            for name, cell in cells.items()
        }
        last_reduction = max((i for i, p in enumerate(self.plan) if p.stride > 1), default=0)
        self._aux_value = self.plan[last_reduction].previous if scale.auxiliary else -1
        self._live = self._reached()
        self.stem = Stem(task, scale)
        self.cells = nn.ModuleDict()
        widths, levels, sizes = [self.stem.width], [0], [self.stem.size]
        for number, place in enumerate(self.plan):
            levels.append(levels[place.previous] + (place.stride > 1))
            sizes.append(_over(sizes[place.previous], place.stride))
            if number + 1 not in self._live:
                widths.append(0)
                continue
            sources = _sources(place, widths, levels)
            module = CellModule(cells[place.cell], sources, place.filters, place.stride)
            self.cells[str(number)] = module
            widths.append(module.width)
        self.head = Head(widths[-1], task.classes, scale.dropout)
        self.auxiliary = (
            AuxiliaryHead(widths[self._aux_value], sizes[self._aux_value], task.classes)
            if scale.auxiliary
            else None
        )
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = NORM_EPS[scale.stem]
        self.set_progress(0.0)

    def _reached(self) -> frozenset[int]:
        """Return the values that reach the logits (or the auxiliary logits)."""
        wanted = {len(self.plan)} | ({self._aux_value} if self._aux_value >= 0 else set())
        for number in reversed(range(len(self.plan))):
            if number + 1 in wanted:
                place = self.plan[number]
                wanted |= place.reads(self._inputs[place.cell])
        return frozenset(wanted)

    def set_progress(self, fraction: float) -> None:
        """Set the drop path of every cell for ``fraction`` (0 to 1) of the training.

        ScheduledDropPath (arXiv 1707.07012, appendix A.7; slim's ``_apply_drop_path``): the
        probability grows linearly with training and with the depth of the cell.
        """
        done = min(1.0, max(0.0, fraction))
        for number, module in self.cells.items():
            if isinstance(module, CellModule):
                depth = (int(number) + 1) / len(self.plan)
                module.keep = 1 - depth * self.drop * done

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Map (batch, channels, height, width) to (batch, classes) logits."""
        values: dict[int, Tensor] = {0: self.stem(x)}
        auxiliary = None
        for number, place in enumerate(self.plan):
            if number + 1 not in self._live:
                continue
            before = place.previous if place.before is None else place.before
            cell = self.cells[str(number)]
            values[number + 1] = cell(values.get(place.previous), values.get(before))
        logits: Tensor = self.head(values[len(self.plan)])
        if self.training and self.auxiliary is not None:
            auxiliary = self.auxiliary(values[self._aux_value])
            return logits, auxiliary
        return logits


def _over(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-size[0] // stride), -(-size[1] // stride)


def _sources(place: Place, widths: list[int], levels: list[int]) -> list[Source]:
    """Return what arrives at h_i and h_{i-1} of a place."""
    now = Source(widths[place.previous])
    if place.before is None:
        return [now, Source(widths[place.previous], raw=True)]
    return [now, Source(widths[place.before], levels[place.previous] - levels[place.before])]
