"""The profile against torch's own flop counter, the published numbers, and a real forward pass."""

from __future__ import annotations

import random
import time

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.profile import profile
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.network import CellNetwork
from searchspaces.ops import OPS
from searchspaces.scale import Scale
from tests.searchspaces.published import NASNET_A


def counted(model: nn.Module, task: Task) -> float:
    counter = FlopCounterMode(display=False)
    image = torch.empty(1, task.channels, task.height, task.width, device="meta")
    with counter, torch.no_grad():
        model.eval()(image)
    return counter.get_total_flops() / 2


NETWORKS = [name for name in SPACES.names() if SPACES.get(name).buildable]


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_those_of_torchs_flop_counter(name: str) -> None:
    space, rng = SPACES.create(name), random.Random(3)
    for _ in range(5):
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


def test_memory_is_that_of_the_results_counted_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),  # 8 x 6 x 6 numbers
        nn.BatchNorm2d(8),  # as many
        nn.ReLU(inplace=True),  # none
        nn.MaxPool2d(2),  # 8 x 3 x 3, and indices that do not count
        nn.Flatten(),  # a view
        nn.Linear(72, 5),  # 5
    )
    result = profile(model, Task(3, 6, 6, 5))
    assert [row.memory for row in result.layers] == [4 * 288, 4 * 288, 0, 4 * 72, 0, 4 * 5]
    assert result.memory_sum == sum(row.memory for row in result.layers)
    # At its peak: the input of the normalisation and its output; the image is held by the caller.
    assert result.memory_peak == 4 * (108 + 288 + 288)
    assert profile(model.double(), Task(3, 6, 6, 5)).memory_peak == 2 * result.memory_peak


class Held(nn.Module):
    """Adds the first of three results to the last, so that it lives for all that time."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([nn.Conv2d(4, 4, 1) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = x = self.parts[0](x)
        for part in list(self.parts)[1:]:
            x = part(x)
        return (x + first).mean((2, 3))


def test_a_result_that_is_needed_later_counts_until_then() -> None:
    number = 4 * 4 * 5 * 5  # bytes of one result
    result = profile(Held(), Task(4, 5, 5, 4))
    # The image, the first and the third result, their sum, and four averages of it.
    assert result.memory_peak == 4 * number + 4 * 4
    assert result.memory_sum == 4 * number + 4 * 4


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parts_of_a_network_hold_its_memory(name: str) -> None:
    space, task = SPACES.create(name), Task(3, 16, 16, 10)
    with torch.device("meta"):
        model = space.build(space.decode(space.sample(random.Random(4))), task, Scale(filters=8))
    result = profile(model, task)
    parts = sum(row.memory for row in result.layers)
    assert 0.9 * result.memory_sum <= parts <= result.memory_sum
    assert 4 * 3 * 16 * 16 < result.memory_peak < result.memory_sum
    assert all(min(row.receptive_field) >= 1 for row in result.layers)


def seen(model: nn.Module, size: int) -> tuple[int, int]:
    """Return how many rows and columns of an image change one value in the middle of the maps."""
    for p in model.parameters():
        nn.init.uniform_(p, 0.5, 1.0)
    image = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    maps = model.double().eval()(image)
    maps[0, 0, maps.shape[2] // 2, maps.shape[3] // 2].backward()
    assert image.grad is not None
    touched = image.grad[0].abs().sum(0) > 0
    return tuple(
        int(t.nonzero().max() - t.nonzero().min()) + 1 for t in (touched.any(1), touched.any(0))
    )


class Maps(nn.Module):
    """The layers of a network up to the classifier."""

    def __init__(self, ops: list[str], strides: list[int], *, beside: str) -> None:
        super().__init__()
        stride = 1
        for step in strides:
            stride *= step
        self.path = nn.Sequential(
            *(OPS[op].build(3, 3, step) for op, step in zip(ops, strides, strict=True))
        )
        for module in self.modules():
            if isinstance(module, nn.ReLU | nn.BatchNorm2d):
                module.eval()
        self.beside = OPS[beside].build(3, 3, stride) if stride <= 2 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.path(x)
        return y if self.beside is None else y + self.beside(x)


@pytest.mark.parametrize("seed", range(20))
def test_the_receptive_field_is_where_the_gradient_reaches(seed: int) -> None:
    rng = random.Random(seed)
    # Averages instead of maxima, whose gradient reaches one pixel only.
    names = ["conv_3x3", "sep_5x5", "dil_3x3", "avg_3x3", "conv_1x7_7x1", "identity"]
    ops = [rng.choice(names) for _ in range(3)]
    model = Maps(ops, [rng.choice((1, 2)) for _ in ops], beside=rng.choice([*names, "linear_skip"]))
    size = 128
    field = profile(nn.Sequential(model), Task(3, size, size, 2)).layers[0].receptive_field
    assert field == seen(model, size)


def test_the_receptive_field_of_a_network_is_that_of_its_last_maps() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(4, 4, (1, 5)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    result = profile(model, Task(3, 64, 48, 2))
    # 3; 3 + 2 x 2 = 7; columns 7 + 4 x 4 = 23.
    assert [row.receptive_field for row in result.layers[:3]] == [(3, 3), (7, 7), (7, 23)]
    assert result.receptive_field == (7, 23)
    assert result.layers[3].receptive_field == (65, 49)  # with one of padding


def test_squeeze_and_excitation_sees_the_whole_image() -> None:
    space, task = SPACES.create("mobile", {"stages": 1}), Task(3, 32, 32, 2)
    narrow, wide = (space.build(space.decode((0, 0, se, 0, 1)), task, Scale()) for se in (0, 1))
    assert profile(narrow, task).receptive_field == (5, 5)
    assert min(profile(wide, task).receptive_field) >= 32


def test_nasnet_a_large_is_profiled_in_seconds() -> None:
    scale = Scale(cells=6, filters=168, stem="imagenet", skip_reduction_input=True)
    task = Task(3, 331, 331, 1000)
    with torch.device("meta"):
        model = CellNetwork(NASNET_A, task, scale)
    begun = time.process_time()
    result = profile(model, task)
    assert time.process_time() - begun < 10
    assert (result.params, len(result.layers)) == (88_753_150, 24)
