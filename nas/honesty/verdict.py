"""Whether a search beat random: the lift over its random arm, an interval, and one plain verdict.

The search arm without its first quarter is compared with the whole random arm. Without it, because
a controller knows nothing at first and its early proposals are as good as random ones; not without
more, because one that has found the best cells spends the rest on what is left; the whole random
arm, because that does not change with time. Each arm counts every architecture (canonical
key) once, at its first trial: a controller that repeats the one lucky architecture of a meaningless
reward has learned that reward by heart, and nothing about the space.

The lift is the median of the differences between an architecture of the search and a random one
(Hodges and Lehmann 1963). Medians and ranks, because rewards have a long tail of bad architectures
that a single bold proposal falls into, and because they need no scale. The interval holds the
shifts that a rank test keeps: the share of pairs that the search wins is compared with its
distribution where there is no difference, for which both arms are resampled from all rewards
together (the bootstrap test of Efron and Tibshirani 1993, algorithm 16.1). Resampling each arm by
itself instead, a small random arm that missed the tail gave a wrong verdict in up to 7 % of
meaningless searches. The level is 99 %: a search that did nothing is called better, or worse, once
in a hundred times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from nas.honesty.arms import ARM, RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nas.trial import Proposal

LEVEL = 0.99
RESAMPLES = 4000
LARGE = 30  # architectures in both arms from which the resampled share is as good as normal
# Below five against five even arms without any overlap come about by chance more often than once
# in 200 times (1 / (10 choose 5) = 1/252), which is what one side of the interval stands for.
FEWEST = 5
WARM_UP = 4  # one in so many of the search arm's architectures, the first ones, count for nothing
MOST = 500  # of an arm, the latest: more would narrow nothing that matters


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
    ``difference`` is the median difference of the pairs between them. ``low`` and ``high`` are the
    ends of its interval at ``level``, None where an arm is too small for one. ``budget`` is the
    epochs of the trials compared, None for the full schedule.
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
    return compare(search[len(search) // WARM_UP :], rand, seed, budget)


def compare(
    search: Sequence[float], rand: Sequence[float], seed: int = 0, budget: int | None = None
) -> Lift:
    """Return the lift of ``search`` over ``rand``, two samples of rewards."""
    a = np.asarray(search[-MOST:], dtype=np.float64)
    b = np.asarray(rand[-MOST:], dtype=np.float64)
    low = high = None
    verdict = Verdict.NOT_SHOWN
    if min(len(a), len(b)) >= FEWEST:
        low, high = interval(a, b, seed)
        verdict = Verdict.BETTER if low > 0 else Verdict.WORSE if high < 0 else verdict
    return Lift(
        verdict=verdict,
        difference=float(np.median(np.subtract.outer(a, b))),
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
    """Return the shifts of ``b`` that the rank test keeps at this level."""
    pairs = np.subtract.outer(a, b).ravel()
    _, counts = np.unique(np.concatenate([a, b]), return_counts=True)
    chance = counts / counts.sum()
    if min(len(a), len(b)) >= LARGE:
        few, many = _limits(len(a), len(b), chance, level)
    else:
        few, many = _resampled(len(a), len(b), chance, level, seed)
    low = np.quantile(pairs, 1 - many, method="lower")
    high = np.quantile(pairs, 1 - few, method="higher")
    return float(low), float(high)


def _resampled(
    n: int, m: int, chance: NDArray[np.float64], level: float, seed: int
) -> tuple[float, float]:
    """Return between which shares of won pairs two samples of the same rewards lie."""
    rng = np.random.default_rng(seed)
    # How often each distinct reward is drawn into either arm, (resamples, rewards).
    first = rng.multinomial(n, chance, size=RESAMPLES)
    second = rng.multinomial(m, chance, size=RESAMPLES)
    below = second.cumsum(1) - second / 2  # a tie is half a win
    wins = (first * below).sum(1) / (n * m)
    few, many = np.quantile(wins, [(1 - level) / 2, (1 + level) / 2])
    return float(few), float(many)


def _limits(n: int, m: int, chance: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return what ``_resampled`` tends to: a normal distribution with the same variance."""
    wins = chance.cumsum() - chance / 2  # of each reward against a random one
    one = float(chance @ wins**2) - 0.25
    pair = 0.25 - 0.25 * float(chance @ chance)
    variance = ((n - 1) * one + (m - 1) * one + pair) / (n * m)
    reach = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    return 0.5 - reach, 0.5 + reach


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
