"""Whether a search beat random: the lift over its random arm, an interval, and one plain verdict.

The lift is the mean reward of the later half of the search arm less the mean of the random arm. The
later half, because a controller knows nothing at first and its early proposals are as good as
random; the whole random arm, because that does not change with time. Each arm counts every
architecture (canonical key) once, at its first trial: a controller that repeats the one lucky
architecture of a meaningless reward has learned that reward by heart, and nothing about the space.

The interval is a bootstrap of the studentised difference under the hypothesis that there is none:
both arms are resampled from all rewards together (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, algorithm 16.2), and the interval is the differences that this test keeps. Rewards
have a long tail of bad architectures; resampling each arm by itself, a small random arm that missed
the tail gave a wrong verdict in up to 7 % of meaningless searches, this one in 1 %. The level is
99 %: a search that did nothing is called better, or worse, once in a hundred times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from nas.honesty.arms import ARM, RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nas.trial import Proposal

LEVEL = 0.99
RESAMPLES = 4000
TINY = 1e-12  # a standard error below this is rounding
# Below five against five even arms without any overlap come about by chance more often than once
# in 200 times (1 / (10 choose 5) = 1/252), which is what one side of the interval stands for.
FEWEST = 5


class Verdict(StrEnum):
    """What may be said about the search arm, compared with the random arm."""

    BETTER = "better"
    NOT_SHOWN = "not shown to be better"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Measured:
    """A trial as the verdict sees it. ``reward`` is None where nothing was measured."""

    proposal: Proposal
    key: str
    reward: float | None


@dataclass(frozen=True, slots=True)
class Lift:
    """The search arm against the random arm, in units of the reward.

    ``searched`` and ``random`` are the architectures compared, means their mean rewards, and
    ``difference`` is between these. ``low`` and ``high`` are the ends of the interval at ``level``,
    None where an arm is too small for one. ``budget`` is the epochs of the trials compared, None
    for the full schedule.
    """

    verdict: Verdict
    difference: float
    low: float | None
    high: float | None
    level: float
    search_mean: float
    random_mean: float
    searched: int
    random: int
    budget: int | None = None


def lift(trials: Iterable[Measured], seed: int = 0) -> Lift | None:
    """Return the lift of a search from its trials by number, None before both arms have results.

    Only trials of one budget are compared: the largest at which both arms have results enough,
    or, before that, results at all. The same trials and seed give the same interval.
    """
    arms = _arms(trials)
    both = [budget for budget, (search, rand) in arms.items() if search and rand]
    if not both:
        return None
    budget = max(
        both, key=lambda b: (min(map(len, arms[b])) >= FEWEST, math.inf if b is None else b)
    )
    search, rand = arms[budget]
    return compare(search[len(search) // 2 :], rand, seed, budget)


def compare(
    search: Sequence[float], rand: Sequence[float], seed: int = 0, budget: int | None = None
) -> Lift:
    """Return the lift of ``search`` over ``rand``, two samples of rewards."""
    a, b = np.asarray(search, dtype=np.float64), np.asarray(rand, dtype=np.float64)
    difference = float(a.mean() - b.mean())
    low = high = None
    verdict = Verdict.NOT_SHOWN
    if min(len(a), len(b)) >= FEWEST:
        low, high = interval(a, b, seed)
        verdict = Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else verdict
    return Lift(
        verdict=verdict,
        difference=difference,
        low=low,
        high=high,
        level=LEVEL,
        search_mean=float(a.mean()),
        random_mean=float(b.mean()),
        searched=len(a),
        random=len(b),
        budget=budget,
    )


def interval(
    a: NDArray[np.float64], b: NDArray[np.float64], seed: int, level: float = LEVEL
) -> tuple[float, float]:
    """Return the interval of mean(a) - mean(b); both samples need two values."""
    rng = np.random.default_rng(seed)
    difference, error = float(a.mean() - b.mean()), _error(a, b)
    pooled = np.concatenate([a, b])
    first = pooled[rng.integers(len(pooled), size=(RESAMPLES, len(a)))]
    second = pooled[rng.integers(len(pooled), size=(RESAMPLES, len(b)))]
    errors = np.sqrt(first.var(1, ddof=1) / len(a) + second.var(1, ddof=1) / len(b))
    # A resample of one value many times has no spread to divide by: it says nothing about t.
    usable = errors > TINY
    if error <= TINY or not usable.any():
        return difference, difference
    deviations = first.mean(1)[usable] - second.mean(1)[usable]
    low, high = np.quantile(deviations / errors[usable], [(1 - level) / 2, (1 + level) / 2])
    return difference - float(high) * error, difference - float(low) * error


def _error(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return math.sqrt(float(a.var(ddof=1)) / len(a) + float(b.var(ddof=1)) / len(b))


def _arms(trials: Iterable[Measured]) -> dict[int | None, tuple[list[float], list[float]]]:
    """Return the rewards of both arms by budget: (search, random), each architecture once."""
    arms: dict[int | None, tuple[list[float], list[float]]] = {}
    seen: set[tuple[bool, int | None, object]] = set()
    for trial in trials:
        arm = trial.proposal.note.get(ARM)
        if trial.reward is None or arm is None:
            continue
        budget, is_random = trial.proposal.budget, arm == RANDOM
        # What is no architecture has no key; its decisions tell it from others.
        identity = (is_random, budget, trial.key or trial.proposal.decisions)
        if identity not in seen:
            seen.add(identity)
            arms.setdefault(budget, ([], []))[is_random].append(trial.reward)
    return arms
