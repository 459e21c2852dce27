"""Uniform random search: the control that every other controller must beat."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from nas.controllers import Controller
from nas.controllers.generators import pack_rng, unpack_rng
from nas.trial import Proposal

if TYPE_CHECKING:
    from searchspaces import SearchSpace


class Random(Controller):
    """Uniform random search, without memory but for its generator."""

    name = "random"

    def __init__(self, space: SearchSpace, seed: int) -> None:
        """Seed the generator."""
        super().__init__(space, seed)
        self.rng = random.Random(seed)

    def ask(self, free: int) -> list[Proposal]:
        """Return ``free`` points drawn uniformly."""
        return [Proposal(self.space.sample(self.rng)) for _ in range(free)]

    def independent(self) -> None:
        """No result ever changes a proposal."""

    def state_dict(self) -> dict[str, Any]:
        """Return the generator's state."""
        return {"rng": pack_rng(self.rng)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the generator's state over."""
        unpack_rng(self.rng, state["rng"])
