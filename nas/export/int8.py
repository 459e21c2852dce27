"""Weights in eight bits with a scale for each filter: a quarter of the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nas.export.standalone import FACTOR
from nas.export.stored import Stored

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 127

USAGE = """`weights-int8.safetensors` is the state dict in about a quarter of the bytes: whole
numbers from -127 to 127 and, under the name with `.int8_scale`, what each filter is multiplied by.
The network computes in float32 as before, so that it saves disk and transfer, not time. Where there
is a `model.py`: `model.load("weights-int8.safetensors")`; with Nasturtium:
`nas.export.standalone.read_safetensors`."""


class Int8(Stored):
    """Weights in eight bits, a scale a filter: a quarter of the bytes, not less time."""

    name = "int8"
    file = "weights-int8.safetensors"

    def encoded(self, name: str, weight: Tensor) -> dict[str, Tensor]:
        """Return whole numbers and the scale of each output channel."""
        numbers, scale = quantised(weight)
        return {name: numbers, name + FACTOR: scale}

    def decoded(self, weight: Tensor) -> Tensor:
        """Return the weight rounded."""
        numbers, scale = quantised(weight)
        return numbers.float() * scale

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 numbers and scales, (outputs, 1, ...), whose product is nearest to a weight."""
    largest = weight.abs().amax(dim=tuple(range(1, weight.dim())), keepdim=True)
    # A filter of zeros has any scale.
    scale = torch.where(largest > 0, largest / LARGEST, torch.ones_like(largest))
    return (weight / scale).round().clamp(-LARGEST, LARGEST).to(torch.int8), scale
