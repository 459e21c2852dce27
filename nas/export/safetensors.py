"""The weights as one safetensors file, under the names of the network that was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from nas.export import Exporter, ExportError, Subject
from nas.export.card import read_card
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Safetensors(Exporter):
    """Weights and batch statistics by name, readable without running any code."""

    name = "safetensors"
    file = "weights.safetensors"

    def write(self, folder: Path, subject: Subject) -> None:
        """Write every parameter and buffer."""
        tensors = {name: value.contiguous() for name, value in subject.model.state_dict().items()}
        # One entry only: more come out in an order that changes from run to run.
        save_file(tensors, str(folder / self.file), metadata={"format": "pt"})
        (folder / self.file).chmod(0o644)  # safetensors leaves it to its owner alone

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Rebuild the network from the model card's data and give it the weights."""
        card, arch, task, scale = read_card(folder)
        try:
            model = SPACES.create(arch.space, card.space_options).build(arch, task, scale)
            model.load_state_dict(load_file(str(folder / self.file)))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise ExportError(f"{self.file} does not fit the architecture: {error}") from error
        model.eval()
        with torch.no_grad():
            return [model(batch) for batch in batches]
