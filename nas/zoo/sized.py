"""What every searched network of the zoo shares: an architecture, its space, and a size."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nas.zoo import ZooModel
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from torch import nn

    from searchspaces import Task
    from searchspaces.arch import Arch
    from searchspaces.scale import Scale


class SizedModel(ZooModel):
    """An architecture of a search space, built by that space at one size."""

    arch: ClassVar[Arch]
    scale: ClassVar[Scale]

    def build(self, task: Task) -> nn.Module:
        """Return a fresh network of this size."""
        return SPACES.create(self.arch.space).build(self.arch, task, self.scale)
