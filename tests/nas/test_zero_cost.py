"""Zero-cost scores against their formulas, and the evaluator that gives them."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import nn

from nas.data import DataSpec, load_search
from nas.evaluators import Request
from nas.evaluators.zero_cost import ZeroCost
from nas.objective import Objective
from nas.spec import Part, SearchSpec
from nas.trial import TrialStopped
from nas.zero_cost import SCORES, grad_norm, jacov, measure_scores, naswot, synflow
from searchspaces import Task
from searchspaces.nasbench201 import NASBench201
from searchspaces.registry import RegistryError
from searchspaces.scale import Scale
from searchspaces.table import TableSpace


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    torch.set_num_threads(1)
    return load_search(DataSpec(train_images=200), 0, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def evaluator(data):
    return ZeroCost(NASBench201(), data, scale=Scale(filters=4), batch=16)


class Small(nn.Module):
    """Two layers with a ReLU between them, without normalisation."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first, self.relu, self.last = nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=generator))

    def forward(self, x):
        return self.last(self.relu(self.first(x.flatten(1))))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 1, 2, 3, generator=generator), torch.arange(8) % 3


def test_naswot_is_the_log_determinant_of_common_switches(batch):
    model, (x, _) = Small(), batch
    on = (model.first(x.flatten(1)) > 0).tolist()
    kernel = [[sum(a == b for a, b in zip(r, s, strict=True)) for s in on] for r in on]
    sign, wanted = torch.linalg.slogdet(torch.tensor(kernel, dtype=torch.float64))
    found = naswot(model, x)
    assert found == pytest.approx(float(wanted)) if sign > 0 else math.isnan(found)


def test_jacov_is_that_of_the_jacobians_computed_one_by_one(batch):
    model, (x, _) = Small(), batch
    rows = []
    for image in x:
        one = image[None].clone().requires_grad_()
        model(one).sum().backward()
        rows.append(one.grad.flatten())
    values = torch.linalg.eigvalsh(torch.corrcoef(torch.stack(rows).double())) + 1e-5
    values = values.clamp_min(1e-5)
    assert jacov(model, x) == pytest.approx(-float((values.log() + 1 / values).sum()), rel=1e-2)


def test_jacov_prefers_images_told_apart(batch):
    x, _ = batch
    same = x[:1].repeat(8, 1, 1, 1) + 1e-3 * x
    assert jacov(Small(), x) > jacov(Small(), same)


def test_the_gradient_norm_is_the_sum_over_weights(batch):
    model, (x, y) = Small(), batch
    loss = nn.functional.cross_entropy(model(x), y)
    wanted = sum(float(g.norm()) for g in torch.autograd.grad(loss, list(model.parameters())))
    assert grad_norm(model, x, y) == pytest.approx(wanted)


def test_synflow_is_the_flow_through_positive_weights(batch):
    model, (x, _) = Small(), batch
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    w1, b1 = model.first.weight.abs().double(), model.first.bias.abs().double()
    w2, b2 = model.last.weight.abs().double(), model.last.bias.abs().double()
    through = w2 @ (w1.sum(1))  # from the image of ones
    # Each layer's weights see the whole flow that passes them; biases what they add.
    flow = 2 * through.sum() + 2 * (w2 @ b1).sum() + b2.sum()
    model.requires_grad_()
    assert synflow(model, x.shape[1:]) == pytest.approx(math.log(float(flow)))


def test_a_network_is_as_before_afterwards(batch):
    space = NASBench201()
    model = space.build(space.decode((3, 3, 3, 2, 1, 3)), Task(1, 8, 8, 3), Scale(filters=4))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    x = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = measure_scores(model, x, torch.arange(8) % 3)
    assert set(found) == {"jacov", "naswot", "synflow", "grad_norm"}
    assert model.training
    for name, t in model.state_dict().items():
        assert t.dtype == before[name].dtype
        assert torch.equal(t, before[name]), name
    assert all(p.grad is None for p in model.parameters())


def test_the_evaluator_is_pure_and_gives_every_score(evaluator):
    rng = random.Random(0)
    space = evaluator.space
    for _ in range(3):
        point = space.sample(rng)
        request = Request(point, space.decode(point), seed=5)
        first = evaluator.evaluate(request, lambda *_: True)
        assert set(first) == set(SCORES)
        assert evaluator.evaluate(request, lambda *_: True) == first
    with pytest.raises(TrialStopped):
        evaluator.evaluate(request, lambda *_: False)


def test_a_search_must_name_one_of_the_scores():
    spec = SearchSpec(space=Part(name="nasbench201"), evaluator=Part(name="zero_cost"))
    with pytest.raises(RegistryError, match=r"objective\.metric is 'accuracy'"):
        spec.checked()
    named = spec.model_copy(update={"objective": Objective(metric="jacov", floor=-1e9)})
    assert named.checked().evaluator.name == "zero_cost"


def test_a_space_without_networks_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("choice:a,accuracy\nx,0.5\n")
    with pytest.raises(RegistryError, match="none to build"):
        ZeroCost.check_space(TableSpace(path=str(path)))
