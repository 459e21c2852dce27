"""A controller for the browser tests that does worse than chance: it seeks what is bad."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from nas.controllers import Controller
from nas.controllers.generators import pack_rng, unpack_rng
from nas.trial import Proposal

if TYPE_CHECKING:
    from searchspaces.toy import Toy

TRIED = 6


class Contrary(Controller):
    """Proposes the worst of a few points of the toy space, which knows their values."""

    name = "contrary"
    space: Toy

    def __init__(self, space: Toy, seed: int) -> None:
        """Seed the generator."""
        super().__init__(space, seed)
        self.rng = random.Random(seed)

    def ask(self, free: int) -> list[Proposal]:
        """Return ``free`` points that are worse than most."""
        return [Proposal(self._bad()) for _ in range(free)]

    def _bad(self) -> tuple[int, ...]:
        return min((self.space.sample(self.rng) for _ in range(TRIED)), key=self.space.value)

    def state_dict(self) -> dict[str, Any]:
        """Return the generator's state."""
        return {"rng": pack_rng(self.rng)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the generator's state over."""
        unpack_rng(self.rng, state["rng"])
