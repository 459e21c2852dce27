"""What is particular to each controller, beside the contract that all of them keep."""

from __future__ import annotations

import json
import math
import random
import statistics
import time

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from nas.controllers.catalog import CONTROLLERS
from nas.controllers.features import Catalogue, Table, features
from nas.controllers.gaussian import (
    MU_VARIANCE,
    NOISES,
    RATES,
    Data,
    Model,
    Process,
    Sweep,
    expected_improvement,
)
from nas.controllers.ppo import clipped
from nas.controllers.seen import Seen
from nas.trial import Result
from searchspaces import Choice, SearchSpace, SpaceError
from searchspaces.arch import Arch, Cell, Node
from searchspaces.nasbench201 import NASBench201
from searchspaces.nasnet import NASNet
from searchspaces.registry import RegistryError
from searchspaces.toy import Toy

torch.set_num_threads(1)


class Pair(SearchSpace):
    """One decision between two operations."""

    name = "pair"

    def __init__(self):
        self.choices = (Choice("op", "op", ("one", "other")),)

    def decode(self, decisions):
        (index,) = self.check(decisions)
        return Arch("pair", (Cell("cell", 1, (Node(("one", "other")[index], (0,)),), (1,)),))

    def build(self, arch, task, scale):  # noqa: ARG002
        raise SpaceError("no network")


def tell(controller, number, proposal, reward, **metrics):
    controller.tell(Result(number, proposal, reward, {"accuracy": reward, **metrics}))


def search(name, space, trials, seed=0, **options):
    """Ask and tell one by one; return the controller and the proposals."""
    controller = CONTROLLERS.create(name, options, space=space, seed=seed)
    proposals = []
    for number in range(trials):
        (proposal,) = controller.ask(1)
        proposals.append(proposal)
        tell(controller, number, proposal, space.value(proposal.decisions))
    return controller, proposals


# --- what was seen -------------------------------------------------------------------------------


def test_a_space_that_is_used_up_gives_no_more_proposals():
    for name in ("evolution", "local_search", "surrogate", "reinforce", "tpe"):
        controller = CONTROLLERS.create(name, space=Pair(), seed=0)
        found = []
        for number in range(3):
            for proposal in controller.ask(1):
                found.append(proposal.decisions)
                tell(controller, number, proposal, 0.5)
        assert sorted(found) == [(0,), (1,)], name


def test_isomorphic_points_are_one_function_to_a_controller():
    space = NASBench201()
    seen = Seen(space)
    seen.add((1, 0, 2, 0, 0, 1))  # input -> skip -> 1x1 -> skip -> output
    assert not seen.fresh((0, 1, 0, 0, 0, 2))  # input -> skip -> 1x1 -> output
    assert seen.fresh((0, 1, 0, 0, 0, 3))


# --- REINFORCE and PPO ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reinforce", "ppo"])
def test_the_log_probability_of_a_proposal_is_the_one_that_the_policy_gives_it(name):
    space = Toy()
    controller = CONTROLLERS.create(name, space=space, seed=0)
    for number in range(40):
        (proposal,) = controller.ask(1)
        again = controller.policy(torch.tensor([proposal.decisions]))[0].item()
        assert proposal.note["log_p"] == pytest.approx(again, abs=1e-5)
        tell(controller, number, proposal, space.value(proposal.decisions))


def test_the_clipped_surrogate_is_the_one_worked_out_by_hand():
    log_p = torch.log(torch.tensor([0.6, 0.6, 0.2, 0.2]))
    old = torch.log(torch.tensor([0.4, 0.4, 0.4, 0.4]))  # ratios 1.5 and 0.5
    found = clipped(log_p, old, torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.2)
    assert found.tolist() == pytest.approx([1.2, -1.5, 0.5, -0.8])


def test_a_step_of_reinforce_raises_what_was_better_than_the_baseline():
    space = Toy()
    controller, _ = search("reinforce", space, 8)
    (good,) = controller.ask(1)
    before = controller.policy.log_p(good.decisions)
    tell(controller, 8, good, 10.0)
    assert controller.policy.log_p(good.decisions) > before


# --- the Gaussian process ------------------------------------------------------------------------


def data(count, known, seed=0):
    """Return random points on a line as Data: the square of their distance is the first kind."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 3, count)
    squares = np.square(x[:, None] - x)
    distances = np.stack([squares, np.zeros_like(squares), np.zeros_like(squares)])
    rewards = np.sin(2 * x[:known])
    return x, Data(distances.astype(np.float32), np.zeros(count), rewards)


def test_the_process_agrees_with_that_of_scikit_learn():
    x, given = data(12, 12)
    model = Model((5, 0, 0, 2), weight=0.0, variance=0.0)
    process = Process(given, model)
    new = np.linspace(0, 3, 7)
    squares = np.square(x[:, None] - new)
    cross = np.stack([squares, 0 * squares, 0 * squares]).astype(np.float32)
    mean, spread = process.predict(cross, np.zeros(7))
    width = 1 / math.sqrt(2 * RATES[5])
    kernel = RBF(width, "fixed") + ConstantKernel(MU_VARIANCE, "fixed")
    oracle = GaussianProcessRegressor(kernel, alpha=NOISES[2], optimizer=None)
    expected, sd = oracle.fit(x[:, None], given.rewards).predict(new[:, None], return_std=True)
    assert mean == pytest.approx(expected, abs=1e-4)
    ratio = spread / sd  # one scale for all, which we learn and the other holds at 1
    assert ratio == pytest.approx(np.full(7, ratio[0]), rel=1e-3)


def test_a_sweep_predicts_what_the_process_does_also_with_points_that_run():
    _, given = data(30, 30)
    sizes = np.linspace(-1, 1, 30)
    model = Model((4, 0, 0, 3), weight=0.5, variance=0.5)
    sweep = Sweep(model, sizes)
    sweep.begin([3, 7, 11], given.distances[:, [3, 7, 11]])
    for member in (2, 20, 5):
        sweep.append(member, given.distances[:, member])
    rewards = np.array([0.5, -1.0, 1.2, 0.1, -0.3, -0.5])
    swept = sweep.predict(rewards, [(15, given.distances[:, 15])])
    rows = [3, 7, 11, 2, 20, 5, 15]
    process = Process(Data(given.distances[:, rows][:, :, rows], sizes[rows], rewards), model)
    direct = process.predict(given.distances[:, rows], sizes)
    assert swept[0] == pytest.approx(direct[0], abs=1e-8)
    assert swept[1] == pytest.approx(direct[1], abs=1e-6)


def test_expected_improvement_is_the_mean_of_what_a_normal_exceeds_the_best_by():
    draws = np.random.default_rng(0).normal(0.3, 0.7, 400_000)
    found = expected_improvement(np.array([0.3]), np.array([0.7]), 0.5)
    assert found[0] == pytest.approx(np.maximum(draws - 0.5, 0).mean(), rel=0.01)


def test_features_are_the_same_for_isomorphic_cells():
    space = NASBench201()
    one, other = (1, 0, 2, 0, 0, 1), (0, 1, 0, 0, 0, 2)
    first, second = (features(point, space.decode(point)) for point in (one, other))
    assert (first.paths, first.shapes, first.size) == (second.paths, second.shapes, second.size)


def test_paths_and_their_lengths_are_those_counted_by_hand():
    space = NASBench201()
    # 0->1 3x3; 0->2 none, 1->2 1x1; 0->3 skip, 1->3 pool, 2->3 1x1
    found = features((3, 0, 2, 1, 4, 2), space.decode((3, 0, 2, 1, 4, 2)))
    assert found.paths == {
        "cell:0",
        "cell:0>conv_3x3>avg_3x3",
        "cell:0>conv_3x3>conv_1x1>conv_1x1",
    }
    lengths = {n: c for (_, kind, n), c in found.shapes.items() if kind == "long"}
    heavy = {n: c for (_, kind, n), c in found.shapes.items() if kind == "heavy"}
    assert (lengths, heavy) == ({0: 1, 2: 1, 3: 1}, {0: 1, 1: 1, 3: 1})


def test_distances_to_one_row_are_those_between_all_rows():
    space = NASNet()
    points = [space.sample(random.Random(i)) for i in range(6)]
    table = Table([features(point, space.decode(point)) for point in points])
    between = table.between(2)
    for row in range(2):
        assert between[:, row] == pytest.approx(table.distances(row), abs=1e-4)


def test_a_catalogue_holds_every_function_once():
    space = Toy()
    found = Catalogue(space)
    assert len(found.points) == len(found.index) == space.size
    assert found.sizes.mean() == pytest.approx(0, abs=1e-9)
    assert found.sizes.std() == pytest.approx(1)


# --- the surrogate -------------------------------------------------------------------------------


def test_the_prior_starts_with_large_architectures_and_can_be_switched_off():
    space = Toy()
    catalogue = Catalogue(space)

    def mean_size(prior):
        found = []
        for seed in range(4):
            controller = CONTROLLERS.create("surrogate", {"prior": prior}, space=space, seed=seed)
            for number in range(5):
                (proposal,) = controller.ask(1)
                row = catalogue.index[space.decode(proposal.decisions).key()]
                found.append(catalogue.sizes[row])
                tell(controller, number, proposal, 0.5)
        return statistics.fmean(found)

    assert mean_size(2.0) > mean_size(0.0) + 0.5 > mean_size(-2.0) + 1.0


def test_a_surrogate_resumed_with_trials_running_goes_on_exactly():
    space = Toy()
    first = CONTROLLERS.create("surrogate", space=space, seed=5)
    running = first.ask(3)
    for number in range(40):
        proposal = running.pop(number % 3)
        tell(first, number, proposal, space.value(proposal.decisions))
        running += first.ask(1)
        if number % 13 == 12:
            second = CONTROLLERS.create("surrogate", space=space, seed=0)
            second.load_state_dict(json.loads(json.dumps(first.state_dict())))
            first = second if number % 2 else first
    twin = CONTROLLERS.create("surrogate", space=space, seed=5)
    running = twin.ask(3)
    for number in range(40):
        proposal = running.pop(number % 3)
        tell(twin, number, proposal, space.value(proposal.decisions))
        running += twin.ask(1)
    assert first.ask(5) == twin.ask(5)


def test_the_surrogate_searches_a_space_too_large_to_list_and_resumes_there():
    space = NASNet(blocks=2)
    wanted = tuple(len(choice) // 2 for choice in space.choices)

    def value(point):
        return sum(a == b for a, b in zip(point, wanted, strict=True)) / len(wanted)

    controller = CONTROLLERS.create("surrogate", space=space, seed=0)
    rewards = []
    for number in range(45):
        (proposal,) = controller.ask(1)
        rewards.append(value(proposal.decisions))
        tell(controller, number, proposal, rewards[-1])
        if number == 30:
            other = CONTROLLERS.create("surrogate", space=space, seed=9)
            other.load_state_dict(json.loads(json.dumps(controller.state_dict())))
            assert other.ask(2) == controller.ask(2)
            controller = CONTROLLERS.create("surrogate", space=space, seed=9)
            controller.load_state_dict(json.loads(json.dumps(other.state_dict())))
    assert max(rewards[15:]) > max(rewards[:15])


# --- wrappers and many objectives ----------------------------------------------------------------


def test_halving_promotes_the_best_third_of_a_rung_on_the_real_schedule():
    space = Toy()
    controller = CONTROLLERS.create("halving", {"epochs": 2}, space=space, seed=0)
    asked = []
    for number in range(27):
        (proposal,) = controller.ask(1)
        asked.append(proposal)
        tell(controller, number, proposal, space.value(proposal.decisions))
    low, middle, top = (
        [p.decisions for p in asked if p.budget == budget] for budget in (2, 6, None)
    )
    assert len(low) > len(middle) > len(top) >= 1
    assert len(middle) <= len(low) // 3 + 1
    assert set(top) <= set(middle) <= set(low)
    assert statistics.fmean(map(space.value, middle)) > statistics.fmean(map(space.value, low))


def test_halving_around_an_unknown_controller_names_those_that_are_known():
    with pytest.raises(RegistryError, match=r"unknown controller 'rainbow'; known: .*evolution"):
        CONTROLLERS.create("halving", {"controller": "rainbow"}, space=Toy(), seed=0)


def test_a_warm_start_proposes_known_points_first_and_never_repeats_earlier_results():
    space = Toy()
    earlier = [[[0, 0, 0, 0, 0, 0], 0.2], [[2, 1, 2, 3, 0, 0], 0.9]]
    options = {"controller": "local_search", "start": [[1, 1, 1, 1, 1, 1]], "results": earlier}
    controller = CONTROLLERS.create("warm_start", options, space=space, seed=0)
    found = []
    for number in range(30):
        (proposal,) = controller.ask(1)
        found.append(proposal.decisions)
        tell(controller, number, proposal, space.value(proposal.decisions))
    assert found[0] == (1, 1, 1, 1, 1, 1)
    assert found.count(found[0]) == 1
    assert not {tuple(point) for point, _ in earlier} & set(found)


def test_an_earlier_search_saves_trials():
    space = Toy()
    _, proposals = search("random", space, 60, seed=3)
    results = [[list(p.decisions), space.value(p.decisions)] for p in proposals]
    options = {"controller": "surrogate", "results": results}

    def best(name, **options):
        return max(space.value(p.decisions) for p in search(name, space, 8, seed=1, **options)[1])

    assert best("warm_start", **options) > best("surrogate")


def test_nsga2_goes_for_a_further_metric_where_it_is_told_to():
    space = Toy()

    def ones(options):
        controller = CONTROLLERS.create("nsga2", options, space=space, seed=0)
        found = []
        for number in range(120):
            (proposal,) = controller.ask(1)
            cost = float(sum(proposal.decisions))
            found.append(cost)
            tell(controller, number, proposal, 0.5, cost=cost)
        return statistics.fmean(found[60:])

    assert ones({"objectives": ["-cost"]}) < ones({"objectives": ["cost"]}) - 3


@pytest.mark.parametrize("name", [n for n in CONTROLLERS.names() if n != "surrogate"])
def test_asking_and_telling_takes_milliseconds(name):
    space = NASBench201()
    controller = CONTROLLERS.create(name, space=space, seed=0)
    times = []
    for number in range(60):
        begun = time.process_time()
        (proposal,) = controller.ask(1)
        tell(controller, number, proposal, sum(proposal.decisions) / 24)
        times.append(time.process_time() - begun)
    # 8 ms on a machine of its own; processor time of a shared one is up to three times as much.
    assert statistics.median(times) < 0.03
