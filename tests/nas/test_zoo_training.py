"""Hand-built networks train: gradients reach every weight, and what only training does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nas
from nas.data.images import Images
from nas.normalisation import Statistics
from nas.recipe import Recipe
from nas.seeding import seeded
from nas.train import fit
from nas.zoo.catalog import ZOO
from nas.zoo.fractalnet import Fractal, FractalNet, join
from nas.zoo.lenet import C3_READS
from nas.zoo.training import Training
from searchspaces import Task

CPU = torch.device("cpu")
STATISTICS = Statistics((0.5,) * 3, (0.3,) * 3)
SMALL = [
    *("lenet5", "lenet5_1998", "nin_cifar", "googlenet", "resnet18", "resnet20_cifar"),
    *("resnet20_b_cifar", "preact_resnet110_cifar", "wide_resnet16_4_cifar", "se_resnet50"),
    *("resnext29_2x64d_cifar", "densenet_40_12_cifar", "densenet_bc_40_12_cifar", "densenet121"),
    *("mobilenet_v1_025", "mobilenet_v2_100", "shufflenet_v1_g3", "shufflenet_v2_050"),
    "vgg11_bn_cifar",
]


def images(count: int, side: int = 32) -> Images:
    """Return dark and bright noise, three channels."""
    random = torch.Generator().manual_seed(5)
    y = torch.arange(count) % 2
    x = 60 * torch.rand((count, 3, side, side), generator=random) + 120.0 * y[:, None, None, None]
    return Images(x.to(torch.uint8), y)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_weight_at_32_pixels(name):
    with seeded(0, CPU):
        model = nas.create_model(name, num_classes=3, channels=3, size=32).train()
        out = model(torch.rand(4, 3, 32, 32))
        logits = out if isinstance(out, tuple) else (out,)
        labels = torch.tensor([0, 1, 2, 0])
        sum(nn.functional.cross_entropy(one, labels) for one in logits).backward()
    lost = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not lost
    assert sum(p.grad.abs().sum() for p in model.parameters()) > 0


def test_a_small_residual_network_learns_dark_from_bright():
    train = images(64)
    with seeded(0, CPU):
        model = nas.create_model("resnet20_cifar", num_classes=2)
    recipe = Recipe(epochs=3, batch_size=16, device="cpu", learning_rate=0.05)
    metrics = fit(model, train, train, recipe, statistics=STATISTICS, seed=1)
    assert metrics["accuracy"] > 0.9


def test_the_loss_of_both_auxiliary_classifiers_of_googlenet_counts():
    with seeded(0, CPU):
        model = nas.create_model("googlenet", num_classes=2, size=32)
    before = {name: head.linear.weight.clone() for name, head in model.auxiliary.items()}
    recipe = Recipe(epochs=1, batch_size=2, device="cpu", weight_decay=0, warmup_fraction=0)
    fit(model, images(2), None, recipe, statistics=STATISTICS, seed=1)
    for name, head in model.auxiliary.items():
        assert not torch.equal(head.linear.weight, before[name])


def test_a_join_is_a_mean_and_never_drops_all_of_its_columns():
    columns = [torch.full((2,), float(value)) for value in (1, 2, 6)]
    assert join(columns, 0.0).tolist() == [3.0, 3.0]
    with seeded(0, CPU):
        means = {float(join(columns, 0.999)[0]) for _ in range(50)}
        some = {float(join(columns, 0.5)[0]) for _ in range(200)}
    assert means == {1.0, 2.0, 6.0}
    assert some == {1.0, 2.0, 6.0, 1.5, 3.5, 4.0, 3.0}


def test_a_global_batch_runs_one_column_of_a_fractal():
    ran: list[str] = []
    block = Fractal(3, 4, 3, 0.0).eval()
    for name, part in block.named_modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda *_, name=name: ran.append(name))
    for column, layers in ((1, 4), (2, 2), (3, 1), (0, 7)):
        ran.clear()
        block(torch.rand(1, 3, 4, 4), column)
        assert len(ran) == layers


def test_half_of_the_batches_of_a_fractal_network_drop_globally():
    with torch.device("meta"):
        model = FractalNet(Task(3, 32, 32, 10), 3)
    with seeded(0, CPU):
        drawn = [model._draw() for _ in range(600)]
    assert {column for column, _ in drawn} == {0, 1, 2, 3}
    assert 240 < sum(column == 0 for column, _ in drawn) < 360
    assert {drop for column, drop in drawn if column == 0} == {0.15}


def test_the_1998_lenet_answers_with_the_nearest_code():
    model = nas.create_model("lenet5_1998").eval()
    output = model[-1]
    assert output(output.codes).argmax(1).tolist() == list(range(10))
    assert torch.equal(output.codes, nas.create_model("lenet5_1998")[-1].codes)
    assert sorted(len(maps) for maps in C3_READS) == [3] * 6 + [4] * 9 + [6]


def test_a_papers_training_becomes_the_nearest_recipe():
    recipe = ZOO.get("vgg16").recipe.recipe()
    assert (recipe.batch_size, recipe.learning_rate, recipe.weight_decay) == (256, 0.01, 5e-4)
    assert ZOO.get("googlenet").recipe.recipe(epochs=1).auxiliary_weight == 0.3
    # Where workers train beside each other, the batch is that of one of them, as printed.
    batches = [ZOO.get(name).recipe.batch_size for name in ("inception_v3", "mobilenet_v2_100")]
    assert batches == [32, 96]
    # RMSProp's rate means nothing to SGD.
    other = Training("here", "never", learning_rate=0.5, optimiser="RMSProp").recipe()
    assert other.learning_rate == Recipe().learning_rate
