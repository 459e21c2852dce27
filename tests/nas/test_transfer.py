"""A searched cell at other sizes: the published scales, and the largest one within a budget."""

from __future__ import annotations

import random

import pytest
import torch

from nas.transfer import CIFAR, IMAGENET_LARGE, IMAGENET_MOBILE, cost, fit_budget
from nas.zoo.nasbench201 import RESNET
from nas.zoo.nasnet_a import NASNET_A
from searchspaces import SpaceError, Task
from searchspaces.catalog import SPACES
from searchspaces.nasbench201 import NASBench201, from_string

RESNET_CELL = NASBench201().decode(from_string(RESNET))  # small, so that costs are quick to count
IMAGENET = Task(3, 224, 224, 1000)
CELLS = ("amoebanet", "darts", "enas", "nasbench201", "nasnet", "pnas")


@pytest.mark.parametrize(
    ("scale", "task", "params"),
    [
        (CIFAR, Task(3, 32, 32, 10), 3_346_538),
        (IMAGENET_MOBILE, IMAGENET, 5_289_978),
        (IMAGENET_LARGE, Task(3, 331, 331, 1000), 88_753_150),
    ],
    ids=["CIFAR", "mobile", "large"],
)
def test_the_named_scales_are_the_published_sizes_of_nasnet_a(scale, task, params):
    # The profile counts inference: the auxiliary classifier is there, but not in it.
    assert scale.auxiliary
    assert cost(NASNET_A, task, scale).params == params


def test_600_million_multiply_adds_are_used_up_and_not_exceeded():
    scale = fit_budget(NASNET_A, IMAGENET, max_madds=600e6, depths=(4,))
    assert (scale.stem, scale.cells, scale.stem_multiplier) == ("imagenet", 4, 1)
    assert cost(NASNET_A, IMAGENET, scale).madds <= 600e6
    wider = scale.model_copy(update={"filters": scale.filters + 2})
    assert cost(NASNET_A, IMAGENET, wider).madds > 600e6
    assert scale.filters in (44, 46)  # the published mobile network has 44


def test_of_sizes_that_cost_alike_the_first_depth_wins_and_else_the_fullest():
    arch, task = RESNET_CELL, Task(3, 32, 32, 10)
    scales = {
        depth: fit_budget(arch, task, max_params=2e5, stem="cifar", depths=(depth,))
        for depth in (1, 2, 3)
    }
    use = {depth: cost(arch, task, scale).params for depth, scale in scales.items()}
    assert max(use.values()) <= 2e5
    chosen = fit_budget(arch, task, max_params=2e5, stem="cifar", depths=(1, 2, 3))
    allowed = [d for d in (1, 2, 3) if use[d] >= 0.99 * max(use.values())]
    assert chosen == scales[allowed[0]]


def test_both_limits_hold_and_the_tighter_one_decides():
    task = Task(3, 64, 48, 37)
    loose = fit_budget(NASNET_A, task, max_madds=20e6, depths=(1,))
    tight = fit_budget(NASNET_A, task, max_madds=20e6, max_params=50e3, depths=(1,))
    assert tight.filters < loose.filters
    assert cost(NASNET_A, task, tight).params <= 50e3


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_any_cell_becomes_a_network_of_either_kind_and_trains(name, stem):
    task = Task(1, 33, 40, 5)
    space = SPACES.create(name)
    arch = space.decode(space.sample(random.Random(3)))
    scale = fit_budget(arch, task, max_params=3e4, stem=stem, depths=(1,)).model_copy(
        update={"auxiliary": True, "drop_path": 0.2}
    )
    network = space.build(arch, task, scale)
    logits, auxiliary = network(torch.randn(4, 1, 33, 40))
    assert logits.shape == auxiliary.shape == (4, 5)
    (logits.logsumexp(1).sum() + auxiliary.logsumexp(1).sum()).backward()
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


def test_a_budget_that_nothing_meets_says_what_the_smallest_costs():
    line = r"no size within the budget; the smallest has [\d,]+ param"
    with pytest.raises(SpaceError, match=line):
        fit_budget(NASNET_A, IMAGENET, max_params=100, depths=(2, 1))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({}, "needs max_madds or max_params"),
        ({"max_madds": 0}, r"max_madds: 0 \(allowed: more than 0\)"),
        ({"max_params": -1.0}, "max_params: -1.0"),
        ({"max_params": 1e6, "depths": ()}, r"depths: \[\]"),
    ],
)
def test_a_budget_without_sense_is_refused_by_field(limits, message):
    with pytest.raises(SpaceError, match=message):
        fit_budget(NASNET_A, IMAGENET, **limits)
