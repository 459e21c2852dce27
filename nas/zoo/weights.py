"""Reads weights from a file into a network of the zoo: safetensors, or what torch.save wrote.

Nothing in the file is run: a file of torch.save is read with ``weights_only``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nas.zoo import ZooError
from nas.zoo.timm import load_timm
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

NESTED = ("state_dict", "model")  # keys under which checkpoints of others keep the weights


def read_weights(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name; raise ZooError where it holds no plain weights."""
    try:
        if file.suffix == ".safetensors":
            return load_file(str(file))
        found: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError) as error:
        text = getattr(error, "strerror", None) or error
        raise ZooError(f"weights: {file} cannot be read: {text}") from error
    except Exception as error:  # unpickling has errors of its own, and of many types
        raise ZooError(f"weights: {file} holds more than weights, or no plain weights") from error
    for key in NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(torch.is_tensor(t) for t in found.values()):
        raise ZooError(f"weights: {file} holds no weights by name")
    return {str(name): tensor for name, tensor in found.items()}


def load_weights(model: nn.Module, file: Path) -> None:
    """Give a network all weights of a file, under its own names or timm's.

    Raises ZooError naming a tensor that is missing, left over or of another shape.
    """
    tensors = read_weights(file)
    own = model.state_dict()
    if isinstance(model, CellNetwork) and not set(own) & set(tensors):
        load_timm(model, tensors)
        return
    wrong = [
        *(f"{name} is missing" for name in own if name not in tensors),
        *(f"there is no place for {name}" for name in tensors if name not in own),
        *(
            f"{name} is {tuple(tensors[name].shape)}, allowed is {tuple(tensor.shape)}"
            for name, tensor in own.items()
            if name in tensors and tensors[name].shape != tensor.shape
        ),
    ]
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise ZooError(f"weights: {file.name} is of another network: {wrong[0]}{more}")
    model.load_state_dict(tensors)
