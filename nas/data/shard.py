"""Which part of every batch a process takes when several train one network together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """Process ``rank`` of ``world``, counted from 0. The default is one process for everything."""

    rank: int = 0
    world: int = 1

    def even(self, size: int) -> int:
        """Return the largest batch, up to ``size``, of which every process gets as many images."""
        return size - size % self.world

    def part(self, size: int) -> slice:
        """Return the places of this process in ``size`` things; the parts follow each other."""
        return slice(self.rank * size // self.world, (self.rank + 1) * size // self.world)


WHOLE = Shard()
