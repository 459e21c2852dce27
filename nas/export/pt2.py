"""The network as a torch.export program: torch runs it without any of our code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.export import Exporter, Subject
from nas.export.program import program, run_program, save_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

USAGE = """`model.pt2` needs torch and no code of ours, not even a class:

```python
import torch

network = torch.export.load("model.pt2").module()
logits = network(torch.randn(4, {channels}, {height}, {width}))  # any batch size
```"""


class Program(Exporter):
    """A torch.export program with its weights (.pt2): torch runs it without any of our code."""

    name = "pt2"
    file = "model.pt2"

    def write(self, folder: Path, subject: Subject) -> None:
        """Trace the network and write ``model.pt2``."""
        save_program(folder / self.file, program(subject.model, subject.task))

    def run(self, folder: Path, batches: Sequence[Tensor]) -> list[Tensor]:
        """Load the program and run it."""
        return run_program(folder / self.file, list(batches))

    def usage(self) -> str:
        """Return how to load it."""
        return USAGE
