"""Folds batch normalisation into the convolution before it, on the graph of a traced network.

With running mean m, variance v, weight g and bias b, normalising a convolution's output y gives
(y - m) g / sqrt(v + eps) + b: the same convolution with its filters times s = g / sqrt(v + eps),
and a bias of (old bias - m) s + b. It is done where the data flows so, whatever the modules are
called: the convolution's output must go to the normalisation alone. A normalisation after a sum, a
concatenation or a ReLU stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx, nn

from nas.export import ExportError
from nas.export.program import program

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from searchspaces import Task

CONVOLUTIONS = frozenset({torch.ops.aten.conv2d.default, torch.ops.aten.conv2d.padding})
LINEAR = torch.ops.aten.linear.default
NORMALISATION = torch.ops.aten.batch_norm.default


def folded(model: nn.Module, task: Task) -> tuple[ExportedProgram, int, int]:
    """Return the program with folded normalisations, how many were folded, and how many stay."""
    network = program(model, task).module()
    if not isinstance(network, fx.GraphModule):
        raise ExportError("torch.export gives a network without a graph")
    done = left = 0
    for node in list(network.graph.nodes):
        if node.op == "call_function" and node.target == NORMALISATION:
            if _fold(network, node):
                done += 1
            else:
                left += 1
    _forget_unused(network)
    network.graph.lint()
    network.recompile()
    return program(network, task), done, left


def _fold(network: fx.GraphModule, norm: fx.Node) -> bool:
    """Fold one normalisation into the convolution or linear layer before it; say if it could be."""
    before = norm.args[0]
    if not isinstance(before, fx.Node) or len(before.users) != 1:
        return False
    if before.target not in CONVOLUTIONS and before.target != LINEAR:
        return False
    gain, shift, mean, variance = (_tensor(network, norm, place) for place in range(1, 5))
    if mean is None or variance is None or norm.args[5]:
        return False  # normalises by the batch itself
    weight, bias = _tensor(network, before, 1), _tensor(network, before, 2)
    if weight is None:
        return False
    epsilon = float(norm.args[7])  # type: ignore[arg-type]
    scale = (variance + epsilon).rsqrt()
    if gain is not None:
        scale = scale * gain
    new_weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
    new_bias = ((0 if bias is None else bias) - mean) * scale + (0 if shift is None else shift)
    arguments = list(before.args) + [None] * (3 - len(before.args))
    with network.graph.inserting_before(before):
        arguments[1] = _new(network, f"{before.name}_weight_folded", new_weight)
        arguments[2] = _new(network, f"{before.name}_bias_folded", new_bias)
    before.args = tuple(arguments)
    norm.replace_all_uses_with(before)
    network.graph.erase_node(norm)
    return True


def _tensor(network: fx.GraphModule, node: fx.Node, place: int) -> Tensor | None:
    """Return the parameter at a place of a node's arguments, in double precision."""
    source = node.args[place] if place < len(node.args) else None
    if not isinstance(source, fx.Node) or source.op != "get_attr":
        return None
    found: object = network
    for part in str(source.target).split("."):
        found = getattr(found, part)
    return found.detach().double() if isinstance(found, Tensor) else None


def _forget_unused(network: fx.GraphModule) -> None:
    """Remove the tensors that nothing reads any more."""
    network.graph.eliminate_dead_code()
    used = {str(node.target) for node in network.graph.nodes if node.op == "get_attr"}
    held = [name for name, _ in (*network.named_parameters(), *network.named_buffers())]
    for name in held:
        if name not in used:
            owner, _, leaf = name.rpartition(".")
            delattr(network.get_submodule(owner), leaf)


def _new(network: fx.GraphModule, name: str, value: Tensor) -> fx.Node:
    network.register_parameter(name, nn.Parameter(value.float().contiguous(), requires_grad=False))
    return network.graph.get_attr(name)
