"""The arithmetic of finals: mean, spread, and what became of the winner's lead."""

from __future__ import annotations

import random
import statistics

import pytest

from nas.honesty.finals import Finalist, shrinkage


def test_the_lead_is_over_the_mean_of_the_others():
    found = shrinkage(
        [
            Finalist(4, 0.90, (0.80, 0.82)),
            Finalist(2, 0.86, (0.79, 0.81)),
            Finalist(7, 0.84, (0.81, 0.81)),
        ]
    )
    assert found.before == pytest.approx(0.05)
    assert found.after == pytest.approx(0.81 - 0.805)
    assert found.lost == pytest.approx(0.045)
    # sd of (0.80, 0.82) is 0.01 * sqrt(2): variances of the means are 1e-4, 1e-4 and 0.
    assert found.error == pytest.approx((1e-4 + 1e-4 / 4) ** 0.5)


def test_one_seed_has_no_spread_and_one_finalist_no_lead():
    assert shrinkage([Finalist(0, 0.9, (0.8,))]) is None
    assert (
        shrinkage([Finalist(0, 0.9, ()), Finalist(1, 0.8, (0.7,)), Finalist(2, 0.8, (1,))]) is None
    )
    found = shrinkage([Finalist(0, 0.9, (0.8,)), Finalist(1, 0.8, (0.7,))])
    assert (found.error, Finalist(0, 0.9, (0.8,)).spread) == (None, None)


def test_a_winner_by_luck_alone_loses_its_whole_lead():
    rng = random.Random(0)
    kept = []
    for _ in range(200):  # twenty equal architectures with noisy scores; the best three go on
        scores = sorted((rng.gauss(0.7, 0.02) for _ in range(20)), reverse=True)[:3]
        tests = [tuple(rng.gauss(0.7, 0.02) for _ in range(3)) for _ in scores]
        finalists = [Finalist(i, s, t) for i, (s, t) in enumerate(zip(scores, tests, strict=True))]
        found = shrinkage(finalists)
        assert found.before > 0
        kept.append(found.after)
    assert statistics.fmean(kept) == pytest.approx(0, abs=0.004)
