"""What the retraining of the best architectures says: mean, spread, and how much the winner shrank.

A search picks the highest of many noisy scores, so the score of its winner is too high: partly it
won by luck (the winner's curse). The finalists are trained again from scratch, with other seeds and
on test images that played no part in the choice. What the winner's lead over the other finalists
shrinks by is what the search owed to luck; the lead cancels that finals train longer, and on more
images, than trials do.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Finalist:
    """A trial: its accuracy (0 to 1) on selection images, and on test images with each seed."""

    trial: int
    selection: float
    tests: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean test accuracy over the seeds; NaN before the first."""
        return statistics.fmean(self.tests) if self.tests else math.nan

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds, None before there are two."""
        return statistics.stdev(self.tests) if len(self.tests) > 1 else None


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """The lead of the search's winner over the mean of the other finalists, before and after.

    ``error`` is the standard error of ``after`` from the spread over seeds, None with one seed.
    """

    before: float
    after: float
    error: float | None

    @property
    def lost(self) -> float:
        """How much of the lead is gone, in accuracy."""
        return self.before - self.after


def shrinkage(finalists: Sequence[Finalist]) -> Shrinkage | None:
    """Return what became of the first finalist's lead; None unless two have been tested.

    The finalists are given in the order in which the search ranked them.
    """
    tested = [one for one in finalists if one.tests]
    if len(tested) < 2 or tested[0] is not finalists[0]:
        return None
    winner, *others = tested
    before = winner.selection - statistics.fmean(one.selection for one in others)
    after = winner.mean - statistics.fmean(one.mean for one in others)
    return Shrinkage(before, after, _error(winner, others))


def _error(winner: Finalist, others: Sequence[Finalist]) -> float | None:
    spreads = [one.spread for one in (winner, *others)]
    if None in spreads:
        return None
    own, *rest = [
        (one.spread or 0.0) ** 2 / len(one.tests) for one in (winner, *others)
    ]  # variances of the means
    return math.sqrt(own + sum(rest) / len(rest) ** 2)
