"""Regularized evolution (AmoebaNet: Real et al. 2019, arXiv 1802.01548, algorithm 1).

A population is filled with random architectures. Then the best of a sample of it is the parent of
a child with one decision changed, the child joins, and the oldest member dies, however good.

As in the paper: the tournament, mutation of one decision, death by age. Different: the paper's
population is 100 and its sample 25 (section 3.3, for 20,000 trials) and NAS-Bench-201 publishes
10 and 3 for a few hundred; here 20 and 10, which wins once no child is ever a function that was
proposed before. Where a child is one, the tournament is held again.

Figures: ``best`` and ``mean`` are the best and the mean reward of the population.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nas.controllers import Controller
from nas.controllers.generators import pack_rng, unpack_rng
from nas.controllers.lineage import descent
from nas.controllers.seen import Seen
from nas.trial import Proposal

if TYPE_CHECKING:
    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace


class Evolution(Controller):
    """Regularized evolution: tournament, one mutation, the oldest dies."""

    name = "evolution"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        population: Annotated[int, Field(ge=1, le=10_000, description="Members alive")] = 20,
        sample: Annotated[int, Field(ge=1, le=10_000, description="Members of a tournament")] = 10,
    ) -> None:
        """Begin with an empty population."""
        super().__init__(space, seed)
        self.population, self.sample = population, min(sample, population)
        self.rng = random.Random(seed)
        self.seen = Seen(space)
        # Decisions, reward, number of the trial (None: not known); the oldest first.
        self.members: list[tuple[Decisions, float, int | None]] = []
        self.asked = self.told = 0

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` random members, or children once the population has been asked."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            proposal = self._next()
            if proposal is None:
                break
            self.seen.add(proposal.decisions)
            self.asked += 1
            proposals.append(proposal)
        return proposals

    def independent(self) -> int:
        """Return what is left of the first population, else one unless something runs."""
        return max(self.population - self.asked, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Let the architecture join; the oldest leaves."""
        self.told += 1
        self.seen.add(result.proposal.decisions)
        if result.reward is not None:
            self.members.append((result.proposal.decisions, result.reward, result.number))
            self.members = self.members[-self.population :]

    def figures(self) -> Metrics:
        """Return the best and the mean reward of the population."""
        rewards = [member[1] for member in self.members]
        return {"best": max(rewards), "mean": statistics.fmean(rewards)} if rewards else {}

    def state_dict(self) -> dict[str, Any]:
        """Return generator, population and what was proposed."""
        return {
            "rng": pack_rng(self.rng),
            "seen": self.seen.state(),
            "members": [[list(decisions), *rest] for decisions, *rest in self.members],
            "asked": self.asked,
            "told": self.told,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        unpack_rng(self.rng, state["rng"])
        self.seen.load(state["seen"])
        self.members = [
            (tuple(decisions), reward, number[0] if number else None)  # older states have no number
            for decisions, reward, *number in state["members"]
        ]
        self.asked, self.told = state["asked"], state["told"]

    def _next(self) -> Proposal | None:
        if self.asked < self.population or not self.members:
            decisions = self.seen.anything(self.rng)
            return None if decisions is None else Proposal(decisions)
        parent: tuple[Decisions, int | None] = ((), None)

        def child() -> Decisions:
            nonlocal parent
            parent = self._parent()
            return self.space.mutate(parent[0], self.rng)

        decisions = self.seen.draw(child, self.rng)
        return None if decisions is None else Proposal(decisions, note=descent(*parent, decisions))

    def _parent(self) -> tuple[Decisions, int | None]:
        """Return the best of a tournament, with the number of its trial."""
        count = min(self.sample, len(self.members))
        decisions, _, number = max(self.rng.sample(self.members, count), key=lambda one: one[1])
        return decisions, number
