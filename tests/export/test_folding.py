"""Folding follows the data: it is done where it is right, and left where it is not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas.export.compare import outputs, random_batches
from nas.export.folding import folded
from searchspaces import Task
from tests.contracts.test_exporter_contract import hand_built, trained_looking

TASK = Task(2, 6, 6, 3)


class Shared(nn.Module):
    """A convolution whose output goes to a normalisation and elsewhere: not to be folded."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, x):
        y = self.conv(x)
        return (y + self.norm(y)).mean((2, 3))


class Twice(nn.Module):
    """One convolution used twice, before two normalisations: each use gets its own weights."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1, bias=False)
        self.first, self.second = nn.BatchNorm2d(2), nn.BatchNorm2d(2)

    def forward(self, x):
        return self.second(self.conv(functional.relu(self.first(self.conv(x))))).mean((2, 3))


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


CASES = {
    "convolution, normalisation": (chain(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), 1, 0),
    "without a bias": (chain(nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3)), 1, 0),
    "in groups, with a stride": (
        chain(nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.BatchNorm2d(4)),
        1,
        0,
    ),
    "padding by name": (chain(nn.Conv2d(2, 3, 3, padding="same"), nn.BatchNorm2d(3)), 1, 0),
    "without gain and shift": (
        chain(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False)),
        1,
        0,
    ),
    "relu, convolution, normalisation": (
        chain(nn.ReLU(), nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 3, 1)),
        1,
        0,
    ),
    "normalisation before its convolution": (
        chain(nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 3)),
        0,
        1,
    ),
    "a relu between": (chain(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.BatchNorm2d(3)), 0, 1),
    "without running statistics": (
        chain(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, track_running_stats=False)),
        0,
        1,
    ),
    "a linear layer": (nn.Sequential(nn.Flatten(), nn.Linear(72, 3), nn.BatchNorm1d(3)), 1, 0),
    "an output that is read twice": (Shared(), 0, 1),
    "a convolution that is used twice": (Twice(), 2, 0),
    "two in a row": (chain(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)), 2, 0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_folded_network_is_the_same_and_folding_is_done_where_it_can_be(case):
    model, done, left = CASES[case]
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.fill_(0.5)
            part.running_var.fill_(2.0)
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None and part.affine:
            trained_looking(part, 1)
    model.eval()
    made, *counts = folded(model, TASK)
    assert counts == [done, left]
    targets = [str(node.target) for node in made.graph.nodes if node.op == "call_function"]
    assert sum("batch_norm" in target for target in targets) == left
    batches = random_batches(TASK)
    for ours, theirs in zip(outputs(model, batches), outputs(made.module(), batches), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_is_folded_takes_the_place_of_what_it_was_made_of():
    made, _, _ = folded(CASES["convolution, normalisation"][0].eval(), TASK)
    assert sum(tensor.numel() for tensor in made.state_dict.values()) == 3 * 2 * 9 + 3


def test_folding_is_no_further_from_the_exact_answer_than_float32_is():
    subject = hand_built("resnet20_cifar", 16)
    exact = copy.deepcopy(subject.model).double()
    network = folded(subject.model, subject.task)[0].module()
    (images,) = random_batches(subject.task)[1:]
    with torch.no_grad():
        wanted = exact(images.double())
        usual = (subject.model(images) - wanted).abs().max()
        ours = (network(images) - wanted).abs().max()
    assert 0 < ours < 4 * usual
