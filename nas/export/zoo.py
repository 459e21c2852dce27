"""A network of the zoo as the subject of an export: its weights, its classes, its card."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import torch

from nas.export import ExportError, Subject
from nas.export.facts import Card
from nas.normalisation import IMAGENET, Statistics
from nas.profile import profile
from nas.seeding import seeded
from nas.zoo.catalog import ZOO
from nas.zoo.sized import SizedModel
from nas.zoo.timm import counted_as
from nas.zoo.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nas.zoo import ZooModel
    from searchspaces import Task

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
    statistics, known = _statistics(entry, task)
    fields = {
        "title": entry.title,
        "zoo": name,
        "classes": names,
        **asdict(statistics),
        "metrics": {"params": float(cost.params), "madds": float(cost.madds)},
        "search": {
            "network": entry.title,
            "year": str(entry.year),
            "idea": entry.idea,
            "paper": entry.paper.citation,
        },
        "data": {"mean and std": known},
        "training": {"weights": FRESH if weights is None else _described(weights)},
    }
    card = Card.of(fields, task)
    if isinstance(entry, SizedModel):
        return Subject(model, entry.arch, task, counted_as(entry.scale, model), card)
    return Subject(model, None, task, None, card)


def _names(classes: Sequence[str] | int | None, usual: int) -> tuple[str, ...]:
    if classes is None or isinstance(classes, int):
        count = usual if classes is None else classes
        classes = [f"class {number}" for number in range(count)]
    if len(classes) < 2:
        raise ExportError(f"classes: {len(classes)} (allowed: 2 or more)")
    return tuple(classes)


def _statistics(entry: ZooModel, task: Task) -> tuple[Statistics, str]:
    """Return by what images are normalised, and how that is known, in words."""
    if task.channels != len(entry.statistics.mean):
        return Statistics((0.5,) * task.channels, (0.5,) * task.channels), "assumed"
    of_imagenet = entry.statistics == IMAGENET
    whose = "ImageNet" if of_imagenet else "the released weights: pixels from -1 to 1"
    return entry.statistics, f"assumed, those of {whose}"


def _described(weights: Path) -> str:
    with weights.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{weights.name}, sha256 {digest}"
