"""Parameters, multiply-adds, activation memory and receptive field of a network, and by layer.

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

from nas.activations import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nas.activations import Field
    from searchspaces import Task

CONTAINERS = (nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One part of a network: output is (channels, height, width) or (classes,).

    ``memory`` is the bytes of all results that the part computes for one image, those inside it
    too; ``receptive_field`` the pixels (height, width) of the image that one value of its output
    depends on, those of padding included.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    params: int
    madds: int
    memory: int
    receptive_field: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a network costs at inference: parameters, multiply-adds an image, and by part.

    Parts that only training runs (the auxiliary classifier) are not counted. Multiply-adds are
    those of convolutions and linear layers, as the papers count them.

    ``memory_peak`` is the most bytes of activations, the image included, alive at once while one
    image runs through; it depends on the order in which the network computes. ``memory_sum`` is
    the bytes of all results together. Neither counts weights, indices of maxima or the work space
    of kernels (see :mod:`nas.activations`). ``receptive_field`` is that of the last maps before
    the classifier averages them, in pixels (height, width); it may be larger than the image.
    """

    params: int
    madds: int
    layers: tuple[LayerRow, ...]
    memory_peak: int
    memory_sum: int
    receptive_field: tuple[int, int]


def profile(model: nn.Module, task: Task, *, open_sequences: bool = False) -> Profile:
    """Return the profile of ``model`` for images of ``task``; the model is left as it was.

    Its parts are its children, those of lists and, with ``open_sequences``, of sequences in turn.
    """
    parts = _parts(model, (*CONTAINERS, nn.Sequential) if open_sequences else CONTAINERS)
    tensors = {
        name: tensor.to("meta")
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    image = torch.empty(1, task.channels, task.height, task.width, dtype=dtype, device="meta")
    seen = _Seen(Watch(image, list(tensors.values())), {}, {}, {})
    hooks = [
        hook
        for name, part in parts.items()
        for hook in (
            part.register_forward_pre_hook(lambda *_, name=name: seen.begin(name)),
            part.register_forward_hook(
                lambda _module, _args, output, name=name: seen.end(name, output)
            ),
        )
    ]
    hooks += [
        module.register_forward_hook(seen.work)
        for module in model.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    try:
        with _evaluating(model), torch.no_grad(), seen.watch:
            functional_call(model, tensors, (image,), strict=False)
    finally:
        for hook in hooks:
            hook.remove()
    rows = tuple(_row(name, parts[name], seen) for name in seen.outputs)
    return Profile(
        params=_ran(model, parts, seen.outputs),
        madds=sum(seen.madds.values()),
        layers=rows,
        memory_peak=seen.watch.peak,
        memory_sum=seen.watch.sum,
        receptive_field=_pixels(seen.watch.pooled)
        if seen.watch.pooled
        else rows[-1].receptive_field,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the hooks of one forward pass note, by part; multiply-adds by module."""

    watch: Watch
    madds: dict[nn.Module, int]
    outputs: dict[str, tuple[int, ...]]
    fields: dict[str, tuple[int, int]]

    def begin(self, name: str) -> None:
        self.watch.counted = name

    def end(self, name: str, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        self.watch.counted = ""
        self.outputs[name] = tuple(first.shape[1:])
        field = self.watch.field(first)
        self.fields[name] = _pixels(field) if field else (0, 0)

    def work(self, module: nn.Module, _args: Any, output: Tensor) -> None:
        self.madds[module] = self.madds.get(module, 0) + _multiply_adds(module, output)


def _pixels(field: Field) -> tuple[int, int]:
    return field[0].pixels, field[1].pixels


def _parts(model: nn.Module, opened: tuple[type[nn.Module], ...]) -> dict[str, nn.Module]:
    """Return the children of a network, containers opened, by name."""
    found: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        if isinstance(child, opened):
            found |= {f"{name}.{inner}": part for inner, part in child.named_children()}
        else:
            found[name] = child
    return found


def _ran(model: nn.Module, parts: dict[str, nn.Module], outputs: dict[str, Any]) -> int:
    """Count the parameters, shared ones once, without those of parts that did not run."""
    idle = {id(p) for name, part in parts.items() if name not in outputs for p in part.parameters()}
    used = {id(p) for name in outputs for p in parts[name].parameters()}
    return sum(p.numel() for p in model.parameters() if id(p) in used or id(p) not in idle)


def _row(name: str, part: nn.Module, seen: _Seen) -> LayerRow:
    return LayerRow(
        name=name,
        kind=str(getattr(part, "kind", type(part).__name__)),
        output=seen.outputs[name],
        params=sum(p.numel() for p in part.parameters()),
        madds=sum(seen.madds.get(module, 0) for module in part.modules()),
        memory=seen.watch.produced.get(name, 0),
        receptive_field=seen.fields[name],
    )


def _multiply_adds(module: nn.Module, output: Tensor) -> int:
    """Return the multiply-adds for one image: weights read for each number that comes out."""
    numbers = math.prod(output.shape[1:])
    if isinstance(module, nn.Conv2d):
        kernel = module.kernel_size[0] * module.kernel_size[1]
        return numbers * kernel * (module.in_channels // module.groups)
    if isinstance(module, nn.Linear):
        return numbers * module.in_features
    raise TypeError(f"no multiply-adds known for {type(module).__name__}")


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
