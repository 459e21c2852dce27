"""Local search: move to the first better neighbour; restart where there is none.

A strong baseline on cell spaces (White et al. 2021, arXiv 2005.02960; Ottelander et al. 2021,
arXiv 2004.08996). The best of ``starts`` random architectures is the first place; its neighbours,
which differ in one decision, are tried in random order, and the first that is better is the next
place (section 3 of the former describes both this and trying all). With no neighbour left, a
restart: the best architecture with two or three decisions changed is the next place, however good
(iterated local search; restarts at random do as well on small spaces and cannot on large ones).
No function is proposed twice.

Figures: ``place`` is the reward of the present place, ``best`` the best of all.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from nas.controllers import Controller
from nas.controllers.generators import pack_rng, unpack_rng
from nas.controllers.seen import Seen
from nas.trial import Proposal

if TYPE_CHECKING:
    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace


KICK = (2, 3)  # decisions changed at a restart, at least and at most


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
        self.seen = Seen(space)
        self.place: tuple[Decisions, float] | None = None
        self.best: tuple[Decisions, float] | None = None
        self.queue: list[Decisions] = []  # neighbours of the place, the next one last
        self.restarting: list[Decisions] = []  # restarts that run
        self.asked = self.told = 0

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` neighbours of the place, or a random start."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            decisions = self._next()
            if decisions is None:
                break
            self.seen.add(decisions)
            self.asked += 1
            proposals.append(Proposal(decisions))
        return proposals

    def independent(self) -> int:
        """Return what is left of the starts, else one unless something runs."""
        return max(self.starts - self.asked, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Move if the architecture is better, or if it is a restart."""
        self.told += 1
        decisions, reward = result.proposal.decisions, result.reward
        self.seen.add(decisions)
        restart = decisions in self.restarting
        if restart:
            self.restarting.remove(decisions)
        if reward is None:
            return
        if self.best is None or reward > self.best[1]:
            self.best = (decisions, reward)
        if self.place is None or restart or reward > self.place[1]:
            self.place = (decisions, reward)
            self.queue = list(self.space.neighbours(decisions))
            self.rng.shuffle(self.queue)

    def figures(self) -> Metrics:
        """Return the reward of the place and the best reward."""
        known = {"place": self.place, "best": self.best}
        return {name: found[1] for name, found in known.items() if found is not None}

    def state_dict(self) -> dict[str, Any]:
        """Return generator, place, the neighbours to come, and what was proposed."""
        return {
            "rng": pack_rng(self.rng),
            "seen": self.seen.state(),
            "place": _pack(self.place),
            "best": _pack(self.best),
            "queue": [list(decisions) for decisions in self.queue],
            "restarting": [list(decisions) for decisions in self.restarting],
            "asked": self.asked,
            "told": self.told,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        unpack_rng(self.rng, state["rng"])
        self.seen.load(state["seen"])
        self.place, self.best = _unpack(state["place"]), _unpack(state["best"])
        self.queue = [tuple(decisions) for decisions in state["queue"]]
        self.restarting = [tuple(decisions) for decisions in state["restarting"]]
        self.asked, self.told = state["asked"], state["told"]

    def _next(self) -> Decisions | None:
        if self.asked < self.starts:
            return self.seen.anything(self.rng)
        while self.queue:
            decisions = self.queue.pop()
            if self.seen.fresh(decisions):
                return decisions
        found = self.seen.draw(self._kick, self.rng)
        if found is not None:
            self.restarting.append(found)
        return found

    def _kick(self) -> Decisions:
        """Return the best architecture with a few decisions changed."""
        if self.best is None:
            return self.space.sample(self.rng)
        decisions = self.best[0]
        for _ in range(self.rng.randint(*KICK)):
            decisions = self.space.mutate(decisions, self.rng)
        return decisions


def _pack(found: tuple[Decisions, float] | None) -> list[Any] | None:
    return None if found is None else [list(found[0]), found[1]]


def _unpack(data: list[Any] | None) -> tuple[Decisions, float] | None:
    return None if data is None else (tuple(data[0]), data[1])
