"""A Gaussian process over architectures: a sum of distances in the kernel, a prior mean by size.

y = mu + beta * size + f(x) + noise, in units of the standardised rewards. mu is normal about 0 and
beta about ``weight``; both are integrated out (Rasmussen and Williams 2006, section 2.7), so that
data shrink the prior, or turn it. f has the kernel exp(-sum of rate * distance). The rates and the
noise are on grids and move by marginal likelihood, a step at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RATES = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
NOISES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
Settings = tuple[int, int, int, int]  # places on the grids: rates of three distances, noise
FIRST: Settings = (3, 3, 4, 2)
PULL = 0.1  # log-likelihood that a step away from FIRST must gain, times the square of the steps
MU_VARIANCE = 1.0
TINY = 1e-9


@dataclass(frozen=True)
class Data:
    """What is known, and what runs: distances (3, n, n), standardised sizes (n,), rewards (k,).

    The first k points were measured. The others run: they count as measured at their predicted
    value, which changes no prediction and makes those around them more certain.
    """

    distances: NDArray[np.float32]
    sizes: Array
    rewards: Array


@dataclass(frozen=True)
class Model:
    """The prior: places on the grids, and the normal distribution of beta."""

    settings: Settings
    weight: float
    variance: float

    @property
    def noise(self) -> float:
        """The variance of the noise, that of f being 1."""
        return NOISES[self.settings[3]]

    def covariance(self, distances: NDArray[np.float32], left: Array, right: Array) -> Array:
        """Return the prior covariance (n, m); distances (3, n, m), sizes (n,) and (m,)."""
        rates = np.array([RATES[place] for place in self.settings[:3]], dtype=np.float32)
        weighted = np.tensordot(rates, distances, 1).astype(np.float64)
        total: Array = np.exp(-weighted) + MU_VARIANCE + self.variance * np.outer(left, right)
        return total

    def variances(self, sizes: Array) -> Array:
        """Return the prior variance at each point."""
        return 1 + MU_VARIANCE + self.variance * np.square(sizes)


class Process:
    """The posterior of a Gaussian process, for any other points."""

    def __init__(self, data: Data, model: Model) -> None:
        """Condition on the data."""
        self.model, self.sizes = model, data.sizes
        cover = model.covariance(data.distances, data.sizes, data.sizes)
        cover[np.diag_indices(len(cover))] += model.noise
        self.factor = cholesky(cover)
        self.white = whitened(
            self.factor, data.rewards - model.weight * data.sizes[: len(data.rewards)]
        )

    def likelihood(self) -> float:
        """Return the log marginal likelihood, but for a constant; only without running points."""
        n = len(self.white)
        logs = np.log(np.diag(self.factor))
        return -0.5 * (n + 2) * math.log(scale(self.white)) - float(logs.sum())

    def predict(self, distances: NDArray[np.float32], sizes: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at m points: distances (3, n, m), sizes (m,)."""
        cover = self.model.covariance(distances, self.sizes, sizes)
        white = np.linalg.inv(self.factor) @ cover  # (n, m)
        mean = self.model.weight * sizes + self.white @ white[: len(self.white)]
        left = self.model.variances(sizes) - np.square(white).sum(0)
        return mean, np.sqrt(scale(self.white) * np.maximum(left, TINY))


class Sweep:
    """The posterior for a fixed list of m points, of which those measured are members.

    A further measurement costs n * m and not n * n * m: what is kept, the whitened covariance
    between the measured points and all points, does not depend on the rewards and only gets a row.
    """

    def __init__(self, model: Model, sizes: Array) -> None:
        """Begin without data."""
        self.model, self.sizes = model, sizes
        self.members: list[int] = []
        self.factor: Array = np.zeros((0, 0))
        self.rows = np.zeros((64, len(sizes)))  # (room for n, m)
        self.squares = np.zeros(len(sizes))

    def begin(self, members: list[int], distances: NDArray[np.float32]) -> None:
        """Condition on all of these at once; distances (3, n, m)."""
        n = len(members)
        cover = self.model.covariance(distances, self.sizes[members], self.sizes)
        within = cover[:, members]
        within[np.diag_indices(n)] += self.model.noise
        self.members, self.factor = [*members], cholesky(within)
        self._make_room(n)
        self.rows[:n] = np.linalg.inv(self.factor) @ cover
        self.squares = np.square(self.rows[:n]).sum(0)

    def append(self, member: int, distances: NDArray[np.float32]) -> None:
        """Condition on one more; distances (3, m)."""
        n = len(self.members)
        row, last, own = self._row(n, member, distances)
        self._make_room(n + 1)
        self.rows[n] = row
        self.squares = self.squares + np.square(row)
        factor = np.zeros((n + 1, n + 1))
        factor[:n, :n], factor[n, :n], factor[n, n] = self.factor, last, own
        self.factor = factor
        self.members.append(member)

    def predict(
        self, rewards: Array, running: list[tuple[int, NDArray[np.float32]]]
    ) -> tuple[Array, Array]:
        """Return mean and standard deviation of all points; running ones with their distances."""
        n = len(self.members)
        known = whitened(self.factor, rewards - self.model.weight * self.sizes[self.members])
        mean = self.model.weight * self.sizes + known @ self.rows[:n]
        squares, size = self.squares, n
        for member, distances in running:
            self._make_room(size + 1)
            self.rows[size] = self._row(size, member, distances)[0]
            squares = squares + np.square(self.rows[size])
            size += 1
        left = self.model.variances(self.sizes) - squares
        return mean, np.sqrt(scale(known) * np.maximum(left, TINY))

    def _row(
        self, n: int, member: int, distances: NDArray[np.float32]
    ) -> tuple[Array, Array, float]:
        """Return the next row of the whitened covariance and of the factor, and its diagonal."""
        cover = self.model.covariance(
            distances[:, None], self.sizes[member : member + 1], self.sizes
        )[0]
        last = self.rows[:n, member]
        own = math.sqrt(max(cover[member] + self.model.noise - float(last @ last), TINY))
        return (cover - last @ self.rows[:n]) / own, last, own

    def _make_room(self, n: int) -> None:
        if n > len(self.rows):
            grown = np.zeros((2 * n, len(self.sizes)))
            grown[: len(self.rows)] = self.rows
            self.rows = grown


def cholesky(cover: Array) -> Array:
    """Return the lower factor of a covariance."""
    factor: Array = np.linalg.cholesky(cover).astype(np.float64)
    return factor


def whitened(factor: Array, centred: Array) -> Array:
    """Return rewards, their prior mean taken off, as independent numbers of one variance."""
    n = len(centred)
    white: Array = np.linalg.solve(factor[:n, :n], centred).astype(np.float64)
    return white


def scale(white: Array) -> float:
    """Return the variance of f, with a weak prior at 1 (two observations' worth)."""
    return (float(white @ white) + 1) / (len(white) + 2)


def improve(data: Data, model: Model) -> Settings:
    """Return the best settings among the model's and those one step away on one grid."""
    around = [model.settings]
    for place, grid in enumerate((RATES, RATES, RATES, NOISES)):
        for step in (1, -1):
            moved = [*model.settings]
            moved[place] += step
            if 0 <= moved[place] < len(grid) and any(moved[:3]):
                around.append((moved[0], moved[1], moved[2], moved[3]))

    def score(one: Settings) -> float:
        away = sum((a - b) ** 2 for a, b in zip(one, FIRST, strict=True))
        return Process(data, replace(model, settings=one)).likelihood() - PULL * away

    return max(around, key=score)


def expected_improvement(mean: Array, spread: Array, best: float) -> Array:
    """Return how much each point is expected to exceed ``best`` (Jones et al. 1998, eq. 15)."""
    gap = (mean - best) / spread
    below = torch.special.ndtr(torch.from_numpy(gap)).numpy()
    value: Array = spread * (gap * below + np.exp(-np.square(gap) / 2) / math.sqrt(2 * math.pi))
    return value
