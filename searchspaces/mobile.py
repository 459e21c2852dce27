"""A MobileNet-like macro space: stages of inverted residual blocks, five decisions a stage.

The stages are those of MobileNetV2 and its successors (arXiv 1801.04381, table 2; widths and
strides of EfficientNet-B0, arXiv 1905.11946, table 1); the decisions a stage are kernel, expansion,
squeeze-and-excitation, depth and width, as in MnasNet (arXiv 1807.11626, section 4.1). The
published widths are Scale(filters=16), with the ImageNet stem for large images.
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

# Filters and stride of each stage.
STAGES = ((16, 1), (24, 2), (40, 2), (80, 2), (112, 1), (192, 2), (320, 1))
KERNELS, EXPANSIONS, SQUEEZES, DEPTHS = (3, 5, 7), (3, 6), (False, True), (1, 2, 3, 4)
WIDTHS = (0.75, 1.0, 1.25)  # of the stage's filters, which all three leave whole
LAST = 4  # the 1x1 convolution before the classifier is so many times as wide as the last stage


class Mobile(SearchSpace):
    """MobileNet-like stages: kernel, expansion, squeeze-and-excitation, depth and width of each."""

    name = "mobile"

    def __init__(
        self,
        *,
        stages: Annotated[
            int, Field(ge=1, le=len(STAGES), description="Stages; 7 for images of 224 pixels")
        ] = 5,
    ) -> None:
        """Make the five choices of each stage."""
        self.stages = stages
        self.choices = tuple(
            Choice(f"{stage}.{name}", name, labels)
            for stage in range(stages)
            for name, labels in (
                ("kernel", tuple(f"{k}×{k}" for k in KERNELS)),
                ("expansion", tuple(map(str, EXPANSIONS))),
                ("squeeze", ("no", "yes")),
                ("depth", tuple(map(str, DEPTHS))),
                ("width", tuple(map(str, WIDTHS))),
            )
        )

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one."""
        values = iter(self.check(decisions))
        nodes: list[Node] = []
        filters = 0
        for base, stride in STAGES[: self.stages]:
            kernel, expansion = KERNELS[next(values)], EXPANSIONS[next(values)]
            squeeze, depth = SQUEEZES[next(values)], DEPTHS[next(values)]
            filters = round(base * WIDTHS[next(values)])
            for block in range(depth):
                args = (
                    ("expansion", expansion),
                    ("filters", filters),
                    ("kernel", kernel),
                    ("squeeze", squeeze),
                    ("stride", 1 if block else stride),
                )
                before = len(nodes)
                nodes.append(Node("mobile_block", (before,), args))
                if block:
                    nodes.append(Node("add", (before, before + 1)))
        last = (("filters", LAST * filters), ("height", 1), ("width", 1))
        nodes.append(Node("conv_norm_relu", (len(nodes),), last))
        return Arch(self.name, (Cell("stages", 1, tuple(nodes), (len(nodes),)),))

    def _read(self, arch: Arch) -> Decisions:
        cell = arch.cell("stages")
        added = {max(node.inputs) for node in cell.nodes if node.op == "add"}
        found: list[list[int]] = []
        for value, node in enumerate(cell.nodes, 1):
            if node.op != "mobile_block":
                continue
            if value in added:
                found[-1][3] += 1
                continue
            args = dict(node.args)
            kernel, expansion = KERNELS.index(int(args["kernel"])), int(args["expansion"])
            width = WIDTHS.index(int(args["filters"]) / STAGES[len(found)][0])
            squeeze = SQUEEZES.index(bool(args["squeeze"]))
            found.append([kernel, EXPANSIONS.index(expansion), squeeze, 0, width])
        return tuple(decision for stage in found for decision in stage)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits."""
        return LayerNetwork(arch, task, scale, unit=scale.filters / STAGES[0][0])
