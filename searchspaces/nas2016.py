"""The layer-wise search space of the first NAS paper (arXiv 1611.01578): convolutions with skips.

A layer is a convolution with a height, a width, a number of filters and, on demand, strides; an
anchor point says which earlier layers it reads (section 3.3). What is read is concatenated, smaller
maps padded with zeros; a layer that reads none reads the image; layers that no other one reads are
concatenated before the classifier. The paper's widths are Scale(filters=24).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from searchspaces import Choice, Decisions, SearchSpace
from searchspaces.arch import Arch, Cell, Node
from searchspaces.layered import LayerNetwork

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.scale import Scale

# Section 4.1: heights and widths in pixels, filters, and the strides of the second experiment.
SIZES, FILTERS, STRIDES = (1, 3, 5, 7), (24, 36, 48, 64), (1, 2, 3)
DEPTH, DEEPER, EVERY = 6, 2, 1600  # layers at first, added layers, samples between (section 4.1)


def layers_after(samples: int) -> int:
    """Return the depth of the paper's schedule: 6 layers, two more every 1,600 samples."""
    return DEPTH + DEEPER * (samples // EVERY)


class NAS2016(SearchSpace):
    """The first NAS space: convolutions of any shape, layer by layer, with skip connections."""

    name = "nas2016"

    def __init__(
        self,
        *,
        layers: Annotated[int, Field(ge=1, le=40, description="Convolutions")] = DEPTH,
        strides: Annotated[bool, Field(description="Search the strides, 1 to 3 each way")] = False,
        skips: Annotated[
            bool, Field(description="Search what a layer reads; off: the one before")
        ] = True,
    ) -> None:
        """Make the choices, layer by layer in the order of the paper's figure 2."""
        self.layers, self.strides, self.skips = layers, strides, skips
        self.choices = tuple(c for layer in range(layers) for c in self._layer(layer))

    def _layer(self, layer: int) -> list[Choice]:
        sizes, filters = tuple(map(str, SIZES)), tuple(map(str, FILTERS))
        steps = tuple(map(str, STRIDES))
        found = [
            Choice(f"{layer}.height", "size", sizes),
            Choice(f"{layer}.width", "size", sizes),
        ]
        if self.strides:
            found.append(Choice(f"{layer}.stride_height", "stride", steps))
            found.append(Choice(f"{layer}.stride_width", "stride", steps))
        found.append(Choice(f"{layer}.filters", "filters", filters))
        if self.skips:
            found += [Choice(f"{layer}.reads{i}", "reads", ("no", "yes")) for i in range(layer)]
        return found

    def grown(self, decisions: Decisions, deeper: NAS2016) -> Decisions:
        """Return a point as one of a ``deeper`` space: every added layer reads the one before.

        Added layers are 3x3 with the fewest filters. Raises SpaceError where the point is not one
        of this space, or does not fit the options of ``deeper``.
        """
        point = list(self.check(decisions))
        for layer in range(self.layers, deeper.layers):
            point += [SIZES.index(3), SIZES.index(3), *([0, 0] if self.strides else []), 0]
            if self.skips:
                point += [int(earlier == layer - 1) for earlier in range(layer)]
        return deeper.check(point)

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        values = iter(self.check(decisions))
        nodes: list[Node] = []
        ends: list[int] = []  # the value of each layer
        loose: dict[int, None] = {}  # values of layers that none has read, in order
        for _ in range(self.layers):
            height, width = SIZES[next(values)], SIZES[next(values)]
            down, right = (STRIDES[next(values)], STRIDES[next(values)]) if self.strides else (1, 1)
            filters = FILTERS[next(values)]
            read = [end for end in ends if next(values)] if self.skips else ends[-1:]
            for value in read:
                loose.pop(value, None)
            if len(read) > 1:
                nodes.append(Node("pad_concat", tuple(read)))
                read = [len(nodes)]
            args = (
                ("filters", filters),
                ("height", height),
                ("stride", down),
                ("stride_width", right),
                ("width", width),
            )
            nodes.append(Node("conv_norm_relu", (read[0] if read else 0,), args))
            ends.append(len(nodes))
            loose[len(nodes)] = None
        return Arch(self.name, (Cell("layers", 1, tuple(nodes), tuple(loose)),))

    def _read(self, arch: Arch) -> Decisions:
        found: list[int] = []
        ends: list[int] = []
        cell = arch.cell("layers")
        for value, node in enumerate(cell.nodes, 1):
            if node.op == "pad_concat":
                continue
            args = dict(node.args)
            found += [SIZES.index(int(args["height"])), SIZES.index(int(args["width"]))]
            if self.strides:
                found += [STRIDES.index(int(args[key])) for key in ("stride", "stride_width")]
            found.append(FILTERS.index(int(args["filters"])))
            read = set(node.inputs)
            source = cell.nodes[node.inputs[0] - 1] if node.inputs[0] else node
            if source.op == "pad_concat":
                read = set(source.inputs)
            if self.skips:
                found += [int(end in read) for end in ends]
            ends.append(value)
        return tuple(found)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits.

        There is no stem, as in the paper, unless the scale asks for that of ImageNet.
        """
        return LayerNetwork(arch, task, scale, unit=scale.filters / FILTERS[0], bare=True)
