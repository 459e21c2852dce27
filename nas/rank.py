"""Whether two scores put architectures into the same order: Kendall's tau, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 2000


def kendall_tau(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return Kendall's tau-b (Kendall 1945), -1 to 1; None where a score is the same for all."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"scores are of {len(x)} and {len(y)} architectures, expected as many")
    upper = np.triu_indices(len(x), 1)
    first = np.sign(np.subtract.outer(x, x)[upper])
    second = np.sign(np.subtract.outer(y, y)[upper])
    untied = float(np.count_nonzero(first)) * float(np.count_nonzero(second))
    return float(first @ second) / untied**0.5 if untied else None


def tau_interval(
    a: Sequence[float], b: Sequence[float], seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the bootstrap interval of tau over architectures; (-1, 1) for fewer than four."""
    return mean_tau_interval([a], b, seed, level)


def mean_tau(columns: Sequence[Sequence[float]], b: Sequence[float]) -> float | None:
    """Return the mean tau of several scores with ``b``; None where none has one."""
    taus = [tau for column in columns if (tau := kendall_tau(column, b)) is not None]
    return sum(taus) / len(taus) if taus else None


def mean_tau_interval(
    columns: Sequence[Sequence[float]], b: Sequence[float], seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the bootstrap interval of ``mean_tau``; (-1, 1) for fewer than four architectures.

    A pair that is one architecture drawn twice is left out: it would count as a tie, of which the
    scores have none, and pull tau towards zero.
    """
    count = len(b)
    if count < 4:
        return -1.0, 1.0
    x, y = np.asarray(columns, dtype=np.float64), np.asarray(b, dtype=np.float64)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(count, size=(RESAMPLES, count))
    times = np.zeros((RESAMPLES, count))  # how often each architecture is drawn
    np.add.at(times, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
    taus = np.stack([_weighted(column, y, times) for column in x])  # (scores, resamples)
    known = np.isfinite(taus)
    some = known.any(0)
    if not some.any():
        return -1.0, 1.0
    found = np.where(known, taus, 0.0).sum(0)[some] / known.sum(0)[some]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weighted(x: NDArray[np.float64], y: NDArray[np.float64], times: NDArray[np.float64]) -> Any:
    """Return tau-b of each resample, (resamples,); nan where a score is the same for all."""
    first = np.sign(np.subtract.outer(x, x))
    second = np.sign(np.subtract.outer(y, y))

    def pairs(signs: NDArray[np.float64]) -> Any:
        """Return the sum over pairs, each as often as it is drawn: both orders, hence the half."""
        return ((times @ signs) * times).sum(1) / 2

    untied = pairs(np.abs(first)) * pairs(np.abs(second))
    with np.errstate(invalid="ignore"):
        return pairs(first * second) / np.sqrt(untied)
