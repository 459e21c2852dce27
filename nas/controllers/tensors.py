"""Tensors as JSON text and back, exactly: what a controller's snapshot keeps of its network."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import torch
from torch import Tensor


def pack(tensor: Tensor) -> dict[str, Any]:
    """Return the tensor's type, shape and little-endian bytes in base 64."""
    array = tensor.detach().cpu().contiguous().numpy()
    text = base64.b64encode(array.tobytes()).decode("ascii")
    return {"dtype": str(array.dtype), "shape": list(array.shape), "data": text}


def unpack(data: dict[str, Any]) -> Tensor:
    """Return the tensor that ``pack`` wrote."""
    raw = base64.b64decode(data["data"])
    array = np.frombuffer(raw, dtype=data["dtype"]).reshape(data["shape"])
    return torch.from_numpy(array.copy())


def pack_tree(value: Any) -> Any:
    """Return ``value`` as JSON data, with every tensor in it packed."""
    if isinstance(value, Tensor):
        return {"tensor": pack(value)}
    if isinstance(value, dict):
        return {"dict": [[key, pack_tree(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [pack_tree(item) for item in value]}
    return value


def unpack_tree(value: Any) -> Any:
    """Return what ``pack_tree`` was given (tuples as lists)."""
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return unpack(value["tensor"])
    if "dict" in value:
        return {key: unpack_tree(item) for key, item in value["dict"]}
    return [unpack_tree(item) for item in value["list"]]
