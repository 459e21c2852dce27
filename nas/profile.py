"""Parameters and multiply-adds of a network, in all and by layer, without running it for real.

A forward pass on the meta device computes shapes only: it allocates nothing and takes
milliseconds even for networks that would not fit into memory.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from searchspaces import Task

CONTAINERS = (nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One part of a network: output is (channels, height, width) or (classes,)."""

    name: str
    kind: str
    output: tuple[int, ...]
    params: int
    madds: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What a network costs at inference: parameters, multiply-adds an image, and by part.

    Parts that only training runs (the auxiliary classifier) are not counted. Multiply-adds are
    those of convolutions and linear layers, as the papers count them.
    """

    params: int
    madds: int
    layers: tuple[LayerRow, ...]


def profile(model: nn.Module, task: Task) -> Profile:
    """Return the profile of ``model`` for images of ``task``; the model is left as it was."""
    parts = _parts(model)
    madds: dict[nn.Module, int] = {}
    outputs: dict[str, tuple[int, ...]] = {}

    def count(module: nn.Module, _args: Any, output: Tensor) -> None:
        madds[module] = madds.get(module, 0) + _multiply_adds(module, output)

    hooks = [
        module.register_forward_hook(count)
        for module in model.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    hooks += [
        part.register_forward_hook(
            lambda _module, _args, output, name=name: outputs.update({name: _shape(output)})
        )
        for name, part in parts.items()
    ]
    try:
        with _evaluating(model), torch.no_grad():
            _meta_forward(model, task)
    finally:
        for hook in hooks:
            hook.remove()
    rows = tuple(_row(name, parts[name], shape, madds) for name, shape in outputs.items())
    return Profile(_ran(model, parts, outputs), sum(madds.values()), rows)


def _parts(model: nn.Module) -> dict[str, nn.Module]:
    """Return the children of a network, containers opened, by name."""
    found: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        if isinstance(child, CONTAINERS):
            found |= {f"{name}.{inner}": part for inner, part in child.named_children()}
        else:
            found[name] = child
    return found


def _ran(model: nn.Module, parts: dict[str, nn.Module], outputs: dict[str, Any]) -> int:
    """Count the parameters, shared ones once, without those of parts that did not run."""
    idle = {id(p) for name, part in parts.items() if name not in outputs for p in part.parameters()}
    used = {id(p) for name in outputs for p in parts[name].parameters()}
    return sum(p.numel() for p in model.parameters() if id(p) in used or id(p) not in idle)


def _row(
    name: str, part: nn.Module, shape: tuple[int, ...], madds: dict[nn.Module, int]
) -> LayerRow:
    kind = str(getattr(part, "kind", type(part).__name__))
    params = sum(p.numel() for p in part.parameters())
    return LayerRow(name, kind, shape, params, sum(madds.get(m, 0) for m in part.modules()))


def _multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Return the multiply-adds for one image: weights read for each number that comes out."""
    numbers = math.prod(output.shape[1:])
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return numbers * kernel * (module.in_channels // module.groups)
    if isinstance(module, nn.Linear):
        return numbers * module.in_features
    raise TypeError(f"no multiply-adds known for {type(module).__name__}")


def _shape(output: Any) -> tuple[int, ...]:
    first = output[0] if isinstance(output, tuple) else output
    return tuple(first.shape[1:])


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Switch to evaluation, and every module back to what it was."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _meta_forward(model: nn.Module, task: Task) -> None:
    """Run one image of no content through the shapes of the model's own tensors."""
    tensors = {
        name: tensor.to("meta")
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    image = torch.empty(1, task.channels, task.height, task.width, dtype=dtype, device="meta")
    functional_call(model, tensors, (image,), strict=False)
