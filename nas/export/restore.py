"""Reads an exported folder back: the model card's data says how to build, then the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nas.export import ExportError, Subject
from nas.export.card import read_card
from nas.zoo import ZooError
from nas.zoo.catalog import ZOO
from searchspaces.catalog import SPACES
from searchspaces.errors import SpaceError
from searchspaces.registry import RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

    from nas.export.card import Content

WEIGHTS = "weights.safetensors"


def load(folder: Path) -> Subject:
    """Return the trained network of a folder, in evaluation mode on the CPU."""
    content = read_card(folder)
    model = built(content)
    fill(model, read_tensors(folder / WEIGHTS), WEIGHTS)
    return Subject(model, content.arch, content.task, content.scale, content.card)


def built(content: Content) -> nn.Module:
    """Return the network that a model card describes, with fresh weights, in evaluation mode."""
    try:
        if content.arch is not None and content.scale is not None:
            space = SPACES.create(content.arch.space, content.card.space_options)
            return space.build(content.arch, content.task, content.scale).eval()
        return ZOO.create(content.card.zoo or "").build(content.task).eval()
    except (RegistryError, SpaceError, ZooError, KeyError) as error:
        raise ExportError(f"the network of the model card cannot be built: {error}") from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; raise ExportError where it is none."""
    try:
        return load_file(str(path))
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{path.name} is not a file of weights: {error}") from error


def fill(model: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    """Give a network all its weights; raise ExportError where they are not those of it."""
    try:
        with torch.no_grad():
            model.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise ExportError(f"{name} does not fit the network: {first}") from error
