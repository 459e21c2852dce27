"""A network of the zoo as the subject of an export: its weights, its classes, its card."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from nas.export import ExportError, Subject
from nas.export.facts import Card
from nas.profile import profile
from nas.seeding import seeded
from nas.zoo.catalog import ZOO
from nas.zoo.sized import SizedModel
from nas.zoo.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from searchspaces import Task

# Of ImageNet's training images, by channel; torchvision and timm divide by these.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FRESH = "fresh: it was not trained"


def zoo_subject(
    name: str,
    *,
    size: int | None = None,
    classes: Sequence[str] | int | None = None,
    weights: Path | None = None,
) -> Subject:
    """Return a network of the zoo, by default for pixels and classes of its paper.

    ``classes`` are names or a number. Without ``weights`` it has fresh ones, the same every time.
    Raises RegistryError for an unknown name, ZooError for a size or weights that do not fit.
    """
    entry = ZOO.create(name)
    names = _names(classes, entry.task.classes)
    side = {} if size is None else {"height": size, "width": size}
    task = replace(entry.task, classes=len(names), **side)
    with seeded(0, torch.device("cpu")):
        model = entry.build(task).eval()
    if weights is not None:
        load_weights(model, weights)
    cost = profile(model, task)
    fields = {
        "title": entry.title,
        "zoo": name,
        "classes": names,
        **_statistics(task),
        "metrics": {"params": float(cost.params), "madds": float(cost.madds)},
        "search": {
            "network": entry.title,
            "year": str(entry.year),
            "idea": entry.idea,
            "paper": entry.paper.citation,
        },
        "data": {"mean and std": "assumed, those of ImageNet" if task.channels == 3 else "assumed"},
        "training": {"weights": FRESH if weights is None else _described(weights)},
    }
    card = Card.of(fields, task)
    if isinstance(entry, SizedModel):
        return Subject(model, entry.arch, task, entry.scale, card)
    return Subject(model, None, task, None, card)


def _names(classes: Sequence[str] | int | None, usual: int) -> tuple[str, ...]:
    if classes is None or isinstance(classes, int):
        count = usual if classes is None else classes
        classes = [f"class {number}" for number in range(count)]
    if len(classes) < 2:
        raise ExportError(f"classes: {len(classes)} (allowed: 2 or more)")
    return tuple(classes)


def _statistics(task: Task) -> dict[str, tuple[float, ...]]:
    if task.channels == len(IMAGENET_MEAN):
        return {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    return {"mean": (0.5,) * task.channels, "std": (0.5,) * task.channels}


def _described(weights: Path) -> str:
    with weights.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{weights.name}, sha256 {digest}"
