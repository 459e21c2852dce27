"""The verdict: its arithmetic, its error rate on meaningless rewards, its power on real ones."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from nas.bench.lookup import read_lookup
from nas.controllers.catalog import CONTROLLERS
from nas.honesty.arms import Arms
from nas.honesty.verdict import (
    FEWEST,
    Measured,
    Verdict,
    _limits,
    _resampled,
    compare,
    interval,
    lift,
)
from nas.trial import Proposal, Result
from searchspaces.toy import Toy


def measured(arm, reward, key, budget=None):
    return Measured(Proposal((0,), budget, {"arm": arm}), key, reward)


def searched(space, table, name, seed, trials, fraction):
    """Run a controller with a random arm on a table; return its trials."""
    controller = Arms(CONTROLLERS.create(name, space=space, seed=seed), fraction)
    rewards, found = {}, []
    for number in range(trials):
        (proposal,) = controller.ask(1)
        key = space.decode(proposal.decisions).key()
        reward = rewards.setdefault(key, table(proposal.decisions))
        controller.tell(Result(number, proposal, reward, {}))
        found.append(Measured(proposal, key, reward))
    return found


def test_the_search_without_its_first_quarter_is_compared_with_all_of_the_random_arm():
    rewards = [0, 0, 0.5, 0.6, 0.7, 0.8, 0.9]
    trials = [measured("search", reward, f"s{i}") for i, reward in enumerate(rewards)]
    trials += [measured("random", reward, f"r{i}") for i, reward in enumerate([0.1, 0.3])]
    found = lift(trials)
    assert found is not None
    assert (found.search_mean, found.random_mean) == pytest.approx((3.5 / 6, 0.2))
    assert found.difference == pytest.approx(0.45)  # 0.4 and 0.5 are the middle two of twelve
    assert (found.searched, found.random) == (6, 2)


def test_an_architecture_counts_once_in_each_arm():
    lucky = [measured("search", 1.0, "lucky") for _ in range(50)]
    others = [measured("search", i / 10, f"s{i}") for i in range(10)]
    rand = [measured("random", i / 10, f"s{i}") for i in range(10)] * 2
    found = lift([*others, *lucky, *rand])
    assert found is not None
    assert (found.searched, found.random) == (9, 10)


def test_machine_failures_and_trials_without_an_arm_count_for_nothing():
    trials = [measured("search", None, "a"), measured("random", 0.5, "b")]
    assert lift(trials) is None
    assert lift([Measured(Proposal((0,)), "a", 0.5), measured("random", 0.5, "b")]) is None
    assert lift([]) is None


def test_a_few_trials_show_nothing_however_far_apart_they_are():
    few = compare([0.9] * (FEWEST - 1) + [0.91], [0.1, 0.11] * 2)
    assert (few.verdict, few.low, few.high) == (Verdict.NOT_SHOWN, None, None)
    enough = compare(np.linspace(0.9, 0.95, 8), np.linspace(0.1, 0.2, 8))
    assert enough.verdict is Verdict.BETTER
    assert enough.low < enough.difference < enough.high


def test_only_trials_of_the_same_fidelity_are_compared():
    cheap = [measured("search", 0.2, f"c{i}", 1) for i in range(20)]
    cheap += [measured("random", 0.2 + i / 100, f"d{i}", 1) for i in range(20)]
    full = [measured("search", 0.9 + i / 1000, f"e{i}", 9) for i in range(20)]
    assert lift([*cheap, *full]).budget == 1
    full += [measured("random", 0.5 + i / 100, f"f{i}", 9) for i in range(10)]
    found = lift([*cheap, *full])
    assert (found.budget, found.random) == (9, 10)


def test_the_verdict_is_the_other_way_round_when_the_arms_change_places():
    rng = random.Random(0)
    good, bad = [rng.gauss(0.8, 0.05) for _ in range(30)], [rng.gauss(0.6, 0.1) for _ in range(20)]
    there, back = compare(good, bad), compare(bad, good)
    assert (there.verdict, back.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert there.difference == pytest.approx(-back.difference)


def test_rewards_without_any_spread_have_an_interval_without_any_width():
    found = compare([0.5] * 10, [0.5] * 10)
    assert (found.verdict, found.low, found.high) == (Verdict.NOT_SHOWN, 0.0, 0.0)


def test_the_same_trials_and_seed_give_the_same_interval():
    a, b = np.linspace(0, 1, 20), np.linspace(0, 0.8, 15)
    assert interval(a, b, 3) == interval(a, b, 3)
    assert interval(a, b, 3) != interval(a, b, 4)


@pytest.mark.parametrize(("searched", "rand"), [(38, 24), (45, 10), (10, 10), (25, 50), (60, 40)])
def test_equal_arms_get_a_verdict_as_seldom_as_the_level_says(searched, rand):
    rng = np.random.default_rng(0)
    verdicts = Counter()
    for seed in range(150):  # a reward with a long tail of bad architectures, as on CIFAR-10
        draw = 0.75 - 0.1 * rng.gamma(0.8, size=searched + rand)
        verdicts[compare(draw[:searched], draw[searched:], seed).verdict] += 1
    assert verdicts[Verdict.NOT_SHOWN] >= 144  # 1 % of 150 is 1.5; more than 6 has a chance of 1e-3


@pytest.mark.parametrize("ties", [False, True])
def test_large_arms_get_the_limits_that_resampling_would_give(ties):
    rng = np.random.default_rng(0)
    rewards = rng.integers(6, size=90) if ties else rng.normal(size=90)
    chance = np.unique(rewards, return_counts=True)[1] / 90
    exact = _limits(40, 50, chance, 0.99)
    assert _resampled(40, 50, chance, 0.99, 0) == pytest.approx(exact, abs=0.012)


@pytest.fixture(scope="module")
def table(shared_data):
    path = shared_data / "nasbench201-cifar10.csv"
    return read_lookup(str(path), "nasbench201", "cifar10_val_12ep", "cifar10_test_200ep")


@pytest.mark.parametrize("name", ["evolution", "surrogate", "local_search"])
def test_the_true_table_is_told_from_a_shuffled_one(table, name):
    """One in twenty may be wrong by chance; benchmarks/verdict.py has the shares of 100 seeds."""
    points, values = list(table.search), list(table.search.values())
    true, false = Counter(), Counter()
    for seed in range(60 if name == "evolution" else 8):
        mixed = values.copy()
        random.Random(seed).shuffle(mixed)
        shuffled = dict(zip(points, mixed, strict=True))
        for counter, rewards in ((true, table.search), (false, shuffled)):
            trials = searched(table.space, rewards.__getitem__, name, seed, 100, 0.25)
            counter[lift(trials).verdict] += 1
    assert true[Verdict.BETTER] >= true.total() - max(1, true.total() // 20)
    assert false[Verdict.NOT_SHOWN] >= false.total() - max(1, false.total() // 20)


def test_the_default_controller_is_better_than_random_in_a_few_trials():
    space = Toy()
    for seed in range(2):
        found = lift(searched(space, space.value, "surrogate", seed, 60, 0.3))
        assert found.verdict is Verdict.BETTER, found
