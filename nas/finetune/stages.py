"""The stages of any network: what works at one size of the maps, from the first to the classifier.

They are found by one forward pass, so they need no knowledge of a family.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """The body's stages, the classifier, and modules that run in training only."""

    body: tuple[Stage, ...]
    head: str
    idle: tuple[str, ...]

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

    A stage ends where a map is smaller than all before it. Raises FinetuneError where the last
    module with parameters is no classifier of ``task.classes`` classes.
    """
    owners = {
        name: part
        for name, part in model.named_modules()
        if any(True for _ in part.parameters(recurse=False))
    }
    ran: dict[str, tuple[int, ...]] = {}

    def note(name: str, out: Any) -> None:
        ran.setdefault(name, tuple(_first(out).shape))

    hooks = [
        part.register_forward_hook(lambda _module, _inputs, out, name=name: note(name, out))
        for name, part in owners.items()
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
    stages: list[Stage] = []
    for name in body:
        side = min(ran[name][2:], default=1)
        if not stages or side < stages[-1].side:
            stages.append(Stage((name,), side))
        else:
            stages[-1] = Stage((*stages[-1].modules, name), stages[-1].side)
    return Stages(tuple(stages), head, tuple(name for name in owners if name not in ran))


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


def _blank(model: nn.Module, task: Task) -> None:
    """Show the network a black image, in evaluation, and put its modules back to their modes."""
    modes = {part: part.training for part in model.modules()}
    device = next(model.parameters()).device
    image = torch.zeros(1, task.channels, task.height, task.width, device=device)
    try:
        with torch.no_grad():
            model.eval()(image)
    finally:
        for part, mode in modes.items():
            part.training = mode
