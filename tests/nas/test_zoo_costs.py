"""Every published searched network costs exactly what an independent builder computed.

``searched_networks.csv`` copies those rows of the project's reference table of networks that were
computed from the authors' code and genotypes, not from this package.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from nas.profile import profile
from nas.zoo.amoebanet import AMOEBANET_A, AMOEBANET_B, AMOEBANET_C, AMOEBANET_D
from nas.zoo.catalog import ZOO
from nas.zoo.darts import DARTS_V1, DARTS_V2
from nas.zoo.enas import ENAS_MICRO
from nas.zoo.nasnet_a import NASNET_A
from nas.zoo.pnasnet import PNASNET_5
from searchspaces import Task
from searchspaces.catalog import SPACES
from searchspaces.darts import from_genotype
from searchspaces.scale import Scale

if TYPE_CHECKING:
    from searchspaces.arch import Arch

TABLE = Path(__file__).with_name("searched_networks.csv")
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))
MOBILE = {"stem": "imagenet", "stem_multiplier": 1.0}
LARGE = {"stem": "imagenet", "stem_multiplier": 3.0}


def at(arch: Arch, cells: int, filters: int, **stem) -> tuple[Arch, Scale]:
    return arch, Scale(cells=cells, filters=filters, **stem)


# What the repository of DARTS calls NASNet and AmoebaNet: not the cells of those papers.
OTHER_NASNET = from_genotype(
    [
        *[("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 0), ("sep_conv_3x3", 0)],
        *[("avg_pool_3x3", 1), ("skip_connect", 0), ("avg_pool_3x3", 0), ("avg_pool_3x3", 0)],
        *[("sep_conv_3x3", 1), ("skip_connect", 1)],
    ],
    [
        *[("sep_conv_5x5", 1), ("sep_conv_7x7", 0), ("max_pool_3x3", 1), ("sep_conv_7x7", 0)],
        *[("avg_pool_3x3", 1), ("sep_conv_5x5", 0), ("skip_connect", 3), ("avg_pool_3x3", 2)],
        *[("sep_conv_3x3", 2), ("max_pool_3x3", 1)],
    ],
    concats=((2, 3, 4, 5, 6), (4, 5, 6)),
)
OTHER_AMOEBANET = from_genotype(
    [
        *[("avg_pool_3x3", 0), ("max_pool_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 2)],
        *[("sep_conv_3x3", 0), ("avg_pool_3x3", 3), ("sep_conv_3x3", 1), ("skip_connect", 1)],
        *[("skip_connect", 0), ("avg_pool_3x3", 1)],
    ],
    [
        *[("avg_pool_3x3", 0), ("sep_conv_3x3", 1), ("max_pool_3x3", 0), ("sep_conv_7x7", 2)],
        *[("sep_conv_7x7", 0), ("avg_pool_3x3", 1), ("max_pool_3x3", 0), ("max_pool_3x3", 1)],
        *[("conv_7x1_1x7", 0), ("sep_conv_3x3", 5)],
    ],
    concats=((4, 5, 6), (3, 4, 6)),
)


BUILT = {
    ("NASNet-A", "6@768"): at(NASNET_A, 6, 32),
    ("NASNet-A", "7@2304"): at(NASNET_A, 7, 96),
    ("NASNet-A", "6@2304"): at(NASNET_A, 6, 96),
    ("NASNet-A", "4@1056"): at(NASNET_A, 4, 44, **MOBILE),
    ("NASNet-A", "6@4032"): at(NASNET_A, 6, 168, skip_reduction_input=True, **LARGE),
    ("NASNet-A", "5@1538"): at(NASNET_A, 5, 64, **MOBILE),
    ("NASNet-A", "7@1920"): at(NASNET_A, 7, 80, **MOBILE),
    ("AmoebaNet-A", "CIFAR N=6 F=32"): at(AMOEBANET_A, 6, 32),
    ("AmoebaNet-A", "CIFAR N=6 F=36"): at(AMOEBANET_A, 6, 36),
    ("AmoebaNet-A", "CIFAR N=3 F=24"): at(AMOEBANET_A, 3, 24),
    ("AmoebaNet-B", "CIFAR N=6 F=36"): at(AMOEBANET_B, 6, 36),
    ("AmoebaNet-B", "CIFAR N=6 F=128"): at(AMOEBANET_B, 6, 128),
    ("AmoebaNet-C", "CIFAR N=6 F=36"): at(AMOEBANET_C, 6, 36),
    ("AmoebaNet-A", "ImageNet N=4 F=50"): at(AMOEBANET_A, 4, 50, **MOBILE),
    ("AmoebaNet-B", "ImageNet N=3 F=62"): at(AMOEBANET_B, 3, 62, **MOBILE),
    ("AmoebaNet-C", "ImageNet N=4 F=50"): at(AMOEBANET_C, 4, 50, **MOBILE),
    ("AmoebaNet-A", "ImageNet N=6 F=190"): at(AMOEBANET_A, 6, 190, **MOBILE),
    ("AmoebaNet-B", "ImageNet N=6 F=190"): at(AMOEBANET_B, 6, 190, **LARGE),
    ("AmoebaNet-A", "ImageNet N=6 F=448"): at(AMOEBANET_A, 6, 448, **MOBILE),
    ("AmoebaNet-C", "ImageNet N=6 F=228"): at(AMOEBANET_C, 6, 228, **MOBILE),
    ("AmoebaNet-D", "tpu"): at(AMOEBANET_D, 4, 256, **MOBILE),
    ("PNASNet-5", "CIFAR"): at(PNASNET_5, 3, 48),
    ("PNASNet-5", "mobile"): at(PNASNET_5, 3, 54, **MOBILE),
    ("PNASNet-5", "large"): at(PNASNET_5, 4, 216, **LARGE),
    ("ENAS micro", "released arc"): at(ENAS_MICRO, 5, 36),
    ("DARTS V2", "CIFAR"): at(DARTS_V2, 6, 36),
    ("DARTS V1", "CIFAR"): at(DARTS_V1, 6, 36),
    ("DARTS V2", "ImageNet"): at(DARTS_V2, 4, 48, stem="imagenet"),
    ("NASNet (DARTS repo genotype)", "CIFAR"): at(OTHER_NASNET, 6, 36),
    ("AmoebaNet (DARTS repo genotype)", "CIFAR"): at(OTHER_AMOEBANET, 6, 36),
}


def built(row: dict[str, str]) -> tuple[Arch, Scale]:
    found = [
        what
        for (model, variant), what in BUILT.items()
        if model == row["model"] and f"{row['variant']} ".startswith((f"{variant} ", f"{variant},"))
    ]
    assert len(found) == 1, row
    return found[0]


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['model']} {r['variant']}" for r in ROWS])
def test_a_published_network_costs_what_an_independent_builder_computed(row):
    arch, scale = built(row)
    channels, height, width = (int(side) for side in row["input"].split("x"))
    task = Task(channels, height, width, 10 if height == 32 else 1000)
    with torch.device("meta"):
        cost = profile(SPACES.create(arch.space).build(arch, task, scale), task)
    assert cost.params == int(row["params"])
    assert cost.madds == pytest.approx(int(row["mult_adds"]), rel=0.005)


def test_every_searched_network_of_the_zoo_but_those_without_a_row_is_one_of_these():
    missing = {
        name
        for name in ZOO.names()
        if hasattr(model := ZOO.create(name), "arch")
        and (model.arch, model.scale) not in BUILT.values()
    }
    assert missing == {"darts_v1_imagenet", "nasbench201_best", "nasbench201_resnet"}


@pytest.mark.parametrize(
    ("arch", "scale", "task", "extra"),
    [
        (NASNET_A, Scale(cells=6, filters=32), Task(3, 32, 32, 10), 1_631_498),
        (DARTS_V2, Scale(cells=6, filters=36), Task(3, 32, 32, 10), 3_825_768 - 3_349_342),
    ],
    ids=["before the second reduction", "after it"],
)
def test_the_auxiliary_classifier_costs_what_the_authors_code_adds(arch, scale, task, extra):
    space = SPACES.create(arch.space)
    with torch.device("meta"):
        plain = space.build(arch, task, scale)
        trained = space.build(arch, task, scale.model_copy(update={"auxiliary": True}))
    counts = [sum(p.numel() for p in net.parameters()) for net in (plain, trained)]
    assert counts[1] - counts[0] == extra
