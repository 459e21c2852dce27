"""A random arm beside any controller: some trials of a search are drawn uniformly, to compare with.

The runner puts :class:`Arms` around the controller of a search that sets ``control_fraction``. A
proposal's number alone decides which arm makes it, so the pattern is the same at any parallelism
and after any restart: proposal i is a random one where the whole part of ``fraction * i`` changes.

The results of the random arm are never told to the controller. Told of them, it would learn from
uniform samples that it did not have to pay for, and a controller that learns nothing by itself
could still copy the best random point: the difference between the arms would not be its own doing.
For the same reason the random arm does not avoid what the controller has proposed, or the reverse.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nas.controllers import Controller
from nas.controllers.generators import derived, pack_rng, unpack_rng
from nas.trial import Proposal

if TYPE_CHECKING:
    from nas.trial import Metrics, Result

ARM, RANDOM, SEARCH = "arm", "random", "search"


class Arms(Controller):
    """A controller and a uniform random arm, which take turns in a fixed pattern.

    Not registered: it is made around a controller and keeps that one's name. Notes carry
    {"arm": "random"} or {"arm": "search"} beside what the controller itself notes.
    """

    def __init__(self, inner: Controller, fraction: float) -> None:
        """Give ``fraction`` of the proposals to the random arm; ValueError unless 0 < it < 1."""
        if not 0 < fraction < 1:
            raise ValueError(f"control_fraction is {fraction}, allowed are values between 0 and 1")
        super().__init__(inner.space, inner.seed)
        self.inner, self.fraction = inner, fraction
        self.rng = random.Random(derived(inner.seed, "random arm"))
        self.asked = 0
        self.budget: int | None = None  # of the controller's last proposal

    def ask(self, free: int) -> list[Proposal]:
        """Return proposals in the order of the pattern, fewer where the controller wants to wait.

        A random proposal has the budget of the controller's last one: the same fidelity.
        """
        found: list[Proposal] = []
        while len(found) < free:
            if self._is_random(self.asked):
                point = self.space.sample(self.rng)
                found.append(Proposal(point, self.budget, {ARM: RANDOM}))
                self.asked += 1
                continue
            run = self._run(free - len(found))
            proposals = self.inner.ask(run)
            for one in proposals:
                found.append(replace(one, note={**one.note, ARM: SEARCH}))
                self.budget = one.budget
            self.asked += len(proposals)
            if len(proposals) < run:
                break
        return found

    def tell(self, result: Result) -> None:
        """Tell the controller of its own results, in its own words; nobody of the random arm's."""
        note = dict(result.proposal.note)
        if note.pop(ARM, SEARCH) == RANDOM:
            return
        self.inner.tell(replace(result, proposal=replace(result.proposal, note=note)))

    def independent(self) -> int | None:
        """Return the proposals up to the first that an outstanding result could change."""
        left = self.inner.independent()
        if left is None:
            return None
        number = self.asked
        while left > 0 or self._is_random(number):
            left -= not self._is_random(number)
            number += 1
        return number - self.asked

    def figures(self) -> Metrics:
        """Return the controller's figures."""
        return self.inner.figures()

    def state_dict(self) -> dict[str, Any]:
        """Return the memory of both arms."""
        return {
            "inner": self.inner.state_dict(),
            "rng": pack_rng(self.rng),
            "asked": self.asked,
            "budget": self.budget,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the memory of both arms over."""
        self.inner.load_state_dict(state["inner"])
        unpack_rng(self.rng, state["rng"])
        self.asked, self.budget = state["asked"], state["budget"]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The controller's name."""
        return self.inner.name

    def _is_random(self, number: int) -> bool:
        return int((number + 1) * self.fraction) > int(number * self.fraction)

    def _run(self, most: int) -> int:
        """Return how many of the next ``most`` proposals in a row are the controller's."""
        run = 1
        while run < most and not self._is_random(self.asked + run):
            run += 1
        return run


def with_random_arm(controller: Controller, fraction: float) -> Controller:
    """Return the controller with a random arm of ``fraction``, or itself where that is 0."""
    return Arms(controller, fraction) if fraction > 0 else controller
