"""What the surrogate chooses from in a space too large to list: changes of the best, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas.controllers.features import Table, features, sampled_sizes
from nas.controllers.gaussian import Data, Process
from nas.controllers.reinforce import Reinforce
from searchspaces import SpaceError

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
        self, known: Sequence[tuple[Decisions, float]], _seen: Seen, rng: random.Random
    ) -> list[Decisions]:
        """Return architectures; most are new, and keys are dear: the surrogate looks at few."""
        best = sorted(known, key=lambda pair: -pair[1])[:PARENTS]
        parents = [decisions for decisions, _ in best]
        before = {decisions for decisions, _ in known}
        drafts = dict.fromkeys(self._drafts(parents, rng))
        return [point for point in drafts if point not in before and self._valid(point)]

    def predict(
        self,
        points: Sequence[Decisions],
        rewards: Array,
        offered: Sequence[Decisions],
        model: Model,
    ) -> tuple[Array, Array]:
        """Return mean and spread at ``offered``; the points beyond ``rewards`` run."""
        count = len(points)
        distances, sizes = self.sight(points, [*points, *offered])
        process = Process(Data(distances[:, :, :count], sizes[:count], rewards), model)
        return process.predict(distances[:, :, count:], sizes[count:])

    def sight(
        self, points: Sequence[Decisions], others: Sequence[Decisions]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the distances (3, points, others) and the standardised sizes of ``others``."""
        rows = {point: self._features(point) for point in (*points, *others)}
        table, place = Table(list(rows.values())), {point: i for i, point in enumerate(rows)}
        distances = table.between(len(dict.fromkeys(points)))
        distances = distances[:, [place[p] for p in points]][:, :, [place[p] for p in others]]
        kept = set(points)
        for point in rows.keys() - kept:
            del self._known[point]  # most candidates are never seen again
        return distances, self.sizes.standardise([rows[point].size for point in others])

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

    def _valid(self, point: Decisions) -> bool:
        try:
            self._features(point)
        except SpaceError:
            return False
        return True

    def _features(self, point: Decisions) -> Features:
        if point not in self._known:
            self._known[point] = features(point, self.space.decode(point))
        return self._known[point]
