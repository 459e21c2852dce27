"""What the surrogate chooses from in a space that can be listed: every function that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nas.controllers.features import catalogue
from nas.controllers.gaussian import Sweep

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nas.controllers.gaussian import Array, Model
    from nas.controllers.seen import Seen
    from nas.trial import Result
    from searchspaces import Decisions, SearchSpace


class Listed:
    """All functions of a space, with the distances to those that were asked about before."""

    def __init__(self, space: SearchSpace) -> None:
        """Look into the space's catalogue."""
        self.space, self.catalogue = space, catalogue(space)
        self._near: dict[int, NDArray[np.float32]] = {}
        self.sweep: Sweep | None = None
        self.begun = 0  # results that the sweep began with
        self.settings: list[int] = []  # and of which model
        self._rows = {point: row for row, point in enumerate(self.catalogue.points)}

    def offer(
        self, _known: Sequence[tuple[Decisions, float]], seen: Seen, _rng: random.Random
    ) -> list[Decisions]:
        """Return every function that was not proposed yet."""
        left = np.ones(len(self.catalogue.points), dtype=bool)
        left[[self.catalogue.index[key] for key in seen.state()]] = False
        return [self.catalogue.points[row] for row in np.flatnonzero(left)]

    def predict(
        self,
        points: Sequence[Decisions],
        rewards: Array,
        offered: Sequence[Decisions],
        model: Model,
    ) -> tuple[Array, Array]:
        """Return mean and spread at ``offered``; the points beyond ``rewards`` run."""
        rows = [self._row(point) for point in points]
        known = rows[: len(rewards)]
        sweep = self.sweep
        if sweep is None or sweep.model != model or sweep.members != known[: len(sweep.members)]:
            sweep = self._begin(model, known)
        for row in known[len(sweep.members) :]:
            sweep.append(row, self._distances(row))
        running = [(row, self._distances(row)) for row in rows[len(rewards) :]]
        mean, spread = sweep.predict(rewards, running)
        columns = [self._row(point) for point in offered]
        return mean[columns], spread[columns]

    def sight(
        self, points: Sequence[Decisions], others: Sequence[Decisions]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Return the distances (3, points, others) and the standardised sizes of ``others``."""
        columns = [self._row(point) for point in others]
        rows = [self._distances(self._row(point))[:, columns] for point in points]
        return np.stack(rows, axis=1), self.catalogue.sizes[columns]

    def learn(self, _result: Result) -> None:
        """Nothing here depends on rewards."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the sweep began with; all else follows from the data and the space."""
        return {"begun": self.begun, "settings": self.settings}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin the next sweep where that one began, so that every rounding is the same."""
        self.sweep, self.begun, self.settings = None, state["begun"], state["settings"]

    def _begin(self, model: Model, known: list[int]) -> Sweep:
        settings = list(model.settings)
        if self.sweep is not None or settings != self.settings:
            self.begun, self.settings = len(known), settings
        sweep = self.sweep = Sweep(model, self.catalogue.sizes)
        first = known[: self.begun]
        sweep.begin(first, np.stack([self._distances(row) for row in first], axis=1))
        return sweep

    def _row(self, point: Decisions) -> int:
        if point not in self._rows:
            self._rows[point] = self.catalogue.index[self.space.decode(point).key()]
        return self._rows[point]

    def _distances(self, row: int) -> NDArray[np.float32]:
        if row not in self._near:
            self._near[row] = self.catalogue.table.distances(row)
        return self._near[row]
