"""What the formats with fewer bits a weight share: which tensors are rounded, and reading back."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import TYPE_CHECKING

from nas.export import Exporter, ExportError, Subject
from nas.export.card import read_card
from nas.export.compare import outputs
from nas.export.restore import built, fill
from nas.export.safetensors import save
from nas.export.standalone import read_safetensors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn


class Stored(Exporter):
    """A file of weights with fewer bits; they are float32 again once they are loaded.

    The filters of convolutions and the matrices of linear layers are rounded. Biases, batch
    statistics and all else of one dimension stay as they are: they are few and sensitive.
    """

    lossy = True

    @abstractmethod
    def encoded(self, name: str, weight: Tensor) -> dict[str, Tensor]:
        """Return the tensors to be written for one weight of two or more dimensions."""

    @abstractmethod
    def decoded(self, weight: Tensor) -> Tensor:
        """Return a weight as a reader of the file gets it, in float32."""

    def write(self, folder: Path, subject: Subject) -> None:
        """Write every parameter and buffer, the large ones rounded."""
        tensors: dict[str, Tensor] = {}
        for name, value in subject.model.state_dict().items():
            tensors |= self.encoded(name, value) if _rounded(value) else {name: value}
        save(folder / self.file, tensors)

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Rebuild the network from the model card's data and give it the weights."""
        model = built(read_card(folder))
        try:
            tensors = read_safetensors(folder / self.file)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ExportError(f"{self.file} is not a file of weights: {error}") from error
        fill(model, tensors, self.file)
        return outputs(model, batches)

    def kept(self, model: nn.Module) -> nn.Module:
        """Return a copy with the weights that a reader of the file gets."""
        changed = copy.deepcopy(model)
        tensors = model.state_dict().items()
        fill(changed, {n: self.decoded(t) if _rounded(t) else t for n, t in tensors}, self.file)
        return changed


def _rounded(value: Tensor) -> bool:
    return value.is_floating_point() and value.dim() > 1
