"""The torch.export program with batch normalisation folded into the convolutions before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.export import Exporter, Subject
from nas.export.folding import folded
from nas.export.program import run_program, save_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

USAGE = """`model-folded.pt2` is the same network for inference alone: batch normalisation is part
of the convolutions, so there is less to compute. It is loaded as `model.pt2` is:
`torch.export.load("model-folded.pt2").module()`."""


class Folded(Exporter):
    """A torch.export program for inference: batch normalisation is part of the convolutions."""

    name = "folded"
    file = "model-folded.pt2"
    # Other weights round otherwise. SE-ResNet-50 with logits of 13 (32x32 images): in float32 it is
    # 1.8e-5 off what float64 gives, folded 2.4e-5, and the two 2.1e-5 apart.
    tolerance = 1e-4

    def write(self, folder: Path, subject: Subject) -> None:
        """Trace the network, fold, trace again and write."""
        save_program(folder / self.file, folded(subject.model, subject.task)[0])

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Load the program and run it."""
        return run_program(folder / self.file, list(batches))

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE
