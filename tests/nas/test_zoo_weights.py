"""Weights of torchvision and timm fit, by name or in order, and give their outputs.

In double precision, on small images, with weights and statistics drawn at random. Where the zoo
builds torchvision's own network there is nothing to map but the names.
"""

from __future__ import annotations

from functools import partial

import pytest
import timm
import torch
from torch import nn
from torchvision import models
from torchvision.models import densenet, resnet, vgg11_bn

import nas
from nas.zoo.catalog import ZOO
from nas.zoo.densenet import DenseLayer
from nas.zoo.resnet_cifar import BasicBlock
from nas.zoo.resnext import GroupedBlock


def settled(model: nn.Module) -> nn.Module:
    """Return it in double precision, normalising by statistics that are not 0 and 1."""
    random = torch.Generator().manual_seed(3)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.copy_(torch.randn(part.num_features, generator=random) / 10)
            part.running_var.copy_(torch.rand(part.num_features, generator=random) + 0.5)
    return model.double().eval()


def in_order(ours: nn.Module, theirs: nn.Module) -> None:
    values = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))


def differ(ours: nn.Module, theirs: nn.Module, channels: int, side: int) -> float:
    x = torch.randn(
        2, channels, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        expected = theirs(x)
        assert expected.abs().max() > 1e-6
        return float(((ours(x) - expected) / expected.abs().max()).abs().max())


@pytest.mark.parametrize(
    ("name", "theirs", "side"),
    [
        ("inception_v4", "inception_v4", 107),
        ("inception_resnet_v2", "inception_resnet_v2", 107),
        ("se_resnet50", "legacy_seresnet50", 64),
        ("se_resnext50_32x4d", "legacy_seresnext50_32x4d", 64),
        ("senet154", "legacy_senet154", 64),
    ],
)
def test_weights_of_timm_load_by_name_and_give_its_outputs(name, theirs, side):
    other = settled(timm.create_model(theirs, num_classes=5))
    model = nas.create_model(name, num_classes=5, size=side).double().eval()
    model.load_state_dict(other.state_dict())
    assert differ(model, other, 3, side) < 1e-9


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("alexnet", models.alexnet),
        ("vgg16_bn", models.vgg16_bn),
        ("resnet50_v15", models.resnet50),
        ("resnext50_32x4d", models.resnext50_32x4d),
        ("wide_resnet50_2", models.wide_resnet50_2),
        ("densenet121", models.densenet121),
        ("mobilenet_v2_100", models.mobilenet_v2),
        ("shufflenet_v2_100", models.shufflenet_v2_x1_0),
        ("googlenet_bn", partial(models.googlenet, aux_logits=True, init_weights=False)),
        ("inception_v3", partial(models.inception_v3, aux_logits=True, init_weights=False)),
    ],
)
def test_weights_of_torchvision_have_the_names_and_shapes_of_the_zoo(name, theirs):
    with torch.device("meta"):
        ours, other = nas.create_model(name).state_dict(), theirs(num_classes=1000).state_dict()
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in other.items()}


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_050", "densenet121"])
def test_a_network_of_torchvision_gives_its_outputs(name):
    theirs = {"shufflenet_v2_050": "shufflenet_v2_x0_5"}.get(name, name)
    other = settled(getattr(models, theirs)(num_classes=5))
    model = nas.create_model(name, num_classes=5).double().eval()
    model.load_state_dict(other.state_dict())
    assert differ(model, other, 3, 64) < 1e-9


def test_resnet_v1_is_v15_but_for_where_the_stride_is():
    v1, v15 = (nas.create_model(name, num_classes=5) for name in ("resnet50", "resnet50_v15"))
    v1.load_state_dict(v15.state_dict())
    assert differ(v1.double().eval(), v15.double().eval(), 3, 64) > 1e-3
    moved = [b for b in v1.modules() if isinstance(b, resnet.Bottleneck)]
    assert [b.conv1.stride[0] for b in moved].count(2) == 3
    assert {b.conv2.stride[0] for b in moved} == {1}


def test_mobilenet_v1_is_that_of_timm():
    other = settled(timm.create_model("mobilenetv1_100", num_classes=5, act_layer=nn.ReLU))
    model = nas.create_model("mobilenet_v1_100", num_classes=5, size=64).double().eval()
    in_order(model, other)
    assert differ(model, other, 3, 64) < 1e-9


def test_the_cifar_form_of_vgg_has_the_features_of_torchvision():
    other = settled(vgg11_bn(num_classes=5)).features
    model = nas.create_model("vgg11_bn_cifar").double().eval().features
    model.load_state_dict(other.state_dict())
    assert differ(model, other, 3, 32) < 1e-9


def _projected(c_in: int, c_out: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            BasicBlock(16, 32, 2, project=True),
            resnet.BasicBlock(16, 32, 2, _projected(16, 32, 2)),
        ),
        (
            GroupedBlock(16, 32, 64, 4, 2),
            resnet.Bottleneck(16, 16, 2, _projected(16, 64, 2), groups=4, base_width=32),
        ),
        (
            nn.Sequential(*(DenseLayer(16 + 12 * i, 12, bottleneck=True) for i in range(3))),
            densenet._DenseBlock(3, 16, 4, 12, 0.0),
        ),
    ],
    ids=["basic block of option B", "grouped bottleneck", "dense block"],
)
def test_a_block_of_our_own_is_that_of_torchvision(ours, theirs):
    theirs = settled(theirs)
    in_order(ours.double().eval(), theirs)
    assert differ(ours, theirs, 16, 8) < 1e-9


WIDTHS = ("05", "10", "15", "20")  # of ShuffleNet v2, in tenths
QUOTED = [
    name for name in ZOO.names() if ZOO.get(name).paper.where.startswith("torchvision, IMAGENET1K")
]


def of_torchvision(name: str) -> str:
    """Return torchvision's name for a network of the zoo."""
    return {
        "googlenet_bn": "googlenet",
        **{f"shufflenet_v2_{tens}0": f"shufflenet_v2_x{tens[0]}_{tens[1]}" for tens in WIDTHS},
    }.get(name, name.removesuffix("_v15"))


@pytest.mark.parametrize("name", QUOTED)
def test_figures_quoted_from_torchvision_are_those_of_its_weights(name):
    weights = models.get_model_weights(of_torchvision(name)).IMAGENET1K_V1
    metrics, paper = weights.meta["_metrics"]["ImageNet-1K"], ZOO.get(name).paper
    assert (paper.top1, paper.top5) == (metrics["acc@1"], metrics["acc@5"])
    if paper.madds and name != "inception_v3":  # which quotes another paper's
        assert float(paper.madds[:-1]) == pytest.approx(weights.meta["_ops"], abs=0.005)


def test_most_networks_of_torchvision_quote_its_figures():
    assert len(QUOTED) >= 18
