"""Kendall's tau against counting pairs, and its interval against repeated experiments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.rank import kendall_tau, tau_interval

scores = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12)


@given(scores)
def test_tau_is_what_counting_pairs_gives(pairs):
    a, b = zip(*pairs, strict=True)
    agree = differ = only_a = only_b = 0
    for i, j in itertools.combinations(range(len(a)), 2):
        sign = (a[i] - a[j]) * (b[i] - b[j])
        agree, differ = agree + (sign > 0), differ + (sign < 0)
        only_a += a[i] != a[j]
        only_b += b[i] != b[j]
    if not only_a or not only_b:
        assert kendall_tau(a, b) is None
    else:
        wanted = (agree - differ) / (only_a * only_b) ** 0.5
        assert kendall_tau(a, b) == pytest.approx(wanted)


def test_the_same_order_is_one_and_the_reverse_minus_one():
    up = [0.1, 0.5, 0.7, 2.0]
    assert kendall_tau(up, [x**3 for x in up]) == 1
    assert kendall_tau(up, [-x for x in up]) == -1
    with pytest.raises(ValueError, match="as many"):
        kendall_tau(up, up[:2])


def test_the_interval_covers_nought_for_unrelated_scores_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(60):
        low, high = tau_interval(rng.normal(size=20), rng.normal(size=20), seed)
        covered += low <= 0 <= high
    assert 51 <= covered <= 60  # 95 % of 60 is 57


def test_the_interval_is_around_the_estimate_and_narrows_with_more_architectures():
    rng = np.random.default_rng(1)
    widths = []
    for count in (10, 80):
        a = rng.normal(size=count)
        b = a + rng.normal(size=count)
        low, high = tau_interval(a, b)
        assert low <= kendall_tau(a, b) <= high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert tau_interval([1, 2, 3], [1, 2, 3]) == (-1.0, 1.0)
