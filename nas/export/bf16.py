"""Weights in bfloat16: half the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nas.export.stored import Stored

if TYPE_CHECKING:
    from torch import Tensor

USAGE = """`weights-bf16.safetensors` is the state dict in half the bytes. `load_state_dict` makes
float32 of it again, so that it saves disk and transfer, not time. Where there is a `model.py`:
`model.load("weights-bf16.safetensors")`."""


class BFloat16(Stored):
    """Weights in bfloat16: half the bytes, not less time; the card says what it costs."""

    name = "bf16"
    file = "weights-bf16.safetensors"

    def encoded(self, name: str, weight: Tensor) -> dict[str, Tensor]:
        """Return the weight with 8 bits after the first."""
        return {name: weight.to(torch.bfloat16)}

    def decoded(self, weight: Tensor) -> Tensor:
        """Return the weight rounded."""
        return weight.to(torch.bfloat16).float()

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE
