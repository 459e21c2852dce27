"""Reads weights from a file into a network of the zoo: safetensors, or what torch.save wrote.

Nothing in the file is run: a file of torch.save is read with ``weights_only``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from nas.zoo import ZooError
from nas.zoo.timm import COUNTER, in_our_names, load_timm
from searchspaces.network import CellNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

# Files of torchvision older than 2018 call a normalisation "norm.1" that is now "norm1".
OLD = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")
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


def are_timms(model: nn.Module, tensors: Mapping[str, Tensor]) -> bool:
    """Whether weights for a network of cells are under other names than its own, so timm's."""
    return isinstance(model, CellNetwork) and not set(model.state_dict()) & set(tensors)


def own_names(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names that ``model`` has for them, as far as it has them.

    Raises ZooError for timm's where a tensor is missing, left over or of another shape.
    """
    if are_timms(model, tensors):
        return in_our_names(model, tensors)
    own = model.state_dict()
    found = {name if name in own else OLD.sub(r"\1\2", name): t for name, t in tensors.items()}
    counters = (name for name in own if name.endswith(COUNTER))
    return {name: torch.zeros((), dtype=torch.long) for name in counters} | found


def load_weights(model: nn.Module, file: Path) -> None:
    """Give a network all weights of a file, under its own names, torchvision's old ones or timm's.

    Raises ZooError naming a tensor that is missing, left over or of another shape.
    """
    given = read_weights(file)
    if are_timms(model, given):
        load_timm(model, given)
        return
    tensors, own = own_names(model, given), model.state_dict()
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
