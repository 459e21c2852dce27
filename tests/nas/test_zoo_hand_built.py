"""Every hand-built network costs exactly what an independent computation says.

``hand_built_networks.csv`` copies those rows of the project's reference table, computed from
torchvision, timm, released code or separate modules, behind the name that the network has here.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import pytest
import torch

from nas.profile import Profile, profile
from nas.zoo.built import BuiltModel
from nas.zoo.catalog import ZOO
from searchspaces import Task

TABLE = Path(__file__).with_name("hand_built_networks.csv")
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))
FAMILIES = {
    *("LeNet-5", "LeNet", "AlexNet", "ZFNet", "NiN", "VGG", "GoogLeNet", "Inception", "ResNet"),
    *("ResNet CIFAR", "PreAct-ResNet", "Wide-ResNet", "ResNeXt", "SENet", "FractalNet", "DenseNet"),
    *("MobileNet v1", "MobileNet v2", "ShuffleNet v1", "shufflenet"),
}
# Variants of a family for which the reference has no row.
WITHOUT_A_ROW = {
    *("googlenet_naive", "resnext152_32x4d", "wide_resnet28_10_dropout_cifar"),
    *("vgg11_bn", "vgg13_bn", "vgg11_bn_cifar", "vgg13_bn_cifar", "vgg19_bn_cifar"),
    *("shufflenet_v2_050", "shufflenet_v2_150"),
    *("alexnet_ensemble_5", "alexnet_ensemble_7", "fusion_5"),
}


@cache
def cost(name: str, size: tuple[int, int, int]) -> tuple[Profile, int]:
    """Return the profile, and all parameters, those of auxiliary classifiers too."""
    model = ZOO.create(name)
    with torch.device("meta"):
        net = model.build(Task(*size, model.task.classes))
        return profile(net, Task(*size, model.task.classes)), sum(
            p.numel() for p in net.parameters()
        )


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['model']} {r['variant']}" for r in ROWS])
def test_a_hand_built_network_costs_what_an_independent_computation_says(row):
    channels, height, width = (int(side) for side in row["input"].split("x"))
    seen, parameters = cost(row["name"], (channels, height, width))
    with_auxiliaries = "auxiliary" in row["variant"]
    assert (parameters if with_auxiliaries else seen.params) == int(row["params"])
    if row["mult_adds"]:
        assert seen.madds == pytest.approx(int(row["mult_adds"]), rel=0.005)


def test_every_row_of_every_family_has_a_network_and_every_network_a_row():
    built = {name for name in ZOO.names() if issubclass(ZOO.get(name), BuiltModel)}
    named = {row["name"] for row in ROWS}
    assert {row["model"] for row in ROWS} == FAMILIES
    assert named <= built
    assert built - named == WITHOUT_A_ROW


def test_the_1998_lenet_has_the_connections_of_the_paper():
    """340,908: every product and every bias of C1 to F6, the pools' too, and 840 of the output."""
    with torch.device("meta"):
        net = ZOO.create("lenet5_1998").build(Task(1, 32, 32, 10))
        sizes = {}
        for name, module in net.named_modules():
            module.register_forward_hook(
                lambda _module, _args, out, name=name: sizes.update({name: out[0].numel()})
            )
        net.eval()(torch.empty(1, 1, 32, 32))
    total = 0
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            each = module.in_channels * module.kernel_size[0] * module.kernel_size[1] + 1
            total += sizes[name] * each
        elif isinstance(module, torch.nn.Linear):
            total += sizes[name] * (module.in_features + 1)
        elif type(module).__name__ == "Subsampling":
            total += sizes[name] * 5  # four pixels and the bias
    assert total + 84 * 10 == 340_908


@pytest.mark.parametrize(
    ("name", "auxiliaries"), [("googlenet", 2), ("googlenet_bn", 2), ("inception_v3", 1)]
)
def test_auxiliary_classifiers_answer_in_training_only(name, auxiliaries):
    model = ZOO.create(name)
    side = model.task.height
    with torch.device("meta"):
        net = model.build(model.task)
        images = torch.empty(2, 3, side, side)
        trained, evaluated = net.train()(images), net.eval()(images)
    assert [out.shape for out in trained] == [(2, 1000)] * (1 + auxiliaries)
    assert evaluated.shape == (2, 1000)


def test_the_naive_module_and_the_reduced_one_take_the_multiply_adds_of_the_lecture():
    """854M and 271M on 28x28x256; the 358M of the slide count one term twice."""
    from nas.zoo.googlenet import Inception, Widths

    widths = Widths(one=128, before_three=64, three=192, before_five=64, five=96, pool=64)
    task = Task(256, 28, 28, 1)
    with torch.device("meta"):
        naive = profile(torch.nn.Sequential(Inception(256, widths, naive=True)), task)
        reduced = profile(torch.nn.Sequential(Inception(256, widths)), task)
    assert (naive.layers[0].output[0], reduced.layers[0].output[0]) == (672, 480)
    assert (naive.madds, reduced.madds) == (854_196_224, 271_351_808)
