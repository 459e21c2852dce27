"""Local search: move to the first better neighbour; restart where there is none.

A strong baseline on cell spaces (White et al. 2021, arXiv 2005.02960; Ottelander et al. 2021,
arXiv 2004.08996). The best of ``starts`` random architectures is the first place; its neighbours,
which differ in one decision, are tried in random order, and the first that is better is the next
place (section 3 of the former describes both this and trying all). With no neighbour left, the
search begins again: the best of ``RESTARTS`` random architectures is the next place. No function
is proposed twice.

Figures: ``place`` is the reward of the present place, ``best`` the best of all.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nas.controllers import Controller
from nas.controllers.generators import derived, pack_rng, unpack_rng
from nas.controllers.lineage import descent
from nas.controllers.seen import Seen
from nas.trial import Proposal

if TYPE_CHECKING:
    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace


RESTARTS = 8  # more than at first: by then the easy places have been tried


class LocalSearch(Controller):
    """First improvement among neighbours of one decision, with random restarts."""

    name = "local_search"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        starts: Annotated[
            int, Field(ge=1, le=1000, description="Random architectures before the first place")
        ] = 5,
    ) -> None:
        """Begin nowhere."""
        super().__init__(space, seed)
        self.starts = starts
        self.rng = random.Random(seed)
        # Another generator for what is told: the random starts must not depend on it.
        self.order = random.Random(derived(seed, "order of neighbours"))
        self.seen = Seen(space)
        self.place: tuple[Decisions, float] | None = None
        self.number: int | None = None  # of the trial that is the place
        self.best: float | None = None
        self.queue: list[Decisions] = []  # neighbours of the place, the next one last
        self.random = starts  # random architectures to come before neighbours
        self.asked = self.told = 0

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` neighbours of the place, or a random start."""
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
        """Return what is left of the starts, else one unless something runs."""
        return max(self.starts - self.asked, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Move if the architecture is better, or if there is no place yet."""
        self.told += 1
        decisions, reward = result.proposal.decisions, result.reward
        self.seen.add(decisions)
        if reward is None:
            return
        self.best = reward if self.best is None else max(self.best, reward)
        if self.place is None or reward > self.place[1]:
            self.place, self.number = (decisions, reward), result.number
            self.queue = list(self.space.neighbours(decisions))
            self.order.shuffle(self.queue)

    def figures(self) -> Metrics:
        """Return the reward of the place and the best reward."""
        found = {} if self.place is None else {"place": self.place[1]}
        return found | ({} if self.best is None else {"best": self.best})

    def state_dict(self) -> dict[str, Any]:
        """Return generator, place, the neighbours to come, and what was proposed."""
        return {
            "rng": pack_rng(self.rng),
            "order": pack_rng(self.order),
            "seen": self.seen.state(),
            "place": None if self.place is None else [list(self.place[0]), self.place[1]],
            "number": self.number,
            "best": self.best,
            "queue": [list(decisions) for decisions in self.queue],
            "random": self.random,
            "asked": self.asked,
            "told": self.told,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        unpack_rng(self.rng, state["rng"])
        unpack_rng(self.order, state["order"])
        self.seen.load(state["seen"])
        place = state["place"]
        self.place = None if place is None else (tuple(place[0]), place[1])
        self.number = state.get("number")  # older states have none
        self.best = state["best"]
        self.queue = [tuple(decisions) for decisions in state["queue"]]
        self.random = state["random"]
        self.asked, self.told = state["asked"], state["told"]

    def _next(self) -> Proposal | None:
        while self.queue and not self.random:
            decisions = self.queue.pop()
            if self.seen.fresh(decisions):
                note = descent(self.place[0], self.number, decisions) if self.place else {}
                return Proposal(decisions, note=note)
        if not self.random:
            self.random, self.place, self.number = RESTARTS, None, None
        self.random -= 1
        anything = self.seen.anything(self.rng)
        return None if anything is None else Proposal(anything)
