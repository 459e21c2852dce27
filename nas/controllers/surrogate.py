"""Search guided by a model of the space: a Gaussian process and expected improvement. The default.

The first proposals are spread out over the space. Then a Gaussian process over paths, shapes of
paths and decisions (:mod:`nas.controllers.features`) predicts every function of the space that
was not proposed yet, and the one with the greatest expected improvement (Jones et al. 1998) is
next. A space too large to list is represented by candidates: mutations of the best architectures,
crossovers between them, random points, and samples of a REINFORCE policy that learns from the same
rewards (``policy``). Proposals still running count as measured at their predicted value.

Before there are data, larger architectures are expected to be better: the mean of the process is
``prior`` times the standardised log of the parameters of the cells, in standard deviations of the
reward. Its weight is learned with everything else, so that data shrink or turn it; ``prior = 0``
switches it off.

Figures: ``best`` is the best reward so far, ``expected_improvement`` that of the last proposal, in
standard deviations of the rewards.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from nas.controllers import Controller
from nas.controllers.candidates import Candidates
from nas.controllers.features import ENUMERABLE
from nas.controllers.gaussian import FIRST, Data, Model, expected_improvement, improve
from nas.controllers.generators import derived, pack_rng, unpack_rng
from nas.controllers.listed import Listed
from nas.controllers.seen import Seen
from nas.trial import Proposal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.controllers.gaussian import Array, Settings
    from nas.trial import Metrics, Result
    from searchspaces import Decisions, SearchSpace

POOL = 200  # random points of which a start is the farthest from the starts before it
BOLDNESS = 2.0  # distance between starts that the prior's expected gain of one sigma is worth
OFTEN = 20  # results up to which the kernel's settings move with each; then ever less often
LOWEST = -3.0  # robust standard deviations under the median; what is worse is just bad


class Surrogate(Controller):
    """A Gaussian process with expected improvement; the recommended controller."""

    name = "surrogate"

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        starts: Annotated[
            int, Field(ge=2, le=1000, description="Spread-out proposals before the model's")
        ] = 5,
        prior: Annotated[
            float, Field(ge=-3, le=3, description="Expected gain by log-size; 0 switches it off")
        ] = 0.5,
        policy: Annotated[
            bool, Field(description="Let a learned policy propose too, in large spaces")
        ] = True,
    ) -> None:
        """Begin without data."""
        super().__init__(space, seed)
        self.starts, self.prior = starts, prior
        self.rng = random.Random(derived(seed, "surrogate"))
        self.seen = Seen(space)
        self.source: Listed | Candidates = (
            Listed(space)
            if space.size <= ENUMERABLE
            else Candidates(space, derived(seed, "policy"), policy=policy)
        )
        self.asked = self.told = 0
        self.settings: Settings = FIRST
        self.known: list[tuple[Decisions, float]] = []
        self.running: list[Decisions] = []
        self.gain: float | None = None

    def ask(self, free: int) -> list[Proposal]:
        """Return up to ``free`` functions that were not proposed yet."""
        proposals: list[Proposal] = []
        while len(proposals) < free:
            decisions = self._next()
            if decisions is None:
                break
            self.seen.add(decisions)
            self.running.append(decisions)
            self.asked += 1
            proposals.append(Proposal(decisions))
        return proposals

    def independent(self) -> int:
        """Return what is left of the starts, else one unless something runs."""
        return max(self.starts - self.asked, self.told + 1 - self.asked)

    def tell(self, result: Result) -> None:
        """Add the reward to the data."""
        decisions = result.proposal.decisions
        self.told += 1
        if decisions in self.running:
            self.running.remove(decisions)
        self.seen.add(decisions)
        if result.reward is None or not self.seen.key(decisions):
            return
        self.known.append((decisions, result.reward))
        self.source.learn(result)
        count = len(self.known)
        if count > 2 and count % (1 + count // OFTEN) == 0:
            points = [point for point, _ in self.known]
            data = Data(*self.source.sight(points, points), self._rewards())
            for _ in range(2):
                self.settings = improve(data, self._model)

    def figures(self) -> Metrics:
        """Return the best reward and the expected improvement of the last proposal."""
        found = {} if self.gain is None else {"expected_improvement": self.gain}
        return found | ({"best": max(reward for _, reward in self.known)} if self.known else {})

    def state_dict(self) -> dict[str, Any]:
        """Return generator, data, proposals and settings of the kernel."""
        return {
            "rng": pack_rng(self.rng),
            "seen": self.seen.state(),
            "asked": self.asked,
            "told": self.told,
            "settings": list(self.settings),
            "known": [[list(decisions), reward] for decisions, reward in self.known],
            "running": [list(decisions) for decisions in self.running],
            "gain": self.gain,
            "source": self.source.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a memory over."""
        unpack_rng(self.rng, state["rng"])
        self.seen.load(state["seen"])
        self.asked, self.told, self.gain = state["asked"], state["told"], state["gain"]
        rates = state["settings"]
        self.settings = (rates[0], rates[1], rates[2], rates[3])
        self.known = [(tuple(decisions), reward) for decisions, reward in state["known"]]
        self.running = [tuple(decisions) for decisions in state["running"]]
        self.source.load_state_dict(state["source"])

    @property
    def _model(self) -> Model:
        # The weight of the prior is as uncertain as it is large; switched off, it stays off.
        return Model(self.settings, self.prior, abs(self.prior))

    def _next(self) -> Decisions | None:
        if self.asked < self.starts or len(self.known) < 2:
            return self._start()
        rewards = self._rewards()
        offered = self.source.offer(self.known, self.seen, self.rng)
        if not offered:
            return self.seen.anything(self.rng)
        points = [*(decisions for decisions, _ in self.known), *self.running]
        mean, spread = self.source.predict(points, rewards, offered, self._model)
        value = expected_improvement(mean, spread, float(rewards.max()))
        for place in np.argsort(-value, kind="stable").tolist():
            decisions: Decisions = offered[place]
            if self.seen.fresh(decisions):
                self.gain = float(value[place])
                return decisions
        return self.seen.anything(self.rng)

    def _start(self) -> Decisions | None:
        """Return the point farthest from all proposals so far, of a pool of random ones."""
        before = [*(decisions for decisions, _ in self.known), *self.running]
        first = self.seen.anything(self.rng)
        if not before or first is None:
            return first
        pool = [self.space.sample(self.rng) for _ in range(POOL)]
        pool = [first, *(point for point in pool if self.seen.fresh(point))]
        distances, sizes = self.source.sight(before, pool)  # (3, before, pool)
        nearest = np.sqrt(distances.sum(0)).min(0)
        return pool[int(np.argmax(nearest + BOLDNESS * self.prior * sizes))]

    def _rewards(self) -> Array:
        """Return the rewards standardised, the worst cut off: only good ones need be told apart."""
        rewards = np.array([reward for _, reward in self.known])
        middle = float(np.median(rewards))
        width = 1.4826 * float(np.median(np.abs(rewards - middle)))  # sigma of a normal
        if width > 0:
            rewards = np.maximum(rewards, middle + LOWEST * width)
        spread = float(rewards.std())
        centred: NDArray[np.float64] = rewards - rewards.mean()
        return centred / spread if spread > 0 else centred
