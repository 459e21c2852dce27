"""The stages of any network: what works at one size of the maps, from the first to the classifier.

They are found by one forward pass, so they need no knowledge of a family.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from nas.finetune.errors import FinetuneError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from searchspaces import Task

GRID = 4  # maps of earlier stages are averaged to so many pixels a side before a classifier


@dataclass(frozen=True, slots=True)
class Stage:
    """Modules that own parameters, in the order in which they run, and the side of their maps."""

    modules: tuple[str, ...]
    side: int


@dataclass(frozen=True, slots=True)
class Stages:
    """The body's stages, the classifier, and modules that run in training only.

    ``order`` has all modules without children that run in evaluation, as they first do.
    """

    body: tuple[Stage, ...]
    head: str
    idle: tuple[str, ...]
    order: tuple[str, ...]

    def parameters(self, model: nn.Module, modules: Iterable[str]) -> list[str]:
        """Return the names of the parameters that the modules own."""
        parts = dict(model.named_modules())
        return [
            f"{name}.{own}" if name else own
            for name in modules
            for own, _ in parts[name].named_parameters(recurse=False)
        ]


def find_stages(model: nn.Module, task: Task) -> Stages:
    """Return the stages of a network for images of ``task``; it is left as it was.

    A stage ends where maps become smaller and stay so: the gate of a squeeze-and-excitation, which
    looks at a whole map for a moment, belongs to the stage of the map that it is for. Raises
    FinetuneError where the last module with parameters is no classifier of ``task.classes``
    classes.
    """
    owners = {
        name: part
        for name, part in model.named_modules()
        if any(True for _ in part.parameters(recurse=False))
    }
    ran: dict[str, tuple[int, ...]] = {}
    order: dict[str, None] = {}

    def note(name: str, out: Any) -> None:
        order.setdefault(name)
        if name in owners:
            ran.setdefault(name, tuple(_first(out).shape))

    hooks = [
        part.register_forward_hook(lambda _module, _inputs, out, name=name: note(name, out))
        for name, part in model.named_modules()
        if name in owners or not any(True for _ in part.children())
    ]
    try:
        _blank(model, task)
    finally:
        for hook in hooks:
            hook.remove()
    *body, head = ran
    if ran[head][1:2] != (task.classes,):
        raise FinetuneError(
            f"its last layer, {head!r}, gives {ran[head][1:]} and not {task.classes} classes"
        )
    sides = [min(ran[name][2:], default=1) for name in body]
    largest = list(accumulate(reversed(sides), max))[::-1]  # from here on
    stages: list[Stage] = []
    for name, side, coming in zip(body, sides, largest, strict=True):
        if not stages or (side < stages[-1].side and side == coming):
            stages.append(Stage((name,), side))
        else:
            stages[-1] = Stage((*stages[-1].modules, name), stages[-1].side)
    if len(stages) > 1 and stages[-1].side == 1 and _passed(model, task, stages[-1].modules, head):
        gate = stages.pop().modules
        stages[-1] = Stage((*stages[-1].modules, *gate), stages[-1].side)
    idle = tuple(name for name in owners if name not in ran)
    return Stages(tuple(stages), head, idle, tuple(order))


def features(model: nn.Module, stages: Stages, batches: Iterable[Tensor]) -> list[Tensor]:
    """Return what each stage hands on, (images, features): what a classifier there would see.

    The last is what the network's own classifier sees. Maps are averaged to 4x4 pixels.
    """
    readers = [stage.modules[0] for stage in stages.body[1:]] + [stages.head]
    parts = dict(model.named_modules())
    seen: dict[str, Tensor] = {}
    found: list[list[Tensor]] = [[] for _ in readers]
    hooks = [
        parts[name].register_forward_pre_hook(
            lambda _m, inputs, name=name: seen.__setitem__(name, inputs[0])
        )
        for name in readers
    ]
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                model(batch)
                for place, name in enumerate(readers):
                    found[place].append(_flat(seen[name]))
    finally:
        for hook in hooks:
            hook.remove()
    return [torch.cat(parts) for parts in found]


def _flat(x: Tensor) -> Tensor:
    if x.ndim == 4 and min(x.shape[2:]) > GRID:
        x = functional.adaptive_avg_pool2d(x, GRID)
    return x.flatten(1).float()


def _first(out: Any) -> Tensor:
    first: Tensor = out[0] if isinstance(out, tuple) else out
    return first


def _passed(model: nn.Module, task: Task, modules: Iterable[str], head: str) -> bool:
    """Return whether an image reaches the classifier by another way than through the modules.

    So it does past the gate of a squeeze-and-excitation, not past a hidden layer. With the modules
    cut out of it, the graph of autograd says so, for meta tensors too.
    """
    parts = dict(model.named_modules())
    reached: list[bool] = []
    hooks = [
        parts[name].register_forward_hook(lambda _module, _inputs, out: _first(out).detach())
        for name in modules
    ]
    hooks.append(
        parts[head].register_forward_pre_hook(
            lambda _module, inputs: reached.append(inputs[0].requires_grad)
        )
    )
    wanted = {parameter: parameter.requires_grad for parameter in model.parameters()}
    model.requires_grad_(False)
    try:
        _blank(model, task, traced=True)
    finally:
        for hook in hooks:
            hook.remove()
        for parameter, before in wanted.items():
            parameter.requires_grad_(before)
    return any(reached)


def _blank(model: nn.Module, task: Task, *, traced: bool = False) -> None:
    """Show the network a black image, in evaluation, and put its modules back to their modes.

    ``traced`` makes autograd follow the image.
    """
    modes = {part: part.training for part in model.modules()}
    device = next(model.parameters()).device
    image = torch.zeros(1, task.channels, task.height, task.width, device=device)
    try:
        with torch.set_grad_enabled(traced):
            model.eval()(image.requires_grad_(traced))
    finally:
        for part, mode in modes.items():
            part.training = mode
