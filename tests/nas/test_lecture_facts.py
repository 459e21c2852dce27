"""What the lecture behind the zoo says of its networks, held against the networks themselves.

The lecture's claims are numbered S01 to S82 in the project's reference table, some confirmed, some
corrected. Each that a network or its recipe can answer is a test here; ``TOLD`` names the others,
which are history, and ``ELSEWHERE`` those that another file tests.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import pytest
import torch
from torch import nn

from nas.controllers.reinforce import Reinforce
from nas.profile import LayerRow, Profile, profile
from nas.trial import Result
from nas.zoo.catalog import ZOO
from searchspaces import Task
from searchspaces.catalog import SPACES

if TYPE_CHECKING:
    from collections.abc import Callable

    from nas.zoo.training import Training

CLAIMS = {f"S{number:02}" for number in range(1, 83)}
# Who won what and when, error rates of entries, hardware, links, which advice to follow.
TOLD = {
    *("S01", "S03", "S09", "S17", "S19", "S22", "S23", "S24", "S42", "S56", "S57", "S62"),
    *("S66", "S76", "S77", "S80", "S81", "S82"),
}
# S02: the four cases of transfer; S79: REINFORCE with its baseline against the exact gradient;
# S15 and S60: tests/nas/test_zoo_ensembles.py.
ELSEWHERE = {"S02", "S15", "S60", "S79"}
TESTED: set[str] = set()
Test = TypeVar("Test", bound="Callable[..., None]")


def claims(*ids: str) -> Callable[[Test], Test]:
    """Note which claims a test is about."""

    def noted(test: Test) -> Test:
        TESTED.update(ids)
        return test

    return noted


@cache
def net(name: str) -> nn.Module:
    with torch.device("meta"):
        return ZOO.create(name).build(ZOO.get(name).task)


@cache
def cost(name: str) -> Profile:
    return profile(net(name), ZOO.get(name).task, open_sequences=True)


def rows(name: str, *kinds: str) -> list[LayerRow]:
    return [row for row in cost(name).layers if row.kind in kinds]


def modules(name: str, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in net(name).modules() if isinstance(module, kind)]


def weighty(name: str) -> int:
    return len(modules(name, nn.Conv2d)) + len(modules(name, nn.Linear))


def parameters(name: str) -> int:
    return cost(name).params


def weights(name: str) -> int:
    """Return all parameters, auxiliary ones too, without running the network."""
    return sum(p.numel() for p in net(name).parameters())


def recipe(name: str) -> Training:
    found = ZOO.get(name).recipe
    assert found is not None
    return found


def of_convolution(c_in: int, c_out: int, kernel: int, side: int, groups: int = 1) -> Profile:
    layer = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return profile(nn.Sequential(layer), Task(c_in, side, side, 1))


@claims("S04")
def test_lenet_has_three_layers_of_weights_after_its_pools():
    kinds = [row.kind for row in cost("lenet5").layers]
    after = kinds[max(i for i, kind in enumerate(kinds) if "Pool" in kind) :]
    assert sum(kind in {"Conv2d", "Linear"} for kind in after) == 3
    assert (parameters("lenet5"), parameters("lenet5_1998")) == (61_706, 60_000)


@claims("S05", "S06", "S07", "S08", "S16")
def test_the_first_layers_of_alexnet_are_55_and_27_pixels_wide():
    first = rows("alexnet_groups", "Conv2d")[0]
    pool = rows("alexnet_groups", "MaxPool2d")[0]
    assert (first.output, first.params) == ((96, 55, 55), 34_848 + 96)
    assert (pool.output, pool.params) == ((96, 27, 27), 0)
    assert rows("alexnet", "Conv2d")[0].output[1:] == (55, 55)  # 224 pixels, padded by 2
    assert (227 - 11) % 4 == 0 != (224 - 11) % 4


@claims("S10", "S11", "S12", "S13", "S14")
def test_alexnet_is_trained_as_its_paper_says():
    assert [layer.p for layer in modules("alexnet_groups", nn.Dropout)] == [0.5, 0.5]
    paper = recipe("alexnet_groups")
    assert (paper.batch_size, paper.momentum, paper.learning_rate) == (128, 0.9, 0.01)
    assert (paper.weight_decay, paper.epochs) == (5e-4, 90)


@claims("S18")
def test_the_second_fourth_and_fifth_convolution_of_alexnet_see_one_gpu():
    assert [conv.groups for conv in modules("alexnet_groups", nn.Conv2d)] == [1, 2, 1, 2, 2]
    assert (parameters("alexnet_groups"), parameters("alexnet_one_tower")) == (
        60_965_224,
        62_378_344,
    )
    assert cost("alexnet_groups").madds == pytest.approx(724.4e6, rel=1e-3)
    assert cost("alexnet_one_tower").madds == pytest.approx(1135.3e6, rel=1e-3)


@claims("S20", "S21")
def test_zfnet_looks_closer_and_only_its_ablation_is_wider():
    first, second, *others = modules("zfnet", nn.Conv2d)
    assert (first.kernel_size, first.stride, second.stride) == ((7, 7), (2, 2), (2, 2))
    assert [conv.out_channels for conv in others] == [384, 384, 256]
    assert [c.out_channels for c in modules("zfnet_wide", nn.Conv2d)[2:]] == [512, 1024, 512]
    assert (parameters("zfnet"), parameters("zfnet_wide")) == (62_357_608, 107_627_624)


@claims("S25", "S26", "S27")
def test_vgg_stacks_3x3_convolutions_that_see_7x7_with_45_percent_fewer_weights():
    for conv in modules("vgg16", nn.Conv2d):
        assert (conv.kernel_size, conv.stride, conv.padding) == ((3, 3), (1, 1), (1, 1))
    for pool in modules("vgg16", nn.MaxPool2d):
        assert (pool.kernel_size, pool.stride) == (2, 2)
    wide = 64
    three = nn.Sequential(*(nn.Conv2d(wide, wide, 3, padding=1, bias=False) for _ in range(3)))
    stack = profile(three, Task(wide, 32, 32, 1))
    one = of_convolution(wide, wide, 7, 32)
    assert stack.receptive_field == one.receptive_field == (7, 7)
    assert stack.params / one.params == pytest.approx(0.551, abs=5e-4)


@claims("S28", "S29", "S30", "S31")
def test_vgg16_takes_61_megabytes_of_activations_and_not_96():
    image = 3 * 224 * 224
    # Its average pool changes nothing at 224 pixels, and is no row of the lecture's table.
    results = [row for row in cost("vgg16").layers if row.kind != "AdaptiveAvgPool2d"]
    floats = image + sum(row.memory for row in results) // 4
    assert floats == 15_237_608
    assert 2 * 4 * floats == pytest.approx(121.9e6, rel=1e-3)  # with the gradients
    linear = sum(row.params for row in rows("vgg16", "Linear"))
    assert linear / parameters("vgg16") == pytest.approx(0.894, abs=5e-4)
    early = image + sum(row.memory for row in results if row.output[1:] >= (112, 112)) // 4
    second = next(r for r in results if r.kind == "MaxPool2d" and r.output[1:] == (56, 56))
    assert (early + second.memory // 4) / floats == pytest.approx(0.71, abs=0.02)
    assert (parameters("vgg16"), parameters("vgg19")) == (138_357_544, 143_667_240)
    madds = [cost(name).madds for name in ("vgg16", "vgg19")]
    assert madds == pytest.approx([15.47e9, 19.63e9], rel=1e-3)


@claims("S32", "S39", "S40", "S41")
def test_googlenet_has_22_layers_nine_modules_and_one_linear_layer():
    from nas.zoo.googlenet import Auxiliary, Inception

    assert len(modules("googlenet", Inception)) == 9
    # Convolutions before the modules, two in a row in each of them, one linear layer.
    stem = [row for row in rows("googlenet", "Sequential") if row.params]
    assert len(stem) + 2 * 9 + 1 == 22
    linear = rows("googlenet", "Linear")
    assert [row.params for row in linear] == [1_025_000]
    assert len(modules("googlenet", Auxiliary)) == 2
    assert recipe("googlenet").auxiliary_weight == 0.3
    ratio = parameters("alexnet_groups") / parameters("googlenet")
    assert ratio == pytest.approx(8.7, abs=0.05)
    without = parameters("alexnet_groups") / (parameters("googlenet") - 1_025_000)
    assert without == pytest.approx(10.2, abs=0.05)


@claims("S33", "S34", "S35", "S36", "S37")
def test_a_bottleneck_saves_two_thirds_of_the_operations_of_an_inception_module():
    from nas.zoo.googlenet import Inception, Widths

    widths = Widths(one=128, before_three=64, three=192, before_five=64, five=96, pool=64)
    task = Task(256, 28, 28, 1)
    naive, reduced = (
        profile(nn.Sequential(Inception(256, widths, naive=naive)), task) for naive in (True, False)
    )
    assert (naive.layers[0].output, reduced.layers[0].output) == ((672, 28, 28), (480, 28, 28))
    assert (naive.madds, reduced.madds) == (854_196_224, 271_351_808)
    three = of_convolution(64, 192, 3, 28).madds
    assert reduced.madds + three == pytest.approx(358e6, rel=1e-3)  # the slide counts it twice


@claims("S38")
def test_a_1x1_convolution_costs_its_channels_at_every_pixel():
    seen = of_convolution(64, 32, 1, 56)
    assert (seen.layers[0].output, seen.params) == ((32, 56, 56), 2_048)
    assert seen.madds == 6_422_528


@claims("S43", "S44", "S45", "S46", "S47")
def test_residual_networks_have_18_to_152_layers_and_bottlenecks_from_50_on():
    sizes = {"resnet18": 11.69, "resnet34": 21.80, "resnet50": 25.56, "resnet101": 44.55}
    for name, millions in (sizes | {"resnet152": 60.19}).items():
        depth = int(name.removeprefix("resnet"))
        assert parameters(name) == pytest.approx(millions * 1e6, abs=1e4)
        projections = 4 if depth >= 50 else 3
        assert weighty(name) - projections == depth
        kernels = [conv.kernel_size[0] for conv in modules(name, nn.Conv2d)]
        assert kernels[0] == 7
        assert (kernels.count(1) > projections) == (depth >= 50)
        assert len(modules(name, nn.Linear)) == 1


@claims("S48", "S49", "S54")
def test_residual_networks_normalise_after_each_convolution_and_drop_nothing():
    torch.manual_seed(0)
    network = ZOO.create("resnet18").build(Task(3, 32, 32, 10))
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == len([m for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert not [m for m in network.modules() if isinstance(m, nn.Dropout)]
    for conv in convs:
        fan = conv.out_channels * math.prod(conv.kernel_size)
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan), rel=0.05)


@claims("S50", "S51", "S52", "S53")
def test_residual_networks_decay_by_1e_4():
    imagenet, cifar = recipe("resnet50"), recipe("resnet110_cifar")
    assert (imagenet.momentum, imagenet.learning_rate, imagenet.batch_size) == (0.9, 0.1, 256)
    assert (imagenet.weight_decay, cifar.weight_decay, cifar.batch_size) == (1e-4, 1e-4, 128)


@claims("S55")
def test_1202_layers_tested_worse_than_110():
    assert weighty("resnet1202_cifar") == 1202
    assert weights("resnet1202_cifar") == 19_421_274
    deep, fair = (ZOO.get(f"resnet{depth}_cifar").paper.top1 for depth in (1202, 110))
    assert (deep, fair) == (pytest.approx(100 - 7.93), pytest.approx(100 - 6.43))


@claims("S58")
def test_only_the_inception_networks_called_resnet_add_their_input():
    from nas.zoo.inception_blocks import Residual

    assert not modules("inception_v4", Residual)
    assert modules("inception_resnet_v2", Residual)


@claims("S59")
def test_alexnet_vgg_and_googlenet_trade_operations_for_memory():
    figures = {
        name: (round(cost(name).madds / 1e9, 2), round(parameters(name) / 1e6, 1))
        for name in ("alexnet_groups", "vgg16", "googlenet")
    }
    assert figures == {
        "alexnet_groups": (0.72, 61.0),
        "vgg16": (15.47, 138.4),
        "googlenet": (1.58, 7.0),
    }


@claims("S61")
def test_senet_154_squeezes_by_a_mean_and_two_layers():
    from nas.zoo.senet import Excitation

    blocks = modules("senet154", Excitation)
    assert len(blocks) == 3 + 8 + 36 + 3
    for block in blocks:
        first, second = (layer.weight.shape for layer in (block.fc1, block.fc2))
        assert (first[0], second[:2], first[2:]) == (first[1] // 16, first[1::-1], (1, 1))
    torch.manual_seed(0)
    block, maps = Excitation(32), torch.randn(2, 32, 5, 7)
    squeezed = maps.mean((2, 3))
    hidden = torch.relu(squeezed @ block.fc1.weight.flatten(1).T + block.fc1.bias)
    weighed = torch.sigmoid(hidden @ block.fc2.weight.flatten(1).T + block.fc2.bias)
    torch.testing.assert_close(block(maps), maps * weighed[:, :, None, None])
    assert parameters("senet154") == 115_088_984
    assert cost("senet154").madds == pytest.approx(20.69e9, rel=2e-3)


@claims("S63")
def test_network_in_network_has_1x1_layers_and_no_linear_one():
    assert (parameters("nin_cifar"), parameters("nin_imagenet")) == (966_986, 7_595_176)
    kernels = [conv.kernel_size for conv in modules("nin_cifar", nn.Conv2d)]
    assert kernels.count((1, 1)) == 6
    assert not modules("nin_cifar", nn.Linear)


@claims("S64", "S65")
def test_a_pre_activated_block_adds_without_a_relu_behind():
    from nas.zoo.preact_blocks import PreActBlock

    assert weights("preact_resnet1001_cifar") == 10_327_706
    norms = sum(
        p.numel()
        for norm in modules("preact_resnet1001_cifar", nn.BatchNorm2d)
        for p in norm.parameters()
    )
    assert 10_327_706 - norms == 10_178_490
    torch.manual_seed(0)
    network = ZOO.create("preact_resnet110_cifar").build(Task(3, 32, 32, 10))
    block = [m for m in network.modules() if isinstance(m, PreActBlock)][1]
    with torch.no_grad():
        for p in block.parameters():
            p.zero_()
    x = torch.randn(2, 16, 8, 8)
    torch.testing.assert_close(block(x), x)  # the identity, negative values and all


@claims("S67", "S68")
def test_wide_networks_are_wider_and_not_smaller():
    # Errors on one crop: 21.9 against 23.0 and 6.7 %, with more parameters for the same work.
    wide, deep = (ZOO.get(name).paper for name in ("wide_resnet50_2", "resnet152"))
    assert (wide.top1, deep.top1, deep.top5) == (100 - 21.9, 100 - 23.0, pytest.approx(100 - 6.7))
    assert "Table 9 and the README: 5.79" in wide.where
    assert cost("resnet152_v15").madds == pytest.approx(11.5e9, rel=5e-3)
    assert parameters("wide_resnet50_2") == pytest.approx(68.9e6, abs=5e4)
    assert parameters("resnet152") == pytest.approx(60.2e6, abs=5e4)
    assert cost("wide_resnet50_2").madds == pytest.approx(11.4e9, rel=5e-3)
    assert parameters("wide_resnet28_10_cifar") == 36_479_194


@claims("S69")
def test_cardinality_costs_no_parameters():
    assert parameters("resnext50_32x4d") == pytest.approx(25.0e6, abs=5e4)
    assert cost("resnext50_32x4d").madds == pytest.approx(4.23e9, rel=5e-3)
    assert cost("resnet50_v15").madds == pytest.approx(4.09e9, rel=5e-3)
    assert {conv.groups for conv in modules("resnext50_32x4d", nn.Conv2d)} == {1, 32}


@claims("S70")
def test_a_fractal_has_the_parameters_of_the_released_generator():
    sizes = {
        parameters(name) / 1e6 for name in ("fractalnet20_cifar", "fractalnet20_widened_cifar")
    }
    assert any(size == pytest.approx(33.7, abs=0.05) for size in sizes)


@claims("S71")
def test_every_dense_layer_reads_all_before_it():
    from nas.zoo.densenet import DenseLayer

    assert parameters("densenet_bc_100_12_cifar") == 769_162
    layers = modules("densenet_40_12_cifar", DenseLayer)
    reads = [next(m for m in layer.modules() if isinstance(m, nn.Conv2d)) for layer in layers]
    block = [conv.in_channels for conv in reads[:12]]
    assert block == [16 + 12 * number for number in range(12)]  # 12 * 13 / 2 links with the output


@claims("S72", "S73", "S74", "S75")
def test_a_depthwise_separable_convolution_is_8_8_times_smaller():
    standard = of_convolution(512, 512, 3, 14)
    depthwise, pointwise = of_convolution(512, 512, 3, 14, 512), of_convolution(512, 512, 1, 14)
    assert standard.params == 512 * 3 * 3 * 512 == 2_359_296
    separable = depthwise.params + pointwise.params
    assert separable == 266_752
    assert standard.params / separable == pytest.approx(1 / (1 / 512 + 1 / 9))
    assert depthwise.layers[0].output == (512, 14, 14)
    first = next(m for m in net("mobilenet_v1_100").modules() if getattr(m, "groups", 1) == 512)
    assert isinstance(first, nn.Conv2d)
    assert first.out_channels == 512  # one filter a channel, and not N


@claims("S78")
def test_the_controller_of_2016_is_a_setting_of_reinforce():
    """Two layers of 35 units, Adam at 6e-4 (arXiv 1611.01578); our reward is not cubed."""
    space = SPACES.create("nas2016")
    controller = Reinforce(space, seed=1, hidden=35, layers=2, learning_rate=6e-4)
    assert [cell.hidden_size for cell in controller.policy.cells] == [35, 35]
    assert isinstance(controller.optimizer, torch.optim.Adam)
    assert [group["lr"] for group in controller.optimizer.param_groups] == [6e-4]
    (proposal,) = controller.ask(1)
    assert space.decode(proposal.decisions).space == "nas2016"
    before = [p.clone() for p in controller.policy.parameters()]
    controller.tell(Result(1, proposal, 0.5, {}))
    after = controller.policy.parameters()
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_every_claim_is_tested_or_named_as_one_that_no_network_can_answer():
    assert {"S01", "S82"} <= CLAIMS
    assert TESTED | TOLD | ELSEWHERE == CLAIMS
    assert not TESTED & (TOLD | ELSEWHERE)
    assert not TOLD & ELSEWHERE
