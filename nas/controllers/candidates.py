"""What the surrogate chooses from in a space too large to list: changes of the best, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.controllers.features import Table, features, sampled_sizes
from nas.controllers.gaussian import Data, Process
from nas.controllers.reinforce import Reinforce

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nas.controllers.features import Features
    from nas.controllers.gaussian import Array, Model
    from nas.controllers.seen import Seen
    from nas.trial import Result
    from searchspaces import Decisions, SearchSpace

PARENTS = 8  # best architectures that are changed and crossed
MUTATIONS, CROSSOVERS, RANDOM, SAMPLES = 96, 32, 32, 64  # candidates of each kind
CHANGES = 3  # a mutation changes one to so many decisions


class Candidates:
    """Candidates near the best, between them, anywhere, and from a policy that learns."""

    def __init__(self, space: SearchSpace, seed: int, *, policy: bool) -> None:
        """Measure the spread of sizes; make the policy if it is wanted."""
        self.space = space
        self.sizes = sampled_sizes(space)
        self.policy = Reinforce(space, seed) if policy else None
        self._known: dict[Decisions, Features] = {}

    def offer(
        self, known: Sequence[tuple[Decisions, float]], seen: Seen, rng: random.Random
    ) -> list[Decisions]:
        """Return fresh points, each function once."""
        best = sorted(known, key=lambda pair: -pair[1])[:PARENTS]
        parents = [decisions for decisions, _ in best]
        found = {
            seen.key(point): point for point in self._drafts(parents, rng) if seen.fresh(point)
        }
        return list(found.values())

    def predict(
        self,
        points: Sequence[Decisions],
        rewards: Array,
        offered: Sequence[Decisions],
        model: Model,
    ) -> tuple[Array, Array]:
        """Return mean and spread at ``offered``; the points beyond ``rewards`` run."""
        process = Process(Data(*self.sight(points, points), rewards), model)
        return process.predict(*self.sight(points, offered))

    def sight(
        self, points: Sequence[Decisions], others: Sequence[Decisions]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the distances (3, points, others) and the standardised sizes of ``others``."""
        rows = [self._features(point) for point in (*points, *others)]
        first = len(points)
        distances = Table(rows).between(first)
        sizes = self.sizes.standardise([row.size for row in rows[first:]])
        for point in others:
            if point not in points:
                self._known.pop(point, None)  # most candidates are never seen again
        return distances, sizes

    def learn(self, result: Result) -> None:
        """Train the policy."""
        if self.policy is not None:
            self.policy.tell(result)

    def state_dict(self) -> dict[str, Any]:
        """Return the policy's memory."""
        return {} if self.policy is None else {"policy": self.policy.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the policy's memory over."""
        if self.policy is not None and "policy" in state:
            self.policy.load_state_dict(state["policy"])

    def _drafts(self, parents: list[Decisions], rng: random.Random) -> Iterator[Decisions]:
        for _ in range(MUTATIONS):
            point = rng.choice(parents)
            for _ in range(rng.randint(1, CHANGES)):
                point = self.space.mutate(point, rng)
            yield point
        for _ in range(CROSSOVERS):
            one, other = rng.choice(parents), rng.choice(parents)
            yield tuple(rng.choice(pair) for pair in zip(one, other, strict=True))
        for _ in range(RANDOM):
            yield self.space.sample(rng)
        if self.policy is not None:
            yield from self.policy.samples(SAMPLES)

    def _features(self, point: Decisions) -> Features:
        if point not in self._known:
            self._known[point] = features(point, self.space.decode(point))
        return self._known[point]
