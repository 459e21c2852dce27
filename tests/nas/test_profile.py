"""The profile against torch's own flop counter, the published numbers, and a real forward pass."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.profile import profile
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.network import CellNetwork
from searchspaces.scale import Scale
from tests.searchspaces.published import NASNET_A


def counted(model: nn.Module, task: Task) -> float:
    counter = FlopCounterMode(display=False)
    image = torch.empty(1, task.channels, task.height, task.width, device="meta")
    with counter, torch.no_grad():
        model.eval()(image)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("name", ["nasnet", "toy"])
def test_multiply_adds_are_those_of_torchs_flop_counter(name: str) -> None:
    space, rng = SPACES.create(name), random.Random(3)
    for _ in range(20):
        task = Task(rng.choice((1, 3)), rng.randint(5, 40), rng.randint(5, 40), rng.randint(2, 20))
        scale = Scale(filters=rng.randint(3, 20), cells=rng.randint(1, 2))
        with torch.device("meta"):
            model = space.build(space.decode(space.sample(rng)), task, scale)
        result = profile(model, task)
        assert result.madds == counted(model, task)
        assert result.params == sum(p.numel() for p in model.parameters())
        assert sum(row.params for row in result.layers) == result.params
        assert sum(row.madds for row in result.layers) == result.madds


def test_nasnet_a_has_the_published_multiply_adds() -> None:
    mobile = Scale(cells=4, filters=44, stem="imagenet", stem_multiplier=1)
    task = Task(3, 224, 224, 1000)
    with torch.device("meta"):
        model = CellNetwork(NASNET_A, task, mobile)
    assert (profile(model, task).params, profile(model, task).madds) == (5_289_978, 563_638_816)


def test_rows_name_the_parts_in_the_order_they_run() -> None:
    task = Task(3, 32, 32, 10)
    model = CellNetwork(NASNET_A, task, Scale(cells=1, filters=8))
    rows = profile(model, task).layers
    assert [(row.name, row.kind, row.output) for row in rows] == [
        ("stem", "conv 3x3", (24, 32, 32)),
        ("cells.0", "normal", (48, 32, 32)),
        ("cells.1", "reduction", (64, 16, 16)),
        ("cells.2", "normal", (96, 16, 16)),
        ("cells.3", "reduction", (128, 8, 8)),
        ("cells.4", "normal", (192, 8, 8)),
        ("head", "average, linear", (10,)),
    ]
    assert rows[0].params == 3 * 24 * 9 + 48
    assert rows[0].madds == 3 * 24 * 9 * 32 * 32


def test_the_auxiliary_head_is_not_part_of_the_cost() -> None:
    task = Task(3, 32, 32, 10)
    scale = Scale(cells=1, filters=8)
    plain = CellNetwork(NASNET_A, task, scale)
    trained = CellNetwork(NASNET_A, task, scale.model_copy(update={"auxiliary": True}))
    assert profile(trained, task) == profile(plain, task)


def test_a_profile_leaves_the_model_as_it_was() -> None:
    task = Task(1, 8, 8, 3)
    model = CellNetwork(NASNET_A, task, Scale(cells=1, filters=4))
    model.head.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    profile(model, task)
    assert model.training
    assert not model.head.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(not module._forward_hooks for module in model.modules())


def test_a_weight_used_twice_counts_once_as_parameter_and_twice_as_work() -> None:
    layer = nn.Linear(4, 4)
    model = nn.Sequential(nn.Flatten(), layer, layer)
    result = profile(model, Task(1, 2, 2, 4))
    assert (result.params, result.madds) == (20, 32)
