"""The network around a searched cell: stem, stack of cells, classifier, auxiliary classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from searchspaces.assembly import TENSORFLOW, Assembly
from searchspaces.cells import CellModule, Source
from searchspaces.heads import AuxiliaryHead, EighthStem, Head, QuarterStem, Stem
from searchspaces.layers import count_padding, pad_symmetrically
from searchspaces.stack import STEM, Place, nasnet_stack

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
        self,
        arch: Arch,
        task: Task,
        scale: Scale,
        *,
        plan: tuple[Place, ...] | None = None,
        assembly: Assembly = TENSORFLOW,
    ) -> None:
        """Build for images of ``task``; ``plan`` replaces the NASNet stack."""
        super().__init__()
        self.plan = plan or nasnet_stack(scale)
        self.drop, self.assembly = scale.drop_path, assembly
        cells = {p.cell: arch.cell(p.cell).without_zeros() for p in self.plan if p.cell != STEM}
        self._inputs = {STEM: frozenset({0})} | {
            name: frozenset(v for v in cell.live() if v < cell.inputs)
            for name, cell in cells.items()
        }
        self._aux_value = self._read_by_auxiliary() if scale.auxiliary else -1
        self._live = self._reached()
        convs = assembly.stem_convs and scale.stem == "imagenet"
        self.stem = QuarterStem(task, scale) if convs else Stem(task, scale)
        self.cells = nn.ModuleDict()
        widths, levels, sizes = [self.stem.width], [0], [self.stem.size]
        for number, place in enumerate(self.plan):
            levels.append(levels[place.previous] + (place.stride > 1))
            sizes.append(_over(sizes[place.previous], place.stride))
            if number + 1 not in self._live:
                widths.append(0)
                continue
            module: CellModule | EighthStem
            if place.cell == STEM:
                module = EighthStem(self.stem.width, place.filters)
            else:
                sources = _sources(place, widths, levels, assembly)
                module = CellModule(cells[place.cell], sources, place.filters, place.stride)
            self.cells[str(number)] = module
            widths.append(module.width)
        self._finish(task, scale, widths, sizes)

    def _finish(
        self, task: Task, scale: Scale, widths: list[int], sizes: list[tuple[int, int]]
    ) -> None:
        """Make the classifiers; settle padding, normalisation and drop path."""
        form = self.assembly
        self.head = Head(
            widths[-1], task.classes, scale.dropout, relu=form.head_relu, bias=form.bias
        )
        self.auxiliary = None
        if scale.auxiliary:
            value = self._aux_value
            self.auxiliary = AuxiliaryHead(
                widths[value], sizes[value], task.classes, form=form.auxiliary, bias=form.bias
            )
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = NORM_EPS[form.norms or scale.stem]
        if not form.same_padding:
            pad_symmetrically(self)
        if getattr(scale, "count_padding", False):  # a written scale names it only where it is set
            count_padding(self)
        self.set_progress(0.0)

    def _read_by_auxiliary(self) -> int:
        last = max((i for i, place in enumerate(self.plan) if place.stride > 1), default=0)
        return min(self.plan[last].previous + self.assembly.auxiliary.place, len(self.plan))

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
        probability grows linearly with training and, if ``assembly.deep_drop``, with the depth of
        the cell.
        """
        done = min(1.0, max(0.0, fraction))
        for number, module in self.cells.items():
            if isinstance(module, CellModule):
                depth = (int(number) + 1) / len(self.plan) if self.assembly.deep_drop else 1
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
            if place.cell == STEM:
                values[number + 1] = cell(values[place.previous])
            else:
                values[number + 1] = cell(values.get(place.previous), values.get(before))
        logits: Tensor = self.head(values[len(self.plan)])
        if self.training and self.auxiliary is not None:
            auxiliary = self.auxiliary(values[self._aux_value])
            return logits, auxiliary
        return logits


def _over(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-size[0] // stride), -(-size[1] // stride)


def _sources(
    place: Place, widths: list[int], levels: list[int], assembly: Assembly
) -> list[Source]:
    """Return what arrives at h_i and h_{i-1} of a place."""
    now = Source(widths[place.previous], twice=assembly.now_twice)
    if place.before is None:
        return [now, Source(widths[place.previous], raw=assembly.raw_first)]
    width, halvings = widths[place.before], levels[place.previous] - levels[place.before]
    same = assembly.raw_equal and halvings == 0 and width == place.filters
    return [now, Source(width, halvings, raw=same)]
