"""The weights as one safetensors file, under the names of the network that was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors.torch import save_file

from nas.export import Exporter, Subject
from nas.export.compare import outputs
from nas.export.restore import WEIGHTS, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

USAGE = """`weights.safetensors` is the state dict of the network, without any pickle:
`network.load_state_dict(safetensors.torch.load_file("weights.safetensors"))`. With Nasturtium
installed, `nas.export.load(folder).model` is the network with its weights."""


class Safetensors(Exporter):
    """Weights and batch statistics by name, readable without running any code.

    This is the state dict; there is no second file of it, and no pickle.
    """

    name = "safetensors"
    file = WEIGHTS

    def write(self, folder: Path, subject: Subject) -> None:
        """Write every parameter and buffer."""
        save(folder / self.file, subject.model.state_dict())

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Rebuild the network from the model card's data and give it the weights."""
        return outputs(load(folder).model, batches)

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE


def save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors to a safetensors file."""
    # clone: two names of one tensor are two entries, as in a state dict.
    apart = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    # One entry only: more come out in an order that changes from run to run.
    save_file(apart, str(path), metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors leaves it to its owner alone
