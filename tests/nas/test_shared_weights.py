"""Weight sharing: what children share, what a step trains, and that trials stay pure."""

from __future__ import annotations

import random

import pytest
import torch

from nas.data import DataSpec, load_search
from nas.evaluators import Request
from nas.evaluators.shared_weights import SharedWeights
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.supernet import Supernet, WeightBank, shared_names
from nas.trial import TrialStopped
from searchspaces import Task
from searchspaces.nasbench201 import NASBench201
from searchspaces.nasnet import NASNet
from searchspaces.scale import Scale
from searchspaces.toy import Toy

TASK = Task(1, 8, 8, 10)
SMALL = Scale(filters=4, stem_multiplier=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return load_search(DataSpec(train_images=300), 0, tmp_path_factory.mktemp("data"))


def supernet(data, space, epochs=2):
    return Supernet(space, data, Recipe(epochs=epochs, batch_size=32), SMALL, seed=0)


def test_children_share_an_operation_at_the_same_place_and_nothing_else():
    space = Toy()
    bank = WeightBank(space, TASK, SMALL, seed=0)
    # Places 0 and 1 have the same operations in both, places 2 and 3 change them around.
    first = bank.child(space.decode((2, 1, 2, 1, 0, 0)))
    second = bank.child(space.decode((2, 1, 1, 2, 0, 0)))
    ours, theirs = (set(map(id, m.parameters())) for m in (first, second))
    same = [n for n, p in first.named_parameters() if id(p) in theirs]
    assert any(".ops.0." in name for name in same)
    assert any(".ops.1." in name for name in same)
    assert not any(".ops.2." in name or ".ops.3." in name for name in same)
    assert any("stem" in name for name in same)
    assert any("head" in name for name in same)
    assert ours <= set(map(id, bank.weights.values()))


@pytest.mark.parametrize("space", [NASBench201(), NASNet(), Toy()], ids=lambda s: s.name)
def test_a_child_computes_what_the_network_of_the_space_does_with_the_same_weights(space):
    rng = random.Random(0)
    bank = WeightBank(space, TASK, SMALL, seed=0)
    for _ in range(3):
        arch = space.decode(space.sample(rng))
        child = bank.child(arch).train()
        with seeded(1, torch.device("cpu")):
            alone = space.build(arch, TASK, SMALL).train()
        weights = dict(child.named_parameters())
        assert {n: p.shape for n, p in alone.named_parameters()} == {
            n: p.shape for n, p in weights.items()
        }
        alone.load_state_dict(weights, strict=False)
        x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        assert torch.equal(child(x), alone(x))
        child.eval(), alone.eval()
        assert torch.equal(child(x), alone(x))  # the statistics of the batch before, in both


def test_a_step_changes_the_weights_of_its_child_and_no_other(data):
    space = Toy()
    net = supernet(data, space)
    for point in ((1,) * 6, (2,) * 6):
        net.bank.child(space.decode(point))
    x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    y = torch.arange(8) % 10
    net.learn(space.decode((2,) * 6), x, y)  # momentum of others must not move them later
    before = {name: p.detach().clone() for name, p in net.bank.weights.items()}
    net.learn(space.decode((1,) * 6), x, y)
    net.learn(space.decode((1,) * 6), x, y)
    mine = set(shared_names(net.bank.child(space.decode((1,) * 6))).values())
    changed = {n for n, p in net.bank.weights.items() if not torch.equal(p, before[n])}
    assert changed <= mine
    assert any("ops" in name for name in changed)


def test_initial_weights_are_those_of_the_space_and_of_the_seed():
    space = Toy()
    arch = space.decode((1, 2, 1, 2, 1, 2))
    one, two, other = (WeightBank(space, TASK, SMALL, seed=s) for s in (0, 0, 1))
    for bank in (one, two, other):
        bank.child(arch)
    assert one.weights.keys() == two.weights.keys()
    assert all(torch.equal(p, two.weights[n]) for n, p in one.weights.items())
    assert not all(torch.equal(p, other.weights[n]) for n, p in one.weights.items())


def test_trials_are_pure_in_any_order_and_in_any_worker(data):
    space = Toy()
    rng = random.Random(1)
    points = [space.sample(rng) for _ in range(3)]

    def measured(order):
        evaluator = SharedWeights(space, data, recipe=Recipe(epochs=1, batch_size=32), scale=SMALL)
        return {
            i: evaluator.evaluate(Request(points[i], space.decode(points[i]), i), lambda *_: True)
            for i in order
        }

    assert measured([0, 1, 2, 0]) == measured([2, 0, 1])


def test_trained_shared_weights_know_the_images_of_the_selection(tmp_path):
    space = NASBench201()
    data = load_search(DataSpec(train_images=600), 0, tmp_path)
    recipe = Recipe(epochs=12, batch_size=32)
    reports, rng = [], random.Random(0)
    evaluator = SharedWeights(space, data, recipe=recipe, scale=Scale(filters=8))
    accuracies = []
    for _ in range(6):
        point = space.sample(rng)
        request = Request(point, space.decode(point), 0)
        found = evaluator.evaluate(request, lambda *args: reports.append(args) or True)
        assert set(found) == set(evaluator.measures)
        accuracies.append(found["accuracy"])
    assert [step for step, _ in reports] == list(range(1, 13))  # trained once, in the first trial
    losses = [metrics["supernet_loss"] for _, metrics in reports]
    assert losses[-1] < losses[0] - 0.3
    assert sum(accuracies) / 6 > 0.3  # of ten classes


def test_a_frozen_bank_gives_a_child_what_it_lacks_whatever_came_before():
    space = Toy()
    plain, rich = (space.decode(p) for p in ((1,) * 6, (2, 2, 1, 1, 1, 1)))
    found = []
    for order in ((rich,), (space.decode((2,) * 6), rich)):
        bank = WeightBank(space, TASK, SMALL, seed=0)
        bank.child(plain)
        bank.frozen = True
        for arch in order:
            child = bank.child(arch)
        found.append({n: p.detach() for n, p in child.named_parameters()})
        assert len(bank.weights) == len(list(bank.child(plain).parameters()))
    assert all(torch.equal(p, found[1][n]) for n, p in found[0].items())


def test_a_stopped_training_of_the_shared_weights_begins_again(data):
    space = Toy()
    evaluator = SharedWeights(space, data, recipe=Recipe(epochs=2, batch_size=32), scale=SMALL)
    request = Request(space.optimum, space.decode(space.optimum), 0)
    with pytest.raises(TrialStopped):
        evaluator.evaluate(request, lambda *_: False)
    whole = evaluator.evaluate(request, lambda *_: True)
    fresh = SharedWeights(space, data, recipe=Recipe(epochs=2, batch_size=32), scale=SMALL)
    assert fresh.evaluate(request, lambda *_: True) == whole
