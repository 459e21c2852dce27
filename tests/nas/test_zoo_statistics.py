"""Images are normalised as the released weights of a network want them."""

from __future__ import annotations

import pytest
import timm
import torch
from safetensors.torch import save_file
from torchvision import models

import nas
from nas.export.zoo import zoo_subject
from nas.finetune.start import from_weights
from nas.normalisation import CENTRED, IMAGENET, Statistics
from nas.training.blueprint import Blueprint
from nas.zoo.catalog import ZOO
from tests.nas.test_zoo_weights import QUOTED, of_torchvision

OF_TIMM = {
    "inception_v4": "inception_v4",
    "inception_resnet_v2": "inception_resnet_v2",
    "nasnet_a_large": "nasnetalarge",
    "pnasnet_5_large": "pnasnet5large",
    "mobilenet_v1_100": "mobilenetv1_100",
    "se_resnet50": "legacy_seresnet50",
    "se_resnext101_32x4d": "legacy_seresnext101_32x4d",
    "senet154": "legacy_senet154",
}


@pytest.mark.parametrize(("name", "theirs"), OF_TIMM.items())
def test_images_for_weights_of_timm_are_normalised_as_its_configuration_says(name, theirs):
    configuration = timm.get_pretrained_cfg(theirs)
    assert ZOO.get(name).statistics == Statistics(configuration.mean, configuration.std)


@pytest.mark.parametrize("name", QUOTED)
def test_images_for_weights_of_torchvision_are_normalised_as_its_transforms_say(name):
    """Googlenet and inception_v3 are built for their weights with an input of their own."""
    kind = of_torchvision(name)
    transforms = models.get_model_weights(kind).IMAGENET1K_V1.transforms()
    transformed = kind in {"googlenet", "inception_v3"}
    statistics = ZOO.get(name).statistics
    assert statistics == (CENTRED if transformed else IMAGENET)
    if not transformed:
        assert statistics == Statistics(tuple(transforms.mean), tuple(transforms.std))


@pytest.mark.parametrize("name", ["googlenet_bn", "inception_v3"])
def test_transform_input_of_torchvision_is_the_arithmetic_of_our_statistics(name):
    kind = of_torchvision(name)
    pixels = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    weights = models.get_model_weights(kind).IMAGENET1K_V1
    with torch.device("meta"):
        theirs = models.get_model(kind, transform_input=True, init_weights=False)
    wanted = theirs._transform_input(normalised(pixels, *both(weights.transforms())))
    torch.testing.assert_close(normalised(pixels, *both(ZOO.get(name).statistics)), wanted)


def both(source):
    return source.mean, source.std


def normalised(pixels, mean, std):
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    return (pixels - mean) / std


def test_an_export_and_a_fine_tuning_take_the_statistics_of_the_network(tmp_path):
    name = "mobilenet_v1_025"
    file = tmp_path / "weights.safetensors"
    save_file(nas.create_model(name).state_dict(), file)
    card = zoo_subject(name, weights=file).card
    assert (card.mean, card.std) == ((0.5,) * 3, (0.5,) * 3)
    assert card.data["mean and std"].endswith("the released weights: pixels from -1 to 1")
    assert from_weights(Blueprint.named(name), file).statistics == CENTRED


def test_what_has_no_released_weights_is_normalised_as_imagenet_and_grey_by_a_half():
    card = zoo_subject("nasbench201_resnet").card
    assert Statistics(card.mean, card.std) == IMAGENET
    assert card.data["mean and std"] == "assumed, those of ImageNet"
    grey = zoo_subject("lenet5").card
    assert (grey.mean, grey.std, grey.data["mean and std"]) == ((0.5,), (0.5,), "assumed")
