"""What every network of the zoo must do, at the sizes of its paper; on meta tensors.

Nothing is allocated or computed: 135 networks take a few seconds each at most, even ResNet-1202.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import nas
from nas.profile import profile
from nas.zoo import ZooError
from nas.zoo.built import BuiltModel
from nas.zoo.catalog import ZOO
from nas.zoo.entries import costs, entry, kept, recorded
from searchspaces.registry import RegistryError
from tests.conftest import ROOT

DOCS = ROOT / "docs" / "zoo.md"
UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}


def agrees(cost: int, figure: str, tolerance: float) -> bool:
    """Whether a cost is within the tolerance of a printed figure, or is what it rounds."""
    number, unit = figure[:-1], UNITS[figure[-1]]
    half = 0.5 * 10.0 ** -len(number.partition(".")[2])
    return abs(cost / unit - float(number)) <= max(half, tolerance * float(number))


BUILT = [name for name in ZOO.names() if issubclass(ZOO.get(name), BuiltModel)]


def constructor(name: str) -> object:
    """What builds a hand-built network: its variants differ in the numbers given to it."""
    make = ZOO.get(name).row.make
    return getattr(make, "func", make)


def shallow(name: str) -> tuple[int, int]:
    """Order by depth, as far as a name says it."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return (max(map(int, digits), default=0), len(name))


# One network, the shallowest, of each constructor: the others have nothing new to run.
KINDS = sorted({constructor(n): n for n in sorted(BUILT, key=shallow, reverse=True)}.values())
SEARCHED = [name for name in ZOO.names() if name not in BUILT]


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_costs_what_its_paper_prints_or_says_how_that_differs(name):
    model = ZOO.create(name)
    with torch.device("meta"):
        cost = profile(model.build(model.task), model.task)
    agree = [
        agrees(cost_of, figure, tolerance)
        for cost_of, figure, tolerance in (
            (cost.params, model.paper.params, 0.02),
            (cost.madds, model.paper.madds, 0.005),
        )
        if figure
    ]
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1
    assert f"| {cost.params:,} | {cost.madds / 1e6:,.1f}M |" in rows[0]
    assert recorded()[name] == costs(cost)  # else: make zoo-page
    # Where a paper prints something else than what it describes, the zoo says so.
    assert all(agree) != bool(model.paper.differs)


def test_what_is_on_record_is_what_the_networks_say_of_themselves():
    assert [one["name"] for one in kept()] == ZOO.names()  # else: make zoo-page
    for one in kept():
        assert one == entry(one["name"])


@pytest.mark.parametrize("name", SEARCHED + KINDS)
def test_a_network_takes_other_classes_and_channels(name):
    with torch.device("meta"):
        model = nas.create_model(name, num_classes=7, channels=1).eval()
        size = (ZOO.get(name).task.height, ZOO.get(name).task.width)
        assert model(torch.empty(2, 1, *size)).shape == (2, 7)


@pytest.mark.parametrize("name", ZOO.names())
def test_a_network_says_where_its_figures_are_from(name):
    model = ZOO.get(name)
    assert model.title
    assert model.paper.citation
    assert model.paper.where
    assert model.paper.dataset
    assert 1998 <= model.year <= 2026
    assert model.idea.endswith(".")
    assert ". " not in model.idea


@pytest.mark.parametrize("name", KINDS)
def test_a_hand_built_network_runs_at_both_sizes_or_says_from_which_on(name):
    model = ZOO.create(name)
    for side in (32, 224):
        task = replace(model.task, height=side, width=side)
        with torch.device("meta"):
            if side < model.row.least:
                with pytest.raises(ZooError, match=f"{model.row.least}x{model.row.least} or more"):
                    model.build(task)
                continue
            images = torch.empty(2, task.channels, side, side)
            assert model.build(task).eval()(images).shape == (2, task.classes)


@pytest.mark.parametrize("name", KINDS)
def test_the_least_size_of_a_hand_built_network_is_enough(name):
    model = ZOO.create(name)
    side = model.row.least
    with torch.device("meta"):
        net = model.build(replace(model.task, height=side, width=side)).eval()
        assert net(torch.empty(2, model.task.channels, side, side)).shape[0] == 2


@pytest.mark.parametrize("name", BUILT)
def test_the_training_of_a_paper_is_a_recipe(name):
    training = ZOO.get(name).recipe
    assert training.source
    recipe = training.recipe(epochs=2)
    assert recipe.epochs == 2
    if training.weight_decay is not None:
        assert recipe.weight_decay == training.weight_decay


def test_resnet_decays_by_1e_4_and_not_by_what_the_lecture_says():
    assert {ZOO.get(name).recipe.weight_decay for name in nas.list_models("resnet*")} == {1e-4}


def test_nasnet_a_has_exactly_the_parameters_of_the_authors_code():
    exact = {
        "nasnet_a_cifar": 3_346_538,
        "nasnet_a_mobile": 5_289_978,
        "nasnet_a_large": 88_753_150,
    }
    for name, params in exact.items():
        with torch.device("meta"):
            assert sum(p.numel() for p in nas.create_model(name).parameters()) == params


def test_names_are_listed_by_pattern():
    assert nas.list_models() == ZOO.names()
    assert nas.list_models("nasnet_a_m*") == ["nasnet_a_mobile"]
    assert nas.list_models("no such*") == []


def test_an_unknown_name_and_no_classes_are_refused():
    with pytest.raises(RegistryError, match="nasnet_a_mobile"):
        nas.create_model("nasnet_a_tiny")
    with pytest.raises(ZooError, match="num_classes: 0"):
        nas.create_model("nasnet_a_mobile", num_classes=0)
    with pytest.raises(ZooError, match=r"alexnet: images of 32x32 \(allowed: 63x63 or more\)"):
        nas.create_model("alexnet", size=32)
