"""Whether the cheap score of a search ranks architectures: short trainings against long ones.

A few architectures, spread out by size, are trained short and long with several seeds. A search
sees one short training of each, so what counts is Kendall's tau between a single short score and
the mean of the long ones, averaged over the seeds; short and long runs have seeds of their own, so
that luck with the initial weights cannot help both.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.controllers.generators import derived
from nas.rank import mean_tau, mean_tau_interval
from searchspaces import SpaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from searchspaces import Decisions, SearchSpace

POOL = 20  # random architectures for each that is chosen


@dataclass(frozen=True, slots=True)
class Audited:
    """An architecture with its accuracies, 0 to 1, one for each seed."""

    decisions: Decisions
    cost: float
    short: tuple[float, ...]
    long: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit has found.

    ``tau`` is None where scores do not differ; ``low`` and ``high`` are its 95 % interval over
    architectures. ``noise`` is the standard deviation of a short score over seeds, None with one
    seed; ``spread`` that of the mean short scores of different architectures.
    """

    rows: tuple[Audited, ...]
    tau: float | None
    low: float
    high: float
    noise: float | None
    spread: float

    @property
    def warning(self) -> str:
        """Return in one line what is wrong with the cheap score, empty if it ranks."""
        if self.tau is None:
            return "the short trainings give all architectures the same score: they cannot rank"
        if self.high < 0:
            return "the short trainings rank the wrong way round: train longer"
        if self.low <= 0:
            return (
                "not shown that the short trainings rank: the interval of tau reaches zero; train "
                "longer, or audit more architectures"
            )
        if self.noise is not None and self.noise > self.spread:
            return "seeds differ more than architectures do: a search would mostly follow luck"
        return ""


def spread_out(
    space: SearchSpace, count: int, seed: int, cost: Callable[[Decisions], float]
) -> list[tuple[Decisions, float]]:
    """Return ``count`` different architectures, evenly spread by the rank of their cost.

    Fewer where the space has fewer. The cheapest and the dearest of a random pool are among them.
    """
    rng = random.Random(derived(seed, "audit"))
    pool: dict[str, tuple[Decisions, float]] = {}
    for _ in range(POOL * count):
        point = space.sample(rng)
        try:
            key = space.decode(point).key()
            if key not in pool:
                pool[key] = point, cost(point)
        except SpaceError:
            continue
    ranked = sorted(pool.values(), key=lambda one: (one[1], one[0]))
    if len(ranked) <= count:
        return ranked
    last = len(ranked) - 1
    return [ranked[round(i * last / max(1, count - 1))] for i in range(count)]


def audit(
    chosen: Sequence[tuple[Decisions, float]],
    train: Callable[[Decisions, int, int], float],
    *,
    short: int,
    long: int,
    seeds: int,
) -> Audit:
    """Train every architecture ``seeds`` times short and long (epochs), and compare the orders.

    ``train(decisions, seed, epochs)`` returns an accuracy.
    """
    rows = [
        Audited(
            point,
            cost,
            tuple(train(point, seed, short) for seed in range(seeds)),
            tuple(train(point, seeds + seed, long) for seed in range(seeds)),
        )
        for point, cost in chosen
    ]
    return summarise(rows)


def summarise(rows: Sequence[Audited]) -> Audit:
    """Return what the accuracies say; the rows have the same number of seeds, at least one."""
    truth = [statistics.fmean(row.long) for row in rows]
    columns = [list(column) for column in zip(*(row.short for row in rows), strict=True)]
    low, high = mean_tau_interval(columns, truth)
    many = all(len(row.short) > 1 for row in rows)
    within = [statistics.variance(row.short) for row in rows] if many else []
    means = [statistics.fmean(row.short) for row in rows]
    return Audit(
        rows=tuple(rows),
        tau=mean_tau(columns, truth),
        low=low,
        high=high,
        noise=statistics.fmean(within) ** 0.5 if within else None,
        spread=statistics.stdev(means) if len(means) > 1 else 0.0,
    )
