"""Trained weights put into a network with a new classifier."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from nas.finetune.errors import FinetuneError
from nas.normalisation import Statistics
from nas.training.blueprint import Blueprint
from nas.zoo import ZooError
from nas.zoo.sized import SizedModel
from nas.zoo.timm import counted_as
from nas.zoo.weights import are_timms, own_names
from nas.zoo.weights import read_weights as read_file
from searchspaces.layers import count_padding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from nas.finetune.stages import Stages
    from searchspaces import Task


@dataclass(frozen=True, slots=True)
class Start:
    """A trained network: what it is, its weights, its images, and how they were normalised.

    ``statistics`` is None where that is not known; ``title`` names it for the card.
    """

    blueprint: Blueprint
    weights: Mapping[str, Tensor]
    task: Task
    statistics: Statistics | None
    title: str

    def digest(self) -> str:
        """Return a sha256 of the weights, their names, and how the images were normalised."""
        found = hashlib.sha256(repr(self.statistics).encode())
        for name, value in sorted(self.weights.items()):
            found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            found.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()


def from_folder(folder: Path) -> Start:
    """Return the network of an exported folder.

    Raises ExportError where it is none, FinetuneError where it has not one classifier to replace.
    """
    from nas.export import load

    subject = load(folder)
    _refuse(subject.model)
    card = subject.card
    return Start(
        Blueprint.exported(subject),
        subject.model.state_dict(),
        subject.task,
        Statistics(card.mean, card.std),
        card.title,
    )


def from_weights(blueprint: Blueprint, file: Path) -> Start:
    """Return a network of the zoo with the weights of a file (.safetensors, .pt or .pth).

    Raises FinetuneError where the file cannot be read, weights of timm do not fit, the network
    has no name, or not one classifier to replace.
    """
    from nas.zoo.catalog import ZOO

    if blueprint.zoo is None:
        raise FinetuneError("weights in a file need a network of the zoo")
    entry = ZOO.create(blueprint.zoo)
    known = "imagenet" in entry.paper.dataset.lower() and entry.task.channels == 3
    with torch.device("meta"):
        model = entry.build(entry.task)
    _refuse(model)
    given = read_weights(file)
    if isinstance(entry, SizedModel) and are_timms(model, given):
        count_padding(model)
        size = {"architecture": entry.arch.to_json(), "scale": counted_as(entry.scale, model)}
        blueprint = blueprint.model_copy(update=size)
    try:
        weights = own_names(model, given)
    except ZooError as error:
        raise FinetuneError(f"weights: {file.name}: {error}") from error
    return Start(
        blueprint,
        weights,
        entry.task,
        entry.statistics if known else None,
        f"{blueprint.title}, {file.name}",
    )


def _refuse(model: nn.Module) -> None:
    """Raise FinetuneError, with the reason, for a network without one classifier to replace."""
    from nas.zoo.ensembles import Ensemble
    from nas.zoo.lenet import Distances

    if isinstance(model, Ensemble):
        raise FinetuneError(
            "the members of an ensemble have a classifier each: fine-tune them one by one"
        )
    if any(isinstance(part, Distances) for part in model.modules()):
        raise FinetuneError(
            "its last layer measures distances to fixed codes of its classes and has no weights "
            "that could learn others; lenet5 has a linear one"
        )


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; nothing in it is run. Raises FinetuneError."""
    try:
        return read_file(file)
    except ZooError as error:
        raise FinetuneError(str(error)) from error


@torch.no_grad()
def put(weights: Mapping[str, Tensor], model: nn.Module, stages: Stages) -> None:
    """Copy trained weights into a network; its classifier, and what never runs, may stay fresh.

    Raises FinetuneError where a layer of the body is missing or has another shape.
    """
    fresh = tuple(f"{name}." for name in (stages.head, *stages.idle))
    for name, value in model.state_dict().items():
        uncounted = name not in weights and name.endswith("num_batches_tracked")
        if name.startswith(fresh) or uncounted:
            continue
        if name not in weights:
            raise FinetuneError(f"the weights have no {name!r}: they are of another network")
        given = weights[name]
        if given.shape != value.shape:
            raise FinetuneError(
                f"{name} is {tuple(given.shape)} in the weights and {tuple(value.shape)} in the "
                "network for these images: give the image size that it was trained for"
            )
        value.copy_(given)
