"""ENAS macro (arXiv 1802.03268, section 2.3): a whole network, an operation a layer and skips.

A layer reads the one before. Its output is concatenated with the skips it chose, ReLU, 1x1, batch
normalisation; after each third of the layers everything is halved and the filters are doubled
(``_fixed_layer`` and ``_model`` of the authors' src/cifar10/general_child.py, whose final script
builds 24 layers from 96 filters). The branches are those of the search: ``_fixed_layer`` itself has
no pools and takes a full convolution for a separable one.
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

# The order of the authors' code: conv 3x3, sep 3x3, conv 5x5, sep 5x5, average, maximum.
BRANCHES = (
    ("conv 3×3", "conv_branch", 3),
    ("sep 3×3", "sep_branch", 3),
    ("conv 5×5", "conv_branch", 5),
    ("sep 5×5", "sep_branch", 5),
    ("avg 3×3", "avg_branch", 0),
    ("max 3×3", "max_branch", 0),
)


class ENASMacro(SearchSpace):
    """ENAS macro: six branches a layer, skips from every earlier layer, halved at the thirds."""

    name = "enas_macro"

    def __init__(
        self,
        *,
        layers: Annotated[int, Field(ge=3, le=36, description="Layers; the paper has 12")] = 12,
    ) -> None:
        """Make the choices: of each layer the branch, then a skip from each one before the last."""
        self.layers = layers
        third = layers // 3
        self.halved = (third - 1, 2 * third - 1)  # the layers that a reduction follows
        labels = tuple(label for label, _, _ in BRANCHES)
        self.choices = tuple(
            choice
            for layer in range(layers)
            for choice in (
                Choice(f"{layer}.branch", "branch", labels),
                *(Choice(f"{layer}.skip{i}", "skip", ("no", "yes")) for i in range(layer)),
            )
        )

    def decode(self, decisions: Decisions) -> Arch:
        """Return the architecture of a point; raise SpaceError where the point is not one.

        Skip i of a layer comes from layer i - 1; skip 0 comes from the stem.
        """
        values = iter(self.check(decisions))
        nodes: list[Node] = []
        filters = 1
        states = [0]  # values of the stem and of each layer, as they are at this depth

        def add(op: str, *read: int, **args: int) -> int:
            nodes.append(Node(op, read, tuple(sorted(args.items()))))
            return len(nodes)

        for layer in range(self.layers):
            _, op, kernel = BRANCHES[next(values)]
            skips = [state for state in states[:-1] if next(values)]
            size = {"kernel": kernel} if kernel else {}
            end = add(op, states[-1], filters=filters, **size)
            if layer:
                joined = add("concat", *skips, end) if skips else end
                end = add("conv_1x1", joined, filters=filters)
            states.append(end)
            if layer in self.halved:
                filters *= 2
                states = [add("shrink", v, filters=filters, stride=2) for v in states]
        cell = Cell("layers", 1, tuple(nodes), (states[-1],))
        return Arch(self.name, (cell.pruned(),))

    def _read(self, arch: Arch) -> Decisions:
        cell = arch.cell("layers")
        known = {(op, kernel): place for place, (_, op, kernel) in enumerate(BRANCHES)}
        place = {0: 0}  # value to the layer it belongs to: 0 the stem, k + 1 the k-th
        found: list[int] = []
        layer = -1
        pending: list[int] = []
        for value, node in enumerate(cell.nodes, 1):
            key = (node.op, int(dict(node.args).get("kernel", 0)))
            if key in known:
                found += pending
                layer += 1
                found.append(known[key])
                pending = [0] * layer
            elif node.op == "concat":
                for source in node.inputs[:-1]:
                    pending[place[source]] = 1
            place[value] = place[node.inputs[0]] if node.op == "shrink" else layer + 1
        return (*found, *pending)

    def build(self, arch: Arch, task: Task, scale: Scale) -> nn.Module:
        """Return a fresh network, (batch, channels, height, width) -> (batch, classes) logits.

        The authors' stem is as wide as the first layers: Scale(stem_multiplier=1).
        """
        return LayerNetwork(arch, task, scale, unit=scale.filters)
