"""Every registered controller, with its default options, on the toy space."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from nas.controllers.catalog import CONTROLLERS
from nas.trial import Failure, FailureKind, Proposal, Result
from searchspaces.nasnet import NASNet
from searchspaces.toy import Toy

GOLDEN = Path(__file__).parents[1] / "golden" / "trajectories.json"
every_controller = pytest.mark.parametrize("name", CONTROLLERS.names())


def trajectory(name, trials, seed=0, space=None):
    """Ask and tell one by one; return the decisions and the rewards."""
    space = space or Toy()
    controller = CONTROLLERS.create(name, space=space, seed=seed)
    return [step(controller, space, number) for number in range(trials)]


def step(controller, space, number):
    (proposal,) = controller.ask(1)
    reward = space.value(proposal.decisions)
    controller.tell(Result(number, proposal, reward, {"accuracy": reward}))
    return [list(proposal.decisions), reward]


@every_controller
def test_the_same_seed_gives_the_same_search(name):
    assert trajectory(name, 30, seed=7) == trajectory(name, 30, seed=7)


@every_controller
def test_another_seed_gives_another_search(name):
    assert trajectory(name, 30, seed=7) != trajectory(name, 30, seed=8)


@pytest.fixture(scope="module")
def elsewhere():
    """Return the trajectory of every controller in a fresh process: one for all, it loads torch."""
    code = (
        "import json, torch; torch.set_num_threads(1)\n"
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_controller_contract import CONTROLLERS, trajectory\n"
        "print(json.dumps({name: trajectory(name, 20, seed=3) for name in CONTROLLERS.names()}))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


@every_controller
def test_the_same_seed_gives_the_same_search_in_a_fresh_process(name, elsewhere):
    assert elsewhere[name] == trajectory(name, 20, seed=3)


@every_controller
@pytest.mark.parametrize("cut", [0, 1, 5, 14, 19])
def test_a_search_stopped_and_resumed_is_the_same_search(name, cut):
    space = Toy()
    first = CONTROLLERS.create(name, space=space, seed=1)
    head = [step(first, space, number) for number in range(cut)]
    saved = json.loads(json.dumps(first.state_dict()))
    second = CONTROLLERS.create(name, space=space, seed=999)
    second.load_state_dict(saved)
    tail = [step(second, space, number) for number in range(cut, 20)]
    assert head + tail == trajectory(name, 20, seed=1)


@every_controller
def test_a_snapshot_between_ask_and_tell_loses_nothing(name):
    space = Toy()
    first = CONTROLLERS.create(name, space=space, seed=1)
    proposals = first.ask(3)
    second = CONTROLLERS.create(name, space=space, seed=2)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for controller in (first, second):
        for number, proposal in enumerate(proposals):
            reward = space.value(proposal.decisions)
            controller.tell(Result(number, proposal, reward, {"accuracy": reward}))
    assert first.ask(4) == second.ask(4)


@every_controller
def test_asking_for_three_is_asking_three_times_for_one(name):
    space = Toy()
    together = CONTROLLERS.create(name, space=space, seed=4)
    alone = CONTROLLERS.create(name, space=space, seed=4)
    count = min(3, together.independent() or 3)
    assert together.ask(count) == [p for _ in range(count) for p in alone.ask(1)]


@every_controller
def test_no_more_proposals_than_free_places_and_all_of_the_space(name):
    space = NASNet()
    controller = CONTROLLERS.create(name, space=space, seed=0)
    for free in (1, 2, 7):
        proposals = controller.ask(free)
        assert len(proposals) <= free
        for proposal in proposals:
            assert space.check(proposal.decisions) == proposal.decisions
            assert json.loads(json.dumps(proposal.note)) == proposal.note


@every_controller
def test_results_out_of_order_and_failures_are_learned_from_or_ignored(name):
    space = Toy()
    controller = CONTROLLERS.create(name, space=space, seed=0)
    proposals = controller.ask(6)
    order = list(enumerate(proposals))
    random.Random(0).shuffle(order)
    lost = Failure(FailureKind.LOST, "the worker was lost")
    nan = Failure(FailureKind.DIVERGED, "the loss is NaN")
    for number, proposal in order:
        failure = {0: lost, 1: nan}.get(number % 3)
        reward = {0: None, 1: 0.0}.get(number % 3, 0.5)
        controller.tell(Result(number, proposal, reward, {}, failure))
    assert all(space.check(p.decisions) for p in controller.ask(3))


@every_controller
def test_figures_are_finite_numbers(name):
    space = Toy()
    controller = CONTROLLERS.create(name, space=space, seed=0)
    for number in range(12):
        step(controller, space, number)
    for value in controller.figures().values():
        assert isinstance(value, float)
        assert abs(value) < 1e6


@pytest.mark.parametrize("name", [n for n in CONTROLLERS.names() if n != "random"])
def test_it_beats_random_on_the_toy_space_by_a_margin(name):
    def best_so_far(controller, seed):  # mean over the search: no credit for dwelling on the best
        rewards = [reward for _, reward in trajectory(controller, 200, seed)]
        return statistics.fmean(itertools.accumulate(rewards, max))

    gaps = [best_so_far(name, seed) - best_so_far("random", seed) for seed in range(4)]
    assert statistics.fmean(gaps) > 0.05, gaps


@pytest.mark.parametrize("name", [n for n in CONTROLLERS.names() if n != "random"])
def test_no_function_is_proposed_twice_with_one_budget(name):
    space = Toy()
    controller = CONTROLLERS.create(name, space=space, seed=2)
    seen = set()
    for number in range(60):
        (proposal,) = controller.ask(1)
        trial = (space.decode(proposal.decisions).key(), proposal.budget)
        assert trial not in seen
        seen.add(trial)
        reward = space.value(proposal.decisions)
        controller.tell(Result(number, proposal, reward, {"accuracy": reward}))


@every_controller
def test_the_trajectory_is_the_golden_one(name, request):
    now = [decisions for decisions, _ in trajectory(name, 24, seed=0)]
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if request.config.getoption("--update-golden"):
        golden[name] = now
        GOLDEN.write_text(_rows(golden))
    assert golden.get(name) == now


def _rows(golden):
    lines = [
        f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(d)}" for d in rows) + "\n  ]"
        for name, rows in sorted(golden.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_a_proposal_is_plain_data():
    proposal = Proposal((1, 2), 3, {"parent": 4})
    assert (proposal.decisions, proposal.budget, proposal.note) == ((1, 2), 3, {"parent": 4})
